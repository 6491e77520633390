// How the load generator of bench/papers reads a reply's head.
#include "bench/papers/reply.h"

#include <gtest/gtest.h>

#include <string>

namespace papers {
namespace {

using result = reply_head::result;

const std::string good =
    "HTTP/1.1 200 OK\r\nServer: any\r\ncontent-LENGTH:  8192 \r\nConnection: keep-alive\r\n\r\n";

result read(const std::string& text) {
  reply_head head;
  return read_head(text, head);
}

std::string with(const std::string& fields) { return "HTTP/1.1 200 OK\r\n" + fields + "\r\n"; }

TEST(reply_head, says_where_the_reply_ends) {
  reply_head head;
  ASSERT_EQ(read_head(good + "the body", head), result::complete);
  EXPECT_EQ(head.status, 200u);
  EXPECT_EQ(head.head, good.size());
  EXPECT_EQ(head.body, 8192u);
  EXPECT_EQ(head.size(), good.size() + 8192);
  EXPECT_FALSE(head.closes);
}

TEST(reply_head, is_incomplete_wherever_it_is_cut) {
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_EQ(read(good.substr(0, n)), result::incomplete) << n;
  }
}

TEST(reply_head, tells_that_the_server_closes) {
  reply_head head;
  ASSERT_EQ(read_head(with("Content-Length: 0\r\nConnection: Close\r\n"), head), result::complete);
  EXPECT_TRUE(head.closes);
}

TEST(reply_head, has_the_status_of_an_error_too) {
  reply_head head;
  ASSERT_EQ(read_head("HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\n", head), result::complete);
  EXPECT_EQ(head.status, 503u);
}

TEST(reply_head, is_wrong_if_nobody_could_say_where_it_ends) {
  for (const std::string fields :
       {"", "Content-Length: \r\n", "Content-Length: -1\r\n", "Content-Length: 1 2\r\n",
        "Content-Length: 0x10\r\n", "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "no colon\r\nContent-Length: 1\r\n",
        ": no name\r\nContent-Length: 1\r\n"}) {
    EXPECT_EQ(read(with(fields)), result::wrong) << fields;
  }
}

TEST(reply_head, is_wrong_if_it_is_of_something_else) {
  for (const std::string text :
       {"HTTP/1.0 200 OK\r\n", "SSH-2.0-", "\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 99\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n"}) {
    EXPECT_EQ(read(text), result::wrong) << text;
  }
}

TEST(reply_head, is_wrong_if_it_does_not_end) {
  const std::string endless = with("A: " + std::string(2 * longest_head, 'a'));
  EXPECT_EQ(read(endless), result::wrong);
  EXPECT_EQ(read(endless.substr(0, longest_head - 1)), result::incomplete);
}

}  // namespace
}  // namespace papers
