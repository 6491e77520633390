// What a callback promises, however it was made (wrap/callback.h, wrap/where.h).
//
// Serves no stage of the data flow.
#include "wrap/callback.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tests/wrap/probe.h"
#include "wrap/wrap.h"

namespace {

using namespace async;
using async::test::probe;
using async::test::tally;

TEST(Callback, IsCalledThroughItsHandleAndThroughTheObject) {
  callback<int, int>::ref cb = wrap([](int x) { return x + 1; });
  EXPECT_EQ(cb(1), 2);
  EXPECT_EQ((*cb)(2), 3);
  callback<int, int>::ptr maybe = cb;
  EXPECT_EQ(maybe(3), 4);
  EXPECT_EQ((*maybe)(4), 5);
}

TEST(Callback, IsCalledAnyNumberOfTimes) {
  int sum = 0;
  cbi add = wrap([&sum](int x) { sum += x; });
  for (int i = 1; i <= 10; i++) add(i);
  EXPECT_EQ(sum, 55);
}

TEST(Callback, ConvertsItsArgumentsAsAFunctionCallDoes) {
  std::string got;
  cbs cb = wrap([&got](std::string s) { got = s; });
  cb("literal");
  EXPECT_EQ(got, "literal");
  (*cb)({'a', 'b'});
  EXPECT_EQ(got, "ab");
}

TEST(Callback, MovesAnArgumentGivenByValueAndNeverCopiesIt) {
  tally counts;
  callback<void, probe>::ref cb = wrap([](probe) {});
  cb(probe(counts));
  EXPECT_EQ(counts.copies, 0);
  EXPECT_LE(counts.moves, 2);
  probe kept(counts);
  cb(kept);
  EXPECT_EQ(counts.copies, 1);
  EXPECT_EQ(counts.alive, 1);
}

TEST(Callback, PassesAReferenceOn) {
  callback<int&, int&>::ref cb = wrap([](int& x) -> int& { return x; });
  int x = 1;
  EXPECT_EQ(&cb(x), &x);
  callback<const void*, const std::string&>::ref address =
      wrap([](const std::string& s) -> const void* { return &s; });
  std::string s;
  EXPECT_EQ(address(s), &s);
}

TEST(Callback, TakesMoveOnlyArgumentsAndReturnsMoveOnlyResults) {
  callback<std::unique_ptr<int>, std::unique_ptr<int>>::ref by_value =
      wrap([](std::unique_ptr<int> p) { return p; });
  EXPECT_EQ(*by_value(std::make_unique<int>(3)), 3);
  callback<void, std::unique_ptr<int>&&>::ref by_rvalue =
      wrap([](std::unique_ptr<int>&& p) { p.reset(); });
  by_rvalue(std::make_unique<int>(4));
}

TEST(Callback, MayBeEmptyAsAPtr) {
  cbv::ptr none;
  EXPECT_FALSE(none);
  none = wrap([] {});
  EXPECT_TRUE(none);
  none = nullptr;
  EXPECT_FALSE(none);
}

TEST(Callback, DestroysWhatItBindsWithItsLastHandle) {
  tally counts;
  cbv::ptr a = wrap([](const probe&) {}, probe(counts));
  cbv::ptr b = a;
  a = nullptr;
  EXPECT_EQ(counts.alive, 1);
  b = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(Callback, MayReplaceItselfWhileItsCallerHoldsIt) {
  tally counts;
  cbv::ptr slot;
  int calls = 0;
  slot = wrap(
      [&](const probe&) {
        slot = nullptr;
        EXPECT_EQ(counts.alive, 1);
        calls++;
      },
      probe(counts));
  cbv held(slot);
  held();
  EXPECT_EQ(calls, 1);
}

TEST(Callback, CanBeWrittenByHand) {
  class doubled final : public callback<int, int> {
   public:
    int operator()(int x) override { return 2 * x; }
  };
  callback<int, int>::ref cb = make_ref<doubled>();
  EXPECT_EQ(cb(4), 8);
  EXPECT_EQ(cb->color_tag(), nullptr);
  EXPECT_TRUE(std::string_view(cb->where().file_name()).ends_with(".cc") ||
              std::string_view(cb->where().file_name()).ends_with(".h"));
}

TEST(Callback, IsHeldAmongOthersByTheirCommonBase) {
  cbv v = wrap([] {});
  cbi i = wrap([](int) {});
  ref<callback_base> held[] = {v, i};
  EXPECT_EQ(held[0], v.get());
  EXPECT_EQ(v->use_count(), 2u);
}

// The line that a message shall name is the one where `wrap` is written.
TEST(Callback, KeepsTheLineWhereItWasWrapped) {
  cbv cb = wrap([] {});
  const auto line = __LINE__ - 1;
  EXPECT_EQ(cb->where().line(), line);
  EXPECT_TRUE(std::string_view(cb->where().file_name()).ends_with("callback_test.cc"));
  struct object {
    void method(int) {}
  } o;
  cbv bound = wrap(&o, &object::method, 3);
  EXPECT_EQ(bound->where().line(), line + 7u);
}

TEST(Callback, KeepsTheLineGivenByWhoWrapsForAnother) {
  auto later = [](cbi cb, where site = where::current()) -> cbv { return wrap_at(site, cb, 1); };
  cbi cb = wrap([](int) {});
  cbv made = later(cb);
  EXPECT_EQ(made->where().line(), static_cast<unsigned>(__LINE__ - 1));
}

TEST(Callback, SaysWhichArgumentsItTakes) {
  static_assert(std::is_invocable_v<cbi, int>);
  static_assert(std::is_invocable_v<const cbi&, char>);
  static_assert(!std::is_invocable_v<cbi>);
  static_assert(!std::is_invocable_v<cbi, const char*>);
  static_assert(std::is_invocable_r_v<int, callback<int>::ref>);
}

}  // namespace
