// Heads of requests: what is taken, and what is refused because two servers could read it
// differently.
#include "examples/httpd/http/request.h"

#include <gtest/gtest.h>

namespace httpd {
namespace {

unsigned status_of(const std::string& bytes) {
  request r;
  const parsed p = parse_request(bytes, r);
  return p.result == parsed::wrong ? p.status : p.result == parsed::complete ? 200 : 0;
}

std::string with(const std::string& lines) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}

TEST(a_request, is_read_with_its_fields) {
  const std::string bytes =
      "HEAD /x?y HTTP/1.1\r\nhOST: a:80\r\nRange:bytes=0-1 \r\nIf-None-Match: \"a\"\r\n"
      "If-None-Match: \"b\"\r\nContent-Length: 12\r\n\r\nbody";
  request r;
  const parsed p = parse_request(bytes, r);
  ASSERT_EQ(p.result, parsed::complete);
  EXPECT_EQ(p.bytes, bytes.size() - 4);
  EXPECT_EQ(r.method, method::head);
  EXPECT_EQ(r.line, "HEAD /x?y HTTP/1.1");
  EXPECT_EQ(r.target, "/x?y");
  EXPECT_EQ(r.host, "a:80");
  EXPECT_EQ(r.range, "bytes=0-1");
  EXPECT_EQ(r.if_none_match, "\"a\", \"b\"");
  EXPECT_EQ(r.body, 12u);
  EXPECT_FALSE(r.close);
}

TEST(a_request, may_come_in_any_pieces) {
  const std::string bytes = with("Range: bytes=0-1\r\n");
  request r;
  for (std::size_t n = 0; n < bytes.size(); ++n)
    ASSERT_EQ(parse_request(bytes.substr(0, n), r).result, parsed::incomplete) << n;
  EXPECT_EQ(parse_request(bytes, r).result, parsed::complete);
}

TEST(a_request, may_follow_one_empty_line) {
  EXPECT_EQ(status_of("\r\n" + with("")), 200u);
  EXPECT_EQ(status_of("\r\n\r\n" + with("")), 400u);
}

TEST(a_connection, is_kept_unless_the_request_says_otherwise) {
  request r;
  const auto closes = [&r](const std::string& bytes) {
    EXPECT_EQ(parse_request(bytes, r).result, parsed::complete) << bytes;
    return r.close;
  };
  EXPECT_FALSE(closes(with("")));
  EXPECT_TRUE(closes(with("Connection: foo, Close\r\n")));
  EXPECT_TRUE(closes("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_FALSE(closes("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_TRUE(r.keep_alive);
}

TEST(smuggling, is_refused_in_every_form) {
  for (const char* lines : {
           "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
           "Content-Length: 1\r\nContent-Length: 1\r\n",
           "Content-Length: 1\r\nContent-Length: 2\r\n",
           "Content-Length: 1, 1\r\n",
           "Content-Length: +1\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: 0x1\r\n",
           "Content-Length: 1 1\r\n",
           "Content-Length:\r\n",
           "Content-Length: 99999999999999999999\r\n",
           "Content-Length : 1\r\n",
           "Range : bytes=0-1\r\n",
           " Range: bytes=0-1\r\n",
           "X: a\r\n b\r\n",
           "X: a\r\n\tb\r\n",
           "X: a\nY: b\r\n",
           "X: a\rY: b\r\n",
           "X: a\r\r\n",
           "X: a\n\r\n",
           "X\r\n",
           ": x\r\n",
           "X(: a\r\n",
           "Host: b\r\n",
       })
    EXPECT_EQ(status_of(with(lines)), 400u) << lines;
  using namespace std::string_literals;
  EXPECT_EQ(status_of(with("X: a\0b\r\n"s)), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400u);
  EXPECT_EQ(status_of(with("Transfer-Encoding: gzip\r\n")), 501u);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked, gzip\r\n")), 501u);
}

TEST(a_body, may_be_of_any_length) {
  request r;
  EXPECT_EQ(parse_request(with("Content-Length: 2000000\r\n"), r).result, parsed::complete);
  EXPECT_EQ(r.body, 2'000'000u);
  EXPECT_EQ(parse_request(with("Content-Length: 18446744073709551615\r\n"), r).result,
            parsed::complete);
  EXPECT_EQ(r.body, 18'446'744'073'709'551'615u);
  EXPECT_EQ(status_of(with("Content-Length: 18446744073709551616\r\n")), 400u);
}

TEST(a_request_line, is_one_as_the_rfc_has_it) {
  for (const char* line : {"GET  / HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET /", "GET",
                           "/ HTTP/1.1", "GET / http/1.1", "GET / HTTP/1.1x", "GET\t/ HTTP/1.1",
                           "G(T / HTTP/1.1", "GET / a HTTP/1.1", "GET / HTTP/11"})
    EXPECT_EQ(status_of(std::string(line) + "\r\nHost: a\r\n\r\n"), 400u) << line;
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: a\n\n"), 400u);
}

TEST(a_request, has_one_host) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 200u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400u);
}

TEST(what_is_too_long, is_said_to_be_that) {
  const std::string path(max_target, 'a');
  EXPECT_EQ(status_of("GET /" + path + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414u);
  EXPECT_EQ(status_of("GET /" + path + path), 414u);
  EXPECT_EQ(status_of("GET /" + path.substr(1) + " HTTP/1.1\r\nHost: a\r\n\r\n"), 200u);
  EXPECT_EQ(status_of(with("X: " + std::string(max_head, 'x') + "\r\n")), 431u);
  std::string fields;
  for (std::size_t i = 0; i < max_fields; ++i) fields += "X: y\r\n";
  EXPECT_EQ(status_of(with(fields)), 431u);
  // Bytes without an end never become more than a head's.
  EXPECT_EQ(status_of(("GET / HTTP/1.1\r\nX: " + std::string(max_head, 'x')).substr(0, max_head)),
            431u);
}

}  // namespace
}  // namespace httpd
