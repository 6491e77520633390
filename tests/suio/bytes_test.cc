// Specification of how bytes get into a suio and are looked at there.
//
// Serves stage 6 (output).
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "tests/suio/helpers.h"

namespace async::test {
namespace {

TEST(suio_print, refers_to_the_bytes_without_copying_them) {
  const std::string bytes = pattern(100);
  suio s;
  s.print(bytes.data(), bytes.size());
  ASSERT_EQ(s.iov().size(), 1u);
  EXPECT_EQ(s.iov()[0].iov_base, bytes.data());
  EXPECT_EQ(contents(s), bytes);
}

TEST(suio_print, keeps_the_owner_until_the_last_of_its_bytes_is_removed) {
  bool gone = false;
  suio s;
  {
    auto o = make_owner(pattern(10), [&] { gone = true; });
    print_owned(s, o);
  }
  s.rembytes(9);
  EXPECT_FALSE(gone);
  EXPECT_EQ(contents(s), pattern(1, 9));
  s.rembytes(1);
  EXPECT_TRUE(gone);
}

TEST(suio_print, of_no_bytes_lets_the_owner_go_and_leaves_no_range) {
  bool gone = false;
  suio s;
  s.print("", 0, make_owner("", [&] { gone = true; }));
  EXPECT_TRUE(gone);
  EXPECT_TRUE(s.empty());
  EXPECT_TRUE(s.iov().empty());
}

TEST(suio_print, takes_owners_that_are_not_counted_themselves_and_const_ones) {
  suio s;
  ref<std::string> plain = make_ref<std::string>("plain ");
  s.print(plain->data(), plain->size(), plain);
  ref<const std::string> constant = make_ref<std::string>("constant");
  s.print(constant->data(), constant->size(), constant);
  plain = make_ref<std::string>();
  EXPECT_EQ(contents(s), "plain constant");
}

TEST(suio_print, moves_a_long_string_in_and_keeps_it) {
  std::string bytes = pattern(1000);
  const char* const where_it_was = bytes.data();
  suio s;
  s.print(std::move(bytes));
  EXPECT_EQ(s.iov()[0].iov_base, where_it_was);
  EXPECT_EQ(contents(s), pattern(1000));
}

TEST(suio_print, accepts_short_and_empty_strings_vectors_and_arrays) {
  suio s;
  s.print(std::string());
  s.print(std::string("a"));
  s.print(std::vector<char>{'b', 'c'});
  s.print(std::vector<unsigned char>(1000, 'd'));
  s.print(std::array<std::byte, 1>{std::byte{'e'}});
  EXPECT_EQ(contents(s), "abc" + std::string(1000, 'd') + "e");
  expect_consistent(s);
}

TEST(suio_copy, leaves_the_source_free_to_change) {
  std::string bytes = pattern(50);
  suio s;
  s.copy(bytes);
  bytes.assign(50, 'x');
  EXPECT_EQ(contents(s), pattern(50));
}

TEST(suio_copy, puts_small_pieces_side_by_side_into_one_range) {
  suio s;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    s.copy(pattern(10, static_cast<std::size_t>(i)));
    expected += pattern(10, static_cast<std::size_t>(i));
  }
  EXPECT_EQ(s.iov().size(), 1u);
  EXPECT_EQ(contents(s), expected);
}

TEST(suio_copy, needs_few_ranges_for_much) {
  suio s;
  std::string expected;
  for (std::size_t i = 0; i < 10000; ++i) {
    s.copy(pattern(100, i));
    expected += pattern(100, i);
  }
  EXPECT_LE(s.iov().size(), 1 + 1000000 / 8192 + 1);
  EXPECT_EQ(contents(s), expected);
}

TEST(suio_copy, gives_large_pieces_a_block_of_their_own) {
  suio s;
  s.copy("header ");
  const std::string large = pattern(1000000);
  s.copy(large);
  EXPECT_EQ(s.iov().size(), 2u);
  EXPECT_EQ(contents(s), "header " + large);
}

TEST(suio_copy, goes_on_in_the_same_block_behind_a_range_by_reference) {
  suio s;
  s.copy("abc");
  s.print("DEF", 3);
  s.copy("ghi");
  ASSERT_EQ(s.iov().size(), 3u);
  EXPECT_EQ(static_cast<char*>(s.iov()[0].iov_base) + 3, s.iov()[2].iov_base);
  EXPECT_EQ(contents(s), "abcDEFghi");
}

TEST(suio_copy, can_copy_from_the_suio_itself) {
  suio s;
  s.copy(pattern(900));
  s.copy(s.iov()[0].iov_base, 900);
  EXPECT_EQ(contents(s), pattern(900) + pattern(900));
}

TEST(suio_copy, of_nothing_does_nothing) {
  suio s;
  s.copy(nullptr, 0);
  s.copy("");
  EXPECT_TRUE(s.empty());
  expect_consistent(s);
}

TEST(suio_ranges, that_touch_in_memory_with_one_owner_are_one_range) {
  const std::string bytes = pattern(100);
  suio s;
  s.print(bytes.data(), 30);
  s.print(bytes.data() + 30, 70);
  EXPECT_EQ(s.iov().size(), 1u);
  EXPECT_EQ(contents(s), bytes);
}

TEST(suio_ranges, that_touch_in_memory_with_different_owners_stay_apart) {
  bool first_gone = false;
  bool second_gone = false;
  const std::string bytes = pattern(100);
  suio s;
  s.print(bytes.data(), 30, make_owner("", [&] { first_gone = true; }));
  s.print(bytes.data() + 30, 70, make_owner("", [&] { second_gone = true; }));
  EXPECT_EQ(s.iov().size(), 2u);
  s.rembytes(30);
  EXPECT_TRUE(first_gone);
  EXPECT_FALSE(second_gone);
  EXPECT_EQ(contents(s), pattern(70, 30));
}

TEST(suio_format, appends_what_printf_would_print) {
  suio s;
  EXPECT_TRUE(s.format("%d + %s", 1, "two"));
  EXPECT_TRUE(s.format("%s", ""));
  EXPECT_TRUE(s.format(" = %.1f", 3.0));
  EXPECT_EQ(contents(s), "1 + two = 3.0");
  EXPECT_EQ(s.iov().size(), 1u);
}

TEST(suio_format, of_any_length_around_the_free_space_is_complete) {
  for (std::size_t before : {0, 1, 1000, 1007, 1008, 1009}) {
    for (std::size_t length : {0, 1, 7, 8, 9, 1007, 1008, 1009, 8191, 8192, 8193, 100000}) {
      suio s;
      s.copy(pattern(before));
      EXPECT_TRUE(s.format("%s", pattern(length).c_str()));
      s.copy("end");
      EXPECT_EQ(contents(s), pattern(before) + pattern(length) + "end") << before << ' ' << length;
      expect_consistent(s);
    }
  }
}

TEST(suio_format, that_cannot_convert_appends_nothing) {
  suio s;
  const wchar_t impossible[] = {static_cast<wchar_t>(0x7fffffff), 0};
  EXPECT_FALSE(s.format("%ls", impossible));
  EXPECT_TRUE(s.empty());
  s.copy("still usable");
  EXPECT_EQ(contents(s), "still usable");
}

TEST(suio_copyout, copies_from_an_offset_over_range_borders) {
  suio s;
  s.print("abc", 3);
  s.print("def", 3, make_owner("", [] {}));
  s.print("ghi", 3);
  char to[9];
  EXPECT_EQ(s.copyout(to, 5, 2), 5u);
  EXPECT_EQ(std::string(to, 5), "cdefg");
  EXPECT_EQ(s.copyout(to, 9, 7), 2u);
  EXPECT_EQ(std::string(to, 2), "hi");
  EXPECT_EQ(s.copyout(to, 9, 9), 0u);
  EXPECT_EQ(s.resid(), 9u);
}

TEST(suio_pullup, is_null_if_there_are_fewer_bytes) {
  suio s;
  s.copy("abc");
  EXPECT_EQ(s.pullup(4), nullptr);
  EXPECT_NE(s.pullup(0), nullptr);
}

TEST(suio_pullup, copies_nothing_if_the_bytes_are_contiguous) {
  const std::string bytes = pattern(100);
  suio s;
  s.print(bytes.data(), bytes.size());
  EXPECT_EQ(s.pullup(100), bytes.data());
}

TEST(suio_pullup, joins_ranges_at_every_length) {
  for (std::size_t length = 0; length <= 40; ++length) {
    int gone = 0;
    suio s;
    for (std::size_t i = 0; i < 4; ++i)
      print_owned(s, make_owner(pattern(10, 10 * i), [&] { ++gone; }));
    const char* joined = s.pullup(length);
    ASSERT_NE(joined, nullptr);
    EXPECT_EQ(std::string(joined, length), pattern(length));
    EXPECT_EQ(contents(s), pattern(40));
    EXPECT_EQ(gone, length <= 10 ? 0 : static_cast<int>(length / 10));
    expect_consistent(s);
    s.rembytes(40);
    EXPECT_EQ(gone, 4);
  }
}

}  // namespace
}  // namespace async::test
