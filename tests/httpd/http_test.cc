// Targets, ranges, conditions and dates.
#include <gtest/gtest.h>

#include "examples/httpd/http/conditions.h"
#include "examples/httpd/http/date.h"
#include "examples/httpd/http/ranges.h"
#include "examples/httpd/http/target.h"
#include "examples/httpd/http/text.h"

namespace httpd {
namespace {

std::string path_of(const std::string& raw) {
  std::string space;
  const target t = read_target(raw, space);
  return t.status != 0 ? std::to_string(t.status) : std::string(t.path);
}

TEST(a_target, becomes_the_path_of_a_file) {
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/a/b.c"), "/a/b.c");
  EXPECT_EQ(path_of("/a/?q/../x"), "/a/");
  EXPECT_EQ(path_of("/%61%20b"), "/a b");
  EXPECT_EQ(path_of("//a///b/"), "/a/b/");
  EXPECT_EQ(path_of("/./a/./b/."), "/a/b/");
  EXPECT_EQ(path_of("/a/../b"), "/b");
  EXPECT_EQ(path_of("/a/b/.."), "/a/");
  EXPECT_EQ(path_of("/a/%2e%2E/b"), "/b");
  EXPECT_EQ(path_of("/.a/..b/c.."), "/.a/..b/c..");
  EXPECT_EQ(path_of("http://host/a"), "/a");
  EXPECT_EQ(path_of("HTTPS://host"), "/");
}

TEST(a_target, that_leads_elsewhere_is_none) {
  for (const char* raw :
       {"", "a", "*", "/..", "/../", "/a/../..", "/%2e%2e/etc", "/a/..%2f..", "/a%2fb", "/a%00b",
        "/a%0", "/a%zz", "/a%", "/a#b", "ftp://host/a", "http://host?a", "/a/%2e%2e/%2e%2e/b"})
    EXPECT_EQ(path_of(raw), "400") << raw;
}

TEST(a_target, has_its_query_apart) {
  std::string space;
  EXPECT_EQ(read_target("/a?b=%2e%2e", space).query, "?b=%2e%2e");
  EXPECT_EQ(read_target("/a", space).query, "");
}

TEST(ranges_of_bytes, are_cut_to_what_there_is) {
  using list = std::vector<byte_range>;
  const auto of = [](const char* field) { return parse_ranges(field, 100).list; };
  EXPECT_EQ(of("bytes=0-0"), (list{{0, 1}}));
  EXPECT_EQ(of("bytes=90-"), (list{{90, 100}}));
  EXPECT_EQ(of("Bytes=-10"), (list{{90, 100}}));
  EXPECT_EQ(of("bytes=-1000"), (list{{0, 100}}));
  EXPECT_EQ(of("bytes=50-1000"), (list{{50, 100}}));
  EXPECT_EQ(of("bytes=0-1 , 5-6,200-300"), (list{{0, 2}, {5, 7}}));
  EXPECT_EQ(of("bytes=0-99999999999999999999999"), (list{{0, 100}}));
}

TEST(ranges_of_bytes, that_are_not_there_cannot_be_satisfied) {
  EXPECT_EQ(parse_ranges("bytes=100-", 100).kind, ranges::unsatisfiable);
  EXPECT_EQ(parse_ranges("bytes=-0", 100).kind, ranges::unsatisfiable);
  EXPECT_EQ(parse_ranges("bytes=0-", 0).kind, ranges::unsatisfiable);
}

TEST(ranges_of_bytes, that_are_none_or_too_many_are_ignored) {
  for (const char* field : {"", "bytes", "bytes=a-b", "bytes=1", "bytes=5-4", "bytes=--1",
                            "lines=0-1", "bytes=0-1,,2-3", "bytes=0-99,0-0", "bytes=+1-2"})
    EXPECT_EQ(parse_ranges(field, 100).kind, ranges::whole) << field;
  std::string many = "bytes=0-0";
  for (std::size_t i = 1; i < max_ranges; ++i) many += ",1-1";
  EXPECT_EQ(parse_ranges(many, 100).list.size(), max_ranges);
  EXPECT_EQ(parse_ranges(many + ",2-2", 100).kind, ranges::whole);
}

constexpr std::int64_t then = 784111777;
constexpr const char* then_text = "Sun, 06 Nov 1994 08:49:37 GMT";

TEST(a_date, is_written_in_one_form_and_read_in_three) {
  EXPECT_EQ(http_date(then), then_text);
  for (const char* text : {then_text, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
    EXPECT_EQ(parse_http_date(text), then) << text;
  for (const char* text : {"", "now", "Sun, 06 Nov 1994 08:49:37", "784111777",
                           "Sun, 06 Nov 1994 08:49:37 GMT and more than a date has in it"})
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
}

struct conditional : testing::Test {
  request r;
  const validators v{"\"abc\"", then};
  condition result() const { return evaluate(r, v); }
};

TEST_F(conditional, without_conditions_holds) { EXPECT_EQ(result(), condition::holds); }

TEST_F(conditional, if_none_match_compares_weakly_and_comes_before_dates) {
  for (const char* list : {"\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"}) {
    r.if_none_match = list;
    EXPECT_EQ(result(), condition::not_modified) << list;
  }
  r.if_none_match = "\"x\"";
  r.if_modified_since = then_text;
  EXPECT_EQ(result(), condition::holds);
}

TEST_F(conditional, if_match_compares_strongly) {
  r.if_match = "\"x\", \"abc\"";
  EXPECT_EQ(result(), condition::holds);
  r.if_match = "*";
  EXPECT_EQ(result(), condition::holds);
  r.if_match = "W/\"abc\"";
  EXPECT_EQ(result(), condition::failed);
}

TEST_F(conditional, dates_count_only_if_they_are_dates) {
  r.if_modified_since = then_text;
  EXPECT_EQ(result(), condition::not_modified);
  r.if_modified_since = "Sun, 06 Nov 1994 08:49:36 GMT";
  EXPECT_EQ(result(), condition::holds);
  r.if_modified_since = "yesterday";
  EXPECT_EQ(result(), condition::holds);
  r.if_unmodified_since = "Sun, 06 Nov 1994 08:49:36 GMT";
  EXPECT_EQ(result(), condition::failed);
  r.if_unmodified_since = "yesterday";
  EXPECT_EQ(result(), condition::holds);
}

TEST_F(conditional, if_range_needs_a_strong_validator) {
  EXPECT_TRUE(range_applies(r, v, then));
  r.if_range = "\"abc\"";
  EXPECT_TRUE(range_applies(r, v, then));
  r.if_range = "W/\"abc\"";
  EXPECT_FALSE(range_applies(r, v, then));
  r.if_range = then_text;
  EXPECT_FALSE(range_applies(r, v, then + 59));
  EXPECT_TRUE(range_applies(r, v, then + 60));
  r.if_range = "Sun, 06 Nov 1994 08:49:38 GMT";
  EXPECT_FALSE(range_applies(r, v, then + 60));
}

TEST(gzip, is_accepted_unless_its_weight_is_zero) {
  for (const char* field : {"gzip", "GZIP;q=1", "deflate, gzip;q=0.1", "*", "x-gzip",
                            "gzip; q=0.001", "br;q=0, *;q=0.5"})
    EXPECT_TRUE(accepts_gzip(field)) << field;
  for (const char* field : {"", "deflate", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *",
                            "*, gzip; Q=0", "gzipped", "identity"})
    EXPECT_FALSE(accepts_gzip(field)) << field;
}

TEST(text, is_escaped_for_where_it_goes) {
  EXPECT_EQ(html_escaped("<a href=\"&\">"), "&lt;a href=&quot;&amp;&quot;&gt;");
  EXPECT_EQ(uri_escaped("/a b/\xc3\xa4?%"), "/a%20b/%C3%A4%3F%25");
  std::string log;
  append_log_escaped(log, "a\"b\\c\n\x7f\xff");
  EXPECT_EQ(log, "a\\x22b\\x5Cc\\x0A\\x7F\\xFF");
}

}  // namespace
}  // namespace httpd
