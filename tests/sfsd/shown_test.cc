// What others say, as it is shown on a terminal.
#include "examples/sfsd/base/shown.h"

#include <gtest/gtest.h>

namespace sfs::test {
namespace {

using namespace std::string_view_literals;

TEST(shown_text, is_as_it_was_where_it_is_printable) {
  for (const std::string_view text : {
           ""sv, " a~"sv,
           "\xc2\xa0\xdf\xbf"sv,                                  // of two bytes: first and last
           "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"sv,  // of three
           "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"sv,                  // of four
       })
    EXPECT_EQ(shown(text), text);
}

TEST(shown_text, has_no_control_characters) {
  EXPECT_EQ(shown("\0\x1b\x1f\x7f\n"sv), "\\x00\\x1b\\x1f\\x7f\\x0a");
  EXPECT_EQ(shown("\xc2\x80|\xc2\x9b|\xc2\x9f"sv), "\\xc2\\x80|\\xc2\\x9b|\\xc2\\x9f");
  EXPECT_EQ(shown("\x80|\x9b|\x9f"sv), "\\x80|\\x9b|\\x9f");
}

TEST(shown_text, has_only_well_formed_utf8) {
  EXPECT_EQ(shown("\xc1\x9b"sv), "\\xc1\\x9b") << "too long";
  EXPECT_EQ(shown("\xe0\x82\x9b"sv), "\\xe0\\x82\\x9b") << "too long";
  EXPECT_EQ(shown("\xf0\x80\x82\x9b"sv), "\\xf0\\x80\\x82\\x9b") << "too long";
  EXPECT_EQ(shown("\xed\xa0\x80"sv), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(shown("\xf4\x90\x80\x80"sv), "\\xf4\\x90\\x80\\x80") << "beyond the last";
  EXPECT_EQ(shown("\xe2\x82"sv), "\\xe2\\x82") << "cut off";
  EXPECT_EQ(shown("\xe2\x82z"sv), "\\xe2\\x82z") << "cut off";
  EXPECT_EQ(shown("\xc3\xc3\xa9"sv), "\\xc3\xc3\xa9") << "and goes on with the next";
}

TEST(shown_text, tells_an_escape_from_its_spelling) { EXPECT_EQ(shown("\\x1b"sv), "\\x5cx1b"); }

}  // namespace
}  // namespace sfs::test
