// Specification of rembytes, iovcb and clear: when completion callbacks run, and what they may do.
//
// Serves stage 6 (output).
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/suio/helpers.h"

namespace async::test {
namespace {

TEST(suio_rembytes, removes_from_the_front_across_ranges) {
  suio s;
  s.copy("abc");
  s.print("def", 3);
  s.rembytes(0);
  EXPECT_EQ(contents(s), "abcdef");
  s.rembytes(4);
  EXPECT_EQ(contents(s), "ef");
  expect_consistent(s);
  s.rembytes(2);
  EXPECT_TRUE(s.empty());
  expect_consistent(s);
}

TEST(suio_rembytes_death, of_too_many_bytes_aborts_naming_the_caller) {
  suio s;
  s.copy("abc");
  EXPECT_DEATH(s.rembytes(4), "completion_test.cc:[0-9]+: suio::rembytes: more bytes");
}

TEST(suio_iovcb, is_called_when_the_last_byte_before_it_is_removed_and_not_earlier) {
  int called = 0;
  suio s;
  s.copy(pattern(10));
  s.iovcb(wrap([&] { ++called; }));
  s.copy(pattern(10));
  s.rembytes(9);
  EXPECT_EQ(called, 0);
  s.rembytes(1);
  EXPECT_EQ(called, 1);
  s.rembytes(10);
  EXPECT_EQ(called, 1);
}

TEST(suio_iovcb, on_an_empty_suio_is_called_at_once) {
  int called = 0;
  suio s;
  s.iovcb(wrap([&] { ++called; }));
  EXPECT_EQ(called, 1);
}

TEST(suio_iovcb, callbacks_run_in_order_after_the_suio_is_consistent) {
  std::vector<std::string> called;
  suio s;
  for (const char* name : {"a", "b", "c"}) {
    s.copy("12345");
    s.iovcb(wrap([&, name] {
      called.push_back(name + contents(s));
      expect_consistent(s);
    }));
  }
  s.rembytes(12);
  EXPECT_EQ(called, (std::vector<std::string>{"a345", "b345"}));
}

TEST(suio_iovcb, the_owner_of_the_last_bytes_is_gone_when_the_callback_runs) {
  bool gone = false;
  bool gone_in_callback = false;
  suio s;
  print_owned(s, make_owner("abc", [&] { gone = true; }));
  s.iovcb(wrap([&] { gone_in_callback = gone; }));
  s.rembytes(3);
  EXPECT_TRUE(gone_in_callback);
}

TEST(suio_iovcb, what_becomes_due_inside_a_callback_runs_after_it_and_never_nested) {
  std::vector<std::string> events;
  suio s;
  s.copy("a");
  s.iovcb(wrap([&] {
    events.push_back("1 begins");
    s.rembytes(2);
    s.iovcb(wrap([&] { events.push_back("4"); }));
    events.push_back("1 ends");
  }));
  s.iovcb(wrap([&] { events.push_back("2"); }));
  s.copy("bc");
  s.iovcb(wrap([&] { events.push_back("3"); }));
  s.rembytes(1);
  EXPECT_EQ(events, (std::vector<std::string>{"1 begins", "1 ends", "2", "3", "4"}));
}

TEST(suio_iovcb, a_callback_may_fill_the_suio_again) {
  int rounds = 0;
  suio s;
  auto refill = [&](auto& self) -> void {
    if (++rounds == 100) return;
    s.copy("abc");
    s.iovcb(wrap([&self] { self(self); }));
  };
  refill(refill);
  while (!s.empty()) s.rembytes(3);
  EXPECT_EQ(rounds, 100);
}

TEST(suio_iovcb, a_callback_that_throws_leaves_the_others_due) {
  int called = 0;
  suio s;
  s.copy("a");
  s.iovcb(wrap([] { throw std::runtime_error("from a callback"); }));
  s.iovcb(wrap([&] { ++called; }));
  EXPECT_THROW(s.rembytes(1), std::runtime_error);
  s.rembytes(0);
  EXPECT_EQ(called, 1);
}

TEST(suio_clear, drops_bytes_and_owners_and_destroys_callbacks_uncalled) {
  bool owner_gone = false;
  auto alive = std::make_shared<int>();
  suio s;
  print_owned(s, make_owner("abc", [&] { owner_gone = true; }));
  s.iovcb(wrap([alive] { FAIL() << "the bytes were not written"; }));
  s.clear();
  EXPECT_TRUE(s.empty());
  EXPECT_TRUE(owner_gone);
  EXPECT_EQ(alive.use_count(), 1);
  s.copy("new");
  s.rembytes(3);
}

TEST(suio_clear, inside_a_callback_also_drops_those_that_are_due) {
  suio s;
  s.copy("abc");
  s.iovcb(wrap([&] { s.clear(); }));
  s.iovcb(wrap([] { FAIL() << "the suio was cleared"; }));
  s.copy("def");
  s.rembytes(3);
  EXPECT_TRUE(s.empty());
  int called = 0;
  s.iovcb(wrap([&] { ++called; }));
  EXPECT_EQ(called, 1);
}

TEST(suio_destructor, destroys_callbacks_uncalled_and_releases_owners) {
  bool gone = false;
  {
    suio s;
    print_owned(s, make_owner("abc", [&] { gone = true; }));
    s.iovcb(wrap([] { FAIL() << "the bytes were not written"; }));
  }
  EXPECT_TRUE(gone);
}

TEST(suio_destructor, may_be_run_by_a_completion_callback) {
  auto s = std::make_unique<suio>();
  int called = 0;
  s->copy("abc");
  s->iovcb(wrap([&] {
    ++called;
    s.reset();
  }));
  s->iovcb(wrap([] { FAIL() << "the suio is gone"; }));
  s->rembytes(3);
  EXPECT_EQ(called, 1);
  EXPECT_EQ(s, nullptr);

  s = std::make_unique<suio>();
  s->iovcb(wrap([&] { s.reset(); }));
  EXPECT_EQ(s, nullptr);
}

TEST(suio_destructor, may_be_run_inside_a_removal_nested_in_a_callback) {
  auto s = std::make_unique<suio>();
  s->copy("a");
  s->iovcb(wrap([&] { s->rembytes(1); }));
  s->print("b", 1, make_owner("", [&] { s.reset(); }));
  s->iovcb(wrap([] { FAIL() << "the suio is gone"; }));
  s->rembytes(1);
  EXPECT_EQ(s, nullptr);
}

TEST(suio_destructor, may_be_run_by_a_callback_after_a_nested_removal) {
  auto s = std::make_unique<suio>();
  s->copy("a");
  s->iovcb(wrap([&] {
    s->rembytes(1);
    s.reset();
  }));
  s->copy("b");
  s->iovcb(wrap([] { FAIL() << "the suio is gone"; }));
  s->rembytes(1);
  EXPECT_EQ(s, nullptr);
}

// A connection whose last holder is its own suio: as an owner, and as a bound argument.
struct connection final : refcount {
  explicit connection(bool& gone) : gone_(gone) {}
  ~connection() override { gone_ = true; }
  bool& gone_;
  suio out;
};

TEST(suio_destructor, may_be_run_by_the_end_of_an_owner_in_rembytes) {
  bool gone = false;
  auto* c = new connection(gone);
  {
    auto r = mkref(c);
    c->out.print("abc", 3, r);
    c->out.print("def", 3, make_owner("", [] {}));
    c->out.iovcb(wrap([] { FAIL() << "the suio is gone"; }));
  }
  EXPECT_FALSE(gone);
  c->out.rembytes(6);
  EXPECT_TRUE(gone);
}

TEST(suio_destructor, may_be_run_by_the_end_of_a_callback_in_clear_or_after_its_call) {
  for (bool clear : {true, false}) {
    bool gone = false;
    auto* c = new connection(gone);
    {
      auto r = mkref(c);
      c->out.copy("abc");
      c->out.iovcb(wrap([r] {}));
    }
    EXPECT_FALSE(gone);
    if (clear)
      c->out.clear();
    else
      c->out.rembytes(3);
    EXPECT_TRUE(gone);
  }
}

TEST(suio_owner, may_use_the_suio_when_it_goes) {
  suio s;
  std::vector<int> called;
  s.print("abc", 3, make_owner("", [&] {
            EXPECT_EQ(contents(s), "defghi");
            s.rembytes(3);
            s.copy("jkl");
          }));
  s.iovcb(wrap([&] { called.push_back(1); }));
  s.print("def", 3, make_owner("", [] {}));
  s.iovcb(wrap([&] { called.push_back(2); }));
  s.print("ghi", 3);
  s.rembytes(3);
  EXPECT_EQ(called, (std::vector{1, 2}));
  EXPECT_EQ(contents(s), "ghijkl");
}

}  // namespace
}  // namespace async::test
