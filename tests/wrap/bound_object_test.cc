// bound_object(): the object that a callback works on, as traces tell it.
//
// Serves stage 2.
// Thread safety: one thread.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "wrap/wrap.h"

namespace {

using async::make_ref;
using async::ptr;
using async::refcount;
using async::wrap;

struct account : refcount {
  void close() {}
  void pay(int) {}
};
struct bank {
  void open() {}
};
struct incomplete;

TEST(bound_object, is_that_whose_method_is_called) {
  const auto held = make_ref<account>();
  bank plain;
  const auto shared = std::make_shared<bank>();
  EXPECT_EQ(wrap(held, &account::close)->bound_object(), held.get());
  EXPECT_EQ(wrap(ptr<account>(held), &account::pay, 3)->bound_object(), held.get());
  EXPECT_EQ(wrap(&plain, &bank::open)->bound_object(), &plain);
  EXPECT_EQ(wrap(std::ref(plain), &bank::open)->bound_object(), &plain);
  EXPECT_EQ(wrap(shared, &bank::open)->bound_object(), shared.get());
}

TEST(bound_object, is_what_the_first_bound_argument_points_to) {
  const auto held = make_ref<account>();
  bank plain;
  auto* const unknown = reinterpret_cast<incomplete*>(&plain);
  EXPECT_EQ(wrap([](async::ref<account>&, int) {}, held)->bound_object(), held.get());
  EXPECT_EQ(wrap([](const bank*, account*) {}, &plain)->bound_object(), &plain);
  EXPECT_EQ(wrap([](bank&) {}, std::ref(plain))->bound_object(), &plain);
  EXPECT_EQ(wrap([](incomplete*) {}, unknown)->bound_object(), unknown);
}

TEST(bound_object, is_that_of_a_callback_which_is_bound_further) {
  const auto held = make_ref<account>();
  EXPECT_EQ(wrap(wrap(held, &account::pay), 3)->bound_object(), held.get());
}

TEST(bound_object, is_none_where_there_is_no_object_of_a_class) {
  int number = 3;
  EXPECT_EQ(wrap([] {})->bound_object(), nullptr);
  EXPECT_EQ(wrap([](int) {}, 3)->bound_object(), nullptr);
  EXPECT_EQ(wrap([](int*) {}, &number)->bound_object(), nullptr);
  EXPECT_EQ(wrap([](const char*) {}, "text")->bound_object(), nullptr);
  EXPECT_EQ(wrap([](std::string) {}, std::string("text"))->bound_object(), nullptr);
  EXPECT_EQ(wrap([](account*) {}, nullptr)->bound_object(), nullptr);
  EXPECT_EQ(wrap([](ptr<account>&) {}, ptr<account>())->bound_object(), nullptr);
}

TEST(bound_object, of_a_callback_of_a_class_of_its_own_is_itself) {
  class own final : public async::callback<void> {
    void operator()() override {}
  };
  const auto made = make_ref<own>();
  EXPECT_EQ(made->bound_object(), made.get());
}

}  // namespace
