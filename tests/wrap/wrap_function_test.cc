// What wrap makes of functions, lambdas, function objects and methods (wrap/wrap.h).
//
// Serves no stage of the data flow.
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "tests/wrap/probe.h"
#include "wrap/wrap.h"

namespace {

using namespace async;
using async::test::probe;
using async::test::tally;

int weigh(int a, int b, int c) { return 100 * a + 10 * b + c; }
int quiet(int a) noexcept { return a; }

template <class Expected, class Wrapped>
constexpr bool is_a =
    std::is_convertible_v<Wrapped, ref<Expected>>&& std::is_base_of_v<ref<Expected>, Wrapped>;

TEST(WrapFunction, BindsAnyNumberOfLeadingArguments) {
  callback<int, int, int, int>::ref none = wrap(weigh);
  callback<int, int, int>::ref one = wrap(weigh, 1);
  callback<int, int>::ref two = wrap(weigh, 1, 2);
  callback<int>::ref three = wrap(weigh, 1, 2, 3);
  EXPECT_EQ(none(1, 2, 3), 123);
  EXPECT_EQ(one(2, 3), 123);
  EXPECT_EQ(two(3), 123);
  EXPECT_EQ(three(), 123);
}

TEST(WrapFunction, TakesFunctionsPointersAndReferencesNoexceptOrNot) {
  int (*pointer)(int, int, int) = weigh;
  int (&reference)(int, int, int) = weigh;
  int (*const noexcept_pointer)(int) noexcept = &quiet;
  EXPECT_EQ(wrap(pointer, 1)(2, 3), 123);
  EXPECT_EQ(wrap(reference, 1)(2, 3), 123);
  EXPECT_EQ(wrap(&weigh, 1)(2, 3), 123);
  EXPECT_EQ(wrap(quiet)(7), 7);
  EXPECT_EQ(wrap(noexcept_pointer, 8)(), 8);
}

TEST(WrapFunction, TheCallbackTakesExactlyTheParametersThatAreLeft) {
  using takes = void (*)(int, const std::string&, std::unique_ptr<int>, char&&);
  static_assert(
      is_a<callback<void, const std::string&, std::unique_ptr<int>, char&&>, wrap<takes, int>>);
  static_assert(is_a<callback<const int&>, wrap<const int& (*)()>>);
}

TEST(WrapLambda, MayBeMutableAndKeepsItsStateBetweenCalls) {
  callback<int>::ref count = wrap([n = 0]() mutable { return ++n; });
  callback<int>::ref same = count;
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(same(), 2);
}

TEST(WrapLambda, MayBeMoveOnly) {
  callback<int, int>::ref cb = wrap([p = std::make_unique<int>(4)](int x) { return *p + x; });
  EXPECT_EQ(cb(3), 7);
}

TEST(WrapLambda, MayBeNoexceptAndKeptInAVariable) {
  const auto twice = [](int x) noexcept { return 2 * x; };
  EXPECT_EQ(wrap(twice, 4)(), 8);
  auto name = [](std::string a, std::string b) { return a + b; };
  EXPECT_EQ(wrap(name, "a")("b"), "ab");
}

TEST(WrapFunctionObject, IsCopiedUnlessGivenByStdRef) {
  struct counter {
    int calls = 0;
    void operator()() { calls++; }
  } c;
  cbv copy = wrap(c);
  copy();
  EXPECT_EQ(c.calls, 0);
  cbv itself = wrap(std::ref(c));
  itself();
  EXPECT_EQ(c.calls, 1);
}

TEST(WrapFunctionObject, MayBeAStdFunction) {
  std::function<int(int, int)> minus = [](int a, int b) { return a - b; };
  EXPECT_EQ(wrap(minus, 5)(3), 2);
}

TEST(WrapFunctionObject, MayBeACallbackOfWhichMoreIsBound) {
  tally counts;
  callback<int, int, int>::ref first =
      wrap([](const probe&, int a, int b) { return 10 * a + b; }, probe(counts));
  callback<int, int>::ref second = wrap(first, 1);
  callback<int>::ptr third = wrap(callback<int, int>::ptr(second), 2);
  first = wrap([](int, int) { return 0; });
  second = wrap([](int) { return 0; });
  EXPECT_EQ(third(), 12);
  EXPECT_EQ(counts.alive, 1);
  third = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(WrapFunctionObject, AWrapOfAWrapIsTheSameCallback) {
  wrap once(weigh, 1);
  wrap twice = wrap(once);
  EXPECT_EQ(once, twice);
}

struct session : refcount {
  explicit session(tally& counts) : life(counts) {}
  int add(int a, int b) { return sum += a + b; }
  int get() const noexcept { return sum; }
  int only_lvalue() & { return 1; }
  int only_const_lvalue() const& noexcept { return 2; }
  virtual int kind() { return 1; }
  cbv callback_of_this() { return wrap(mkref(this), &session::touch); }
  void touch() { sum++; }
  probe life;
  int sum = 0;
};
struct special : session {
  using session::session;
  int kind() override { return 2; }
};

TEST(WrapMethod, IsCalledOnTheObjectOfARawPointer) {
  tally counts;
  session s(counts);
  callback<int, int>::ref add = wrap(&s, &session::add, 1);
  EXPECT_EQ(add(2), 3);
  EXPECT_EQ(s.sum, 3);
  const session* c = &s;
  EXPECT_EQ(wrap(c, &session::get)(), 3);
  EXPECT_EQ(wrap(&s, &session::only_lvalue)(), 1);
  EXPECT_EQ(wrap(c, &session::only_const_lvalue)(), 2);
}

TEST(WrapMethod, ARefOrPtrKeepsTheObjectAlive) {
  tally counts;
  ptr<session> p = make_ref<session>(counts);
  callback<int, int, int>::ptr by_ref = wrap(ref<session>(p), &session::add);
  callback<int>::ptr by_ptr = wrap(p, &session::get);
  p = nullptr;
  EXPECT_EQ(counts.alive, 1);
  EXPECT_EQ(by_ref(1, 2), 3);
  by_ref = nullptr;
  EXPECT_EQ(by_ptr(), 3);
  by_ptr = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(WrapMethod, ARawPointerDoesNotKeepTheObjectAlive) {
  tally counts;
  ptr<session> p = make_ref<session>(counts);
  callback<int>::ref cb = wrap(p.get(), &session::get);
  p = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(WrapMethod, AnObjectMayHandOutCallbacksThatHoldIt) {
  tally counts;
  ptr<session> p = make_ref<session>(counts);
  session* raw = p.get();
  cbv::ptr cb = p->callback_of_this();
  p = nullptr;
  cb();
  EXPECT_EQ(raw->sum, 1);
  cb = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(WrapMethod, OfABaseClassIsCalledOnADerivedObject) {
  tally counts;
  ref<special> s = make_ref<special>(counts);
  EXPECT_EQ(wrap(s, &session::kind)(), 2);
  EXPECT_EQ(wrap(s.get(), &session::add, 1, 2)(), 3);
}

TEST(WrapMethod, TakesOtherWaysToNameAnObject) {
  tally counts;
  session s(counts);
  EXPECT_EQ(wrap(std::ref(s), &session::add, 1, 2)(), 3);
  EXPECT_EQ(wrap(std::cref(s), &session::get)(), 3);
  EXPECT_EQ(wrap(std::make_unique<session>(counts), &session::get)(), 0);
  EXPECT_EQ(wrap(std::make_shared<session>(counts), &session::get)(), 0);
  ref<std::string> uncounted = make_ref<std::string>("abc");
  std::size_t (std::string::*size)() const noexcept = &std::string::size;
  EXPECT_EQ(wrap(uncounted, size)(), 3u);
  EXPECT_EQ(wrap(ref<const std::string>(uncounted), size)(), 3u);
}

TEST(WrapMethod, MayBelongToAnObjectThatIsAlsoCallable) {
  struct both : refcount {
    int operator()() { return 1; }
    int other() { return 2; }
  };
  ref<both> b = make_ref<both>();
  EXPECT_EQ(wrap(b)(), 1);
  EXPECT_EQ(wrap(b, &both::other)(), 2);
}

TEST(WrapMethod, IsBoundLikeAnyArgumentWhereAFunctionTakesOne) {
  struct point {
    long value = 5;
    long x() const { return value; }
  };
  auto apply = [](long (point::*m)() const, const point& p) { return (p.*m)(); };
  EXPECT_EQ(wrap(apply, &point::x)(point()), 5);
}

TEST(WrapDeathTest, ANullFunctionMethodOrObjectAbortsNamingTheLine) {
  void (*function)() = nullptr;
  session* object = nullptr;
  int (session::*method)() const noexcept = nullptr;
  tally counts;
  session s(counts);
  EXPECT_DEATH(wrap{function}, "wrap_function_test.cc:[0-9]+: wrap: the function is null");
  EXPECT_DEATH(wrap(object, &session::get), "_test.cc:[0-9]+: wrap: the object of the method is");
  EXPECT_DEATH(wrap(ptr<session>(), &session::get), "wrap: the object of the method is null");
  EXPECT_DEATH(wrap(&s, method), "wrap_function_test.cc:[0-9]+: wrap: the method is null");
  EXPECT_DEATH(wrap{cbv::ptr()}, "wrap_function_test.cc:[0-9]+: wrap: the function is null");
}

}  // namespace
