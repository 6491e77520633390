// What becomes of the arguments that wrap binds (wrap/wrap.h).
//
// Serves no stage of the data flow.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/wrap/probe.h"
#include "wrap/wrap.h"

namespace {

using namespace async;
using async::test::mourned;
using async::test::probe;
using async::test::tally;

// A regression of the original, which kept a reference.
TEST(WrapBound, AConstReferenceParameterRefersToTheCallbacksOwnCopy) {
  callback<std::string>::ptr cb;
  const void* original = nullptr;
  {
    std::string name(100, 'a');
    original = &name;
    cb = wrap(
        [original](const std::string& s) {
          EXPECT_NE(&s, original);
          return s;
        },
        name);
    name.assign(100, 'b');
  }
  EXPECT_EQ(cb(), std::string(100, 'a'));
}

TEST(WrapBound, AnArgumentIsCopiedOnceOrMovedOnce) {
  tally counts;
  probe p(counts);
  cbv copied = wrap([](const probe&) {}, p);
  EXPECT_EQ(counts.copies, 1);
  EXPECT_EQ(counts.moves, 0);
  cbv moved = wrap([](const probe&) {}, std::move(p));
  EXPECT_EQ(counts.copies, 1);
  EXPECT_EQ(counts.moves, 1);
}

TEST(WrapBound, AParameterByValueGetsACopyAtEachCall) {
  tally counts;
  cbv cb = wrap([](probe) {}, probe(counts));
  cb();
  cb();
  EXPECT_EQ(counts.copies, 2);
  EXPECT_EQ(counts.alive, 1);
}

TEST(WrapBound, AReferenceParameterGetsTheKeptOneWhichLastsFromCallToCall) {
  callback<int>::ref cb = wrap([](int& n) { return ++n; }, 0);
  EXPECT_EQ(cb(), 1);
  EXPECT_EQ(cb(), 2);
  int outside = 5;
  callback<int>::ref other = wrap([](int& n) { return ++n; }, outside);
  EXPECT_EQ(other(), 6);
  EXPECT_EQ(outside, 5);
}

TEST(WrapBound, StdRefBindsTheVariableItself) {
  int outside = 5;
  callback<int>::ref cb = wrap([](int& n) { return ++n; }, std::ref(outside));
  EXPECT_EQ(cb(), 6);
  EXPECT_EQ(outside, 6);
  outside = 9;
  EXPECT_EQ(wrap([](const int& n) { return n; }, std::cref(outside))(), 9);
  tally counts;
  probe p(counts);
  wrap([](const probe&) {}, std::ref(p))();
  EXPECT_EQ(counts.copies, 0);
}

TEST(WrapBound, AMoveOnlyArgumentIsMovedInAndPassedAsAReference) {
  auto take = [](std::unique_ptr<int>& p) { return p ? *std::exchange(p, nullptr) : 0; };
  callback<int>::ref cb = wrap(take, std::make_unique<int>(4));
  EXPECT_EQ(cb(), 4);  // the function moved from it,
  EXPECT_EQ(cb(), 0);  // and says itself what a second call means
  auto look = [](const std::unique_ptr<int>& p, int n) { return *p + n; };
  callback<int, int>::ref again = wrap(look, std::make_unique<int>(1));
  EXPECT_EQ(again(2), 3);
  EXPECT_EQ(again(3), 4);
}

TEST(WrapBound, ACharArrayForAStringIsCopiedWhenItIsBound) {
  char buffer[] = "before";
  callback<std::string>::ref by_reference = wrap([](const std::string& s) { return s; }, buffer);
  callback<std::string>::ref by_value = wrap([](std::string s) { return s; }, &buffer[0]);
  buffer[0] = 'X';
  EXPECT_EQ(by_reference(), "before");
  EXPECT_EQ(by_value(), "before");
}

TEST(WrapBound, AnObjectJustMadeIsHeldWhereTheParameterIsARef) {
  tally counts;
  cbv::ptr cb = wrap([](ref<probe>) {}, new refcounted<probe>(counts));
  cb();
  cb();
  EXPECT_EQ(counts.alive, 1);
  cb = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(WrapBound, AStringViewParameterSeesTheKeptString) {
  callback<std::string_view>::ptr cb;
  {
    std::string text(100, 'x');
    cb = wrap([](std::string_view v) { return v; }, text);
  }
  EXPECT_EQ(cb(), std::string(100, 'x'));
}

TEST(WrapBound, ConversionsAreThoseOfACall) {
  struct base {
    virtual ~base() = default;
    virtual int id() const { return 1; }
  };
  struct derived : base {
    int id() const override { return 2; }
  };
  EXPECT_EQ(wrap([](const base& b) { return b.id(); }, derived())(), 2);
  EXPECT_EQ(wrap([](double d) { return d; }, 3)(), 3.0);
  EXPECT_EQ(wrap([](int* p) { return p == nullptr; }, nullptr)(), true);
  EXPECT_EQ(wrap([](ptr<int> p) { return p == nullptr; }, nullptr)(), true);
  EXPECT_EQ(wrap([](cbv::ptr cb) { return bool(cb); }, wrap([] {}))(), true);
  std::array<int, 3> numbers{1, 2, 3};
  EXPECT_EQ(wrap([](std::array<int, 3> a, int i) { return a.at(i); }, numbers, 2)(), 3);
}

TEST(WrapBound, AnotherCallbackIsBoundAndHeldLikeAnyArgument) {
  tally counts;
  cbv::ptr inner = wrap([](const probe&) {}, probe(counts));
  cbv::ptr outer = wrap([](cbv cb) { cb(); }, cbv(inner));
  inner = nullptr;
  outer();
  EXPECT_EQ(counts.alive, 1);
  outer = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(WrapBound, ArgumentsAreDestroyedInReverseOrderAndTheFunctionLast) {
  std::vector<std::string> deaths;
  using m = mourned;
  auto f = [held = m("function", deaths)](const m&, const m&, const m&) {};
  {
    cbv cb = wrap(std::move(f), m("1", deaths), m("2", deaths), m("3", deaths));
    EXPECT_TRUE(deaths.empty());
  }
  EXPECT_EQ(deaths, (std::vector<std::string>{"3", "2", "1", "function"}));
}

TEST(WrapBound, TheObjectOfAMethodIsLetGoAfterTheArguments) {
  struct object : refcount {
    object(std::vector<std::string>& deaths) : name("object", deaths) {}
    void method(const mourned&) {}
    mourned name;
  };
  std::vector<std::string> deaths;
  { cbv cb = wrap(make_ref<object>(deaths), &object::method, mourned("1", deaths)); }
  EXPECT_EQ(deaths, (std::vector<std::string>{"1", "object"}));
}

TEST(WrapBound, ACopyThatThrowsLeavesNothingBehind) {
  struct thrower {
    thrower() = default;
    thrower(const thrower&) { throw std::runtime_error("no"); }
  };
  tally counts;
  thrower t;
  EXPECT_THROW(wrap([](const probe&, const thrower&) {}, probe(counts), t), std::runtime_error);
  EXPECT_EQ(counts.alive, 0);
}

TEST(WrapBound, WhatACallThrowsReachesTheCallerAndTheCallbackStaysUsable) {
  callback<int, bool>::ref cb = wrap(
      [](int n, bool fail) {
        if (fail) throw n;
        return n;
      },
      3);
  EXPECT_THROW(cb(true), int);
  EXPECT_EQ(cb(false), 3);
}

}  // namespace
