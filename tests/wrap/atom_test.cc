// The one-threaded stand-in for std::atomic behaves as std::atomic does in one thread
// (wrap/detail/atom.h): each test runs on both.
//
// Serves no stage of the data flow.
#include "wrap/detail/atom.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace {

using async::detail::plain_atom;

struct standard {
  template <class T>
  using type = std::atomic<T>;
};
struct plain {
  template <class T>
  using type = plain_atom<T>;
};

template <class Kind>
class Atom : public testing::Test {};
using kinds = testing::Types<standard, plain>;
TYPED_TEST_SUITE(Atom, kinds);

constexpr auto relaxed = std::memory_order_relaxed;

TYPED_TEST(Atom, LoadsWhatWasStored) {
  typename TypeParam::template type<int> a{3};
  EXPECT_EQ(a.load(), 3);
  a.store(4, std::memory_order_release);
  EXPECT_EQ(a.load(std::memory_order_acquire), 4);
  a = 5;
  EXPECT_EQ(static_cast<int>(a), 5);
  typename TypeParam::template type<int*> zero{};
  EXPECT_EQ(zero.load(), nullptr);
}

TYPED_TEST(Atom, ExchangesAndReturnsTheOldValue) {
  typename TypeParam::template type<bool> a{false};
  EXPECT_FALSE(a.exchange(true));
  EXPECT_TRUE(a.exchange(false, std::memory_order_acq_rel));
  EXPECT_FALSE(a.load());
}

TYPED_TEST(Atom, ComparesAndExchangesOnlyWhatIsExpected) {
  typename TypeParam::template type<std::uint64_t> a{1};
  std::uint64_t expected = 2;
  EXPECT_FALSE(a.compare_exchange_strong(expected, 9));
  EXPECT_EQ(expected, 1u);
  EXPECT_EQ(a.load(), 1u);
  EXPECT_TRUE(a.compare_exchange_strong(expected, 9, std::memory_order_acq_rel, relaxed));
  EXPECT_EQ(a.load(), 9u);
  expected = 8;
  EXPECT_FALSE(a.compare_exchange_weak(expected, 1, std::memory_order_release, relaxed));
  EXPECT_EQ(expected, 9u);
  int tries = 0;  // a weak one may fail for no reason, but not for ever
  while (!a.compare_exchange_weak(expected, 1) && tries < 1000) tries++;
  EXPECT_EQ(a.load(), 1u);
}

TYPED_TEST(Atom, AddsAndSubtractsAndReturnsTheOldValue) {
  typename TypeParam::template type<std::uint8_t> a{250};
  EXPECT_EQ(a.fetch_add(10), 250);
  EXPECT_EQ(a.fetch_sub(5, relaxed), 4);
  EXPECT_EQ(a.load(), 255);

  int row[4] = {};
  typename TypeParam::template type<int*> p{row};
  EXPECT_EQ(p.fetch_add(3), row);
  EXPECT_EQ(p.fetch_sub(1), row + 3);
  EXPECT_EQ(p.load(), row + 2);
}

TYPED_TEST(Atom, SetsAndClearsBits) {
  typename TypeParam::template type<unsigned> a{6};
  EXPECT_EQ(a.fetch_or(1), 6u);
  EXPECT_EQ(a.fetch_and(3, relaxed), 7u);
  EXPECT_EQ(a.load(), 3u);
}

TYPED_TEST(Atom, IsNotCopied) {
  using a = typename TypeParam::template type<int>;
  static_assert(!std::is_copy_constructible_v<a> && !std::is_copy_assignable_v<a>);
}

}  // namespace
