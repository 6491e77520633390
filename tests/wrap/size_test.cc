// What a callback costs in memory (wrap/wrap.h): one block of little more than what is
// bound.
//
// Serves no stage of the data flow.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstddef>
#include <cstring>

#include "tests/support/support.h"
#include "wrap/wrap.h"

namespace {

using namespace async;

int add(int a, int b) { return a + b; }

// The size of the one block behind a callback, as the C library rounds it, with its own word.
template <class Callback>
std::size_t chunk_of(const ref<Callback>& cb) {
  return malloc_usable_size(dynamic_cast<void*>(cb.get())) + sizeof(std::size_t);
}

template <class F, class... Bound>
constexpr std::size_t size_of_wrap = sizeof(
    detail::bound_callback<detail::callback_of_t<F, Bound...>, detail::closure_of_t<F, Bound...>>);

// clang 14 keeps a call site in three words.
constexpr std::size_t head = 16 + sizeof(where);

TEST(WrapSize, TwoBoundIntsFitABlockOf64Bytes) {
  callback<int>::ref cb = wrap(&add, 1, 2);
  EXPECT_EQ((size_of_wrap<int (*)(int, int), int, int>), head + 16);
  if (!test::sanitized) {  // which keep more beside each block
    EXPECT_LE(chunk_of(cb), 64u);
  }
}

TEST(WrapSize, TwoBoundWordsFitABlockOf64Bytes) {
  using two_words = void (*)(void*, void*);
  EXPECT_LE((size_of_wrap<two_words, void*, void*>), head + 32);
}

TEST(WrapSize, AMethodOfARefWithAnIntFits64Bytes) {
  struct object : refcount {
    void method(int) {}
  };
  EXPECT_EQ((size_of_wrap<ref<object>, void (object::*)(int), int>), head + 32);
}

TEST(WrapSize, WhatIsEmptyTakesNoRoom) {
  struct tag {};
  auto lambda = [](int, tag, int) {};
  EXPECT_EQ((size_of_wrap<decltype(lambda), int, tag, int>), head + 8);
  auto nothing = [] {};
  EXPECT_LE((size_of_wrap<decltype(nothing)>), head + 8);
}

// A kept value may be overwritten as a whole through a reference to it, so the next one must not
// lie in its tail padding.
TEST(WrapSize, NothingIsKeptInTheTailPaddingOfAnArgument) {
  class padded {
   public:
    padded() = default;
    long wide = 0;
    char narrow = 0;
  };
  auto overwrite = [](padded& p, char& next) {
    std::memset(static_cast<void*>(&p), 'x', sizeof p);
    return next;
  };
  EXPECT_EQ(wrap(overwrite, padded(), 'n')(), 'n');
}

TEST(WrapSize, AnOverAlignedArgumentIsAligned) {
  struct alignas(64) line {
    int n = 3;
  };
  auto aligned = [](char, const line& l) { return reinterpret_cast<std::size_t>(&l) % 64 == 0; };
  EXPECT_TRUE(wrap(aligned, 'c', line())());
}

}  // namespace
