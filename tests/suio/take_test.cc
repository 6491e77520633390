// Specification of take: bytes, owners, free space and completion marks move between suios.
//
// Serves stage 6 (output).
#include <string>
#include <utility>
#include <vector>

#include "tests/suio/helpers.h"

namespace async::test {
namespace {

TEST(suio_take, moves_all_bytes_without_copying_and_empties_the_other) {
  const std::string bytes = pattern(100);
  suio from;
  from.print(bytes.data(), 100);
  from.copy("copied");
  const void* const copied_at = from.iov()[1].iov_base;
  suio to;
  to.copy("before ");
  to.take(from);
  EXPECT_EQ(contents(to), "before " + bytes + "copied");
  EXPECT_EQ(to.iov()[1].iov_base, bytes.data());
  EXPECT_EQ(to.iov()[2].iov_base, copied_at);
  EXPECT_TRUE(from.empty());
  from.copy("again");
  EXPECT_EQ(contents(from), "again");
}

TEST(suio_take, of_a_part_shares_the_memory_and_leaves_the_rest) {
  bool gone = false;
  suio from;
  print_owned(from, make_owner(pattern(100), [&] { gone = true; }));
  suio to;
  to.take(from, 40);
  EXPECT_EQ(contents(to), pattern(40));
  EXPECT_EQ(contents(from), pattern(60, 40));
  from.clear();
  EXPECT_FALSE(gone);
  to.rembytes(40);
  EXPECT_TRUE(gone);
}

TEST(suio_take, of_a_part_and_then_the_rest_joins_the_range_again) {
  suio from;
  print_owned(from, make_owner(pattern(100), [] {}));
  suio to;
  to.take(from, 40);
  to.take(from, 60);
  EXPECT_EQ(to.iov().size(), 1u);
  EXPECT_EQ(contents(to), pattern(100));
}

TEST(suio_take, never_lets_two_suios_write_into_one_free_space) {
  for (bool everything : {true, false}) {
    suio from;
    from.copy("0123456789");
    suio to;
    if (everything)
      to.take(from);
    else
      to.take(from, 5);
    from.copy("from");
    to.copy("to__");
    from.format("%s", "FROM");
    to.format("%s", "TO__");
    EXPECT_EQ(contents(to), everything ? "0123456789to__TO__" : "01234to__TO__");
    EXPECT_EQ(contents(from), everything ? "fromFROM" : "56789fromFROM");
  }
}

TEST(suio_take, goes_on_in_the_free_space_that_it_took) {
  suio from;
  from.copy("one range");
  suio to;
  to.take(from);
  to.copy(", still");
  EXPECT_EQ(to.iov().size(), 1u);
  EXPECT_EQ(contents(to), "one range, still");
}

TEST(suio_take, moves_completion_marks_to_the_same_place_between_the_bytes) {
  std::vector<int> called;
  suio from;
  from.copy(pattern(10));
  from.iovcb(wrap([&] { called.push_back(10); }));
  from.copy(pattern(10));
  from.iovcb(wrap([&] { called.push_back(20); }));
  from.rembytes(3);
  suio to;
  to.copy("123");
  to.iovcb(wrap([&] { called.push_back(3); }));
  to.take(from);
  to.iovcb(wrap([&] { called.push_back(21); }));

  to.rembytes(3 + 6);
  EXPECT_EQ(called, (std::vector{3}));
  to.rembytes(1);
  EXPECT_EQ(called, (std::vector{3, 10}));
  to.rembytes(9);
  EXPECT_EQ(called, (std::vector{3, 10}));
  to.rembytes(1);
  EXPECT_EQ(called, (std::vector{3, 10, 20, 21}));
}

TEST(suio_take, of_a_part_moves_the_marks_up_to_its_end_and_no_other) {
  for (std::size_t taken = 0; taken <= 20; ++taken) {
    std::vector<std::string> called;
    suio from;
    for (std::size_t at : {5, 10, 15, 20}) {
      from.copy(pattern(5));
      from.iovcb(wrap([&called, at] { called.push_back(std::to_string(at)); }));
    }
    suio to;
    to.take(from, taken);
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < taken; ++i) {
      to.rembytes(1);
      if ((i + 1) % 5 == 0) expected.push_back(std::to_string(i + 1));
      EXPECT_EQ(called, expected);
    }
    for (std::size_t i = taken; i < 20; ++i) {
      from.rembytes(1);
      if ((i + 1) % 5 == 0) expected.push_back(std::to_string(i + 1));
      EXPECT_EQ(called, expected);
    }
  }
}

TEST(suio_take, inside_a_callback_leaves_the_callbacks_that_are_due_where_they_are) {
  std::vector<int> called;
  suio to;
  suio from;
  from.copy("ab");
  from.iovcb(wrap([&] {
    called.push_back(1);
    to.take(from);
  }));
  from.iovcb(wrap([&] { called.push_back(2); }));
  from.copy("cd");
  from.iovcb(wrap([&] { called.push_back(3); }));
  from.rembytes(2);
  EXPECT_EQ(called, (std::vector{1, 2}));
  EXPECT_EQ(contents(to), "cd");
  to.rembytes(2);
  EXPECT_EQ(called, (std::vector{1, 2, 3}));
}

TEST(suio_take, from_an_empty_suio_changes_nothing) {
  suio from;
  suio to;
  to.take(from);
  to.copy("abc");
  to.take(from);
  to.take(from, 0);
  EXPECT_EQ(contents(to), "abc");
  expect_consistent(to);
}

TEST(suio_take_death, of_itself_or_of_too_much_aborts_naming_the_caller) {
  suio s;
  s.copy("abc");
  suio to;
  EXPECT_DEATH(s.take(s), "take_test.cc:[0-9]+: suio::take: a suio can't take from itself");
  EXPECT_DEATH(s.take(s, 1), "take_test.cc:[0-9]+: suio::take: a suio can't take from itself");
  EXPECT_DEATH(to.take(s, 4), "take_test.cc:[0-9]+: suio::take: more bytes than");
}

TEST(suio_move, moves_everything_and_leaves_a_usable_empty_suio) {
  int called = 0;
  suio first;
  first.copy("abc");
  first.iovcb(wrap([&] { ++called; }));
  suio second(std::move(first));
  EXPECT_TRUE(first.empty());
  suio third;
  third.copy("dropped");
  third.iovcb(wrap([] { FAIL() << "assigned over: not written"; }));
  third = std::move(second);
  suio& same = third;
  third = std::move(same);
  EXPECT_EQ(contents(third), "abc");
  first.copy("new");
  EXPECT_EQ(contents(first), "new");
  third.rembytes(3);
  EXPECT_EQ(called, 1);
}

}  // namespace
}  // namespace async::test
