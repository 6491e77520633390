// The whole server, with polite clients and rude ones.
#include <regex>

#include "tests/httpd/support.h"

namespace httpd::test {
namespace {

std::string simple(const std::string& path, const std::string& fields = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n";
}

TEST(the_server, answers_with_a_file) {
  running_server s;
  const answer a = get(s, "/small.txt");
  EXPECT_EQ(a.status, 200u);
  EXPECT_EQ(a.body, "hello, world\n");
  EXPECT_TRUE(a.has("Content-Type: text/plain; charset=utf-8"));
  EXPECT_TRUE(a.has("Accept-Ranges: bytes"));
  EXPECT_TRUE(
      std::regex_match(a.field("Date"), std::regex(R"(\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT)")));
  EXPECT_EQ(get(s, "/sub/").body, "<p>index</p>\n");
  const answer moved = get(s, "/sub?x=1");
  EXPECT_EQ(moved.status, 301u);
  EXPECT_EQ(moved.field("Location"), "/sub/?x=1");
  EXPECT_EQ(get(s, "/large.bin").body, s.large);
}

TEST(the_server, answers_on_one_connection_until_the_client_ends_it) {
  running_server s;
  client c = s.connect();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(c.get("/small.txt").body, "hello, world\n");
  EXPECT_EQ(c.get("/none").status, 404u);
  EXPECT_EQ(c.get("/large.bin").body, s.large);
  EXPECT_EQ(c.get("/small.txt", "Connection: close\r\n").field("Connection"), "close");
  EXPECT_TRUE(c.is_closed());
}

TEST(the_server, answers_requests_that_came_together_in_their_order) {
  running_server s;
  std::string all;
  const std::vector<std::string> paths{"/small.txt", "/none", "/large.bin", "/sub/", "/small.txt"};
  for (int i = 0; i < 20; ++i)
    for (const auto& path : paths) all += simple(path);
  client c = s.connect();
  c.send(all);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(c.receive().body, "hello, world\n");
    ASSERT_EQ(c.receive().status, 404u);
    ASSERT_EQ(c.receive().body, s.large);
    ASSERT_EQ(c.receive().body, "<p>index</p>\n");
    ASSERT_EQ(c.receive().body, "hello, world\n");
  }
}

TEST(the_server, answers_more_requests_at_once_than_it_reads_at_once) {
  running_server s;
  constexpr int count = 3000;
  std::string all;
  for (int i = 0; i < count; ++i) all += simple("/small.txt");
  client c = s.connect();
  c.send(all);
  for (int i = 0; i < count; ++i) ASSERT_EQ(c.receive().body, "hello, world\n") << i;
}

TEST(the_server, answers_all_that_was_asked_before_the_client_ended_its_half) {
  running_server s;
  const std::string body = bytes_of(2048);
  s.files.file("www/page", body);
  constexpr int count = 900;  // more bytes than are read at once
  std::string all;
  for (int i = 0; i < count; ++i) all += simple("/page");
  // Many, so that an end is likely to come between two turns of its client.
  std::vector<client> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(s.connect());
    clients.back().send(all);
    ::shutdown(clients.back().fd(), SHUT_WR);
  }
  for (client& c : clients) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(c.receive().body, body) << i;
    EXPECT_TRUE(c.is_closed());
  }
}

TEST(the_server, answers_a_request_that_comes_byte_by_byte) {
  running_server s;
  client c = s.connect();
  for (const char byte : simple("/small.txt") + simple("/small.txt")) c.send({&byte, 1});
  EXPECT_EQ(c.receive().body, "hello, world\n");
  EXPECT_EQ(c.receive().body, "hello, world\n");
}

TEST(the_server, speaks_http_1_0) {
  running_server s;
  client c = s.connect();
  const answer kept = c.send("GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").receive();
  EXPECT_EQ(kept.field("Connection"), "keep-alive");
  EXPECT_EQ(c.send("GET /small.txt HTTP/1.0\r\n\r\n").receive().body, "hello, world\n");
  EXPECT_TRUE(c.is_closed());
}

TEST(the_server, answers_head_without_a_body) {
  running_server s;
  client c = s.connect();
  for (const char* path : {"/small.txt", "/large.bin"}) {
    c.send("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer head = c.receive(true);
    const answer full = c.get(path);
    EXPECT_EQ(head.field("Content-Length"), std::to_string(full.body.size()));
    EXPECT_EQ(head.field("ETag"), full.field("ETag"));
  }
}

TEST(the_server, allows_get_head_and_options_only) {
  running_server s;
  client c = s.connect();
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
    const answer a =
        c.send(std::string(method) + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            .receive();
    EXPECT_EQ(a.status, 405u) << method;
    EXPECT_TRUE(a.has("Allow: GET, HEAD, OPTIONS"));
  }
  EXPECT_EQ(c.send("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").receive().status, 501u);
  for (const char* target : {"*", "/small.txt"}) {
    const answer a =
        c.send("OPTIONS " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n").receive();
    EXPECT_EQ(a.status, 204u);
    EXPECT_TRUE(a.has("Allow: GET, HEAD, OPTIONS"));
  }
}

TEST(the_server, passes_over_a_short_body_and_closes_behind_a_long_one) {
  running_server s;
  client c = s.connect();
  const std::string body(5000, 'x');
  c.send("GET /small.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" + body);
  EXPECT_EQ(c.receive().body, "hello, world\n");
  EXPECT_EQ(c.get("/small.txt").status, 200u);
  c.send("GET /small.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\n" + body);
  const answer last = c.receive();
  EXPECT_EQ(last.field("Connection"), "close");
  EXPECT_EQ(last.body, "hello, world\n");
  EXPECT_TRUE(c.is_closed());
  client post = s.connect();
  post.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\n" + body);
  EXPECT_EQ(post.receive().status, 405u);
  EXPECT_TRUE(post.is_closed());
  client chunked = s.connect();
  chunked.send("GET /small.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
               simple("/small.txt"));
  EXPECT_EQ(chunked.receive().field("Connection"), "close");
  EXPECT_TRUE(chunked.is_closed());
}

TEST(the_server, sends_ranges) {
  running_server s;
  client c = s.connect();
  for (const std::string path : {"/small.txt", "/large.bin"}) {
    const std::string whole = c.get(path).body, size = std::to_string(whole.size());
    const answer one = c.get(path, "Range: bytes=3-7\r\n");
    EXPECT_EQ(one.status, 206u);
    EXPECT_EQ(one.body, whole.substr(3, 5));
    EXPECT_EQ(one.field("Content-Range"), "bytes 3-7/" + size);
    EXPECT_EQ(c.get(path, "Range: bytes=-4\r\n").body, whole.substr(whole.size() - 4));

    const answer two = c.get(path, "Range: bytes=0-1,5-6\r\n");
    const std::string type = two.field("Content-Type");
    ASSERT_TRUE(type.starts_with("multipart/byteranges; boundary=")) << type;
    const std::string boundary = "\r\n--" + type.substr(type.find('=') + 1);
    const std::string part =
        "\r\nContent-Type: " + c.get(path).field("Content-Type") + "\r\nContent-Range: bytes ";
    EXPECT_EQ(two.body, boundary + part + "0-1/" + size + "\r\n\r\n" + whole.substr(0, 2) +
                            boundary + part + "5-6/" + size + "\r\n\r\n" + whole.substr(5, 2) +
                            boundary + "--\r\n");

    const answer none = c.get(path, "Range: bytes=4000000-\r\n");
    EXPECT_EQ(none.status, 416u);
    EXPECT_EQ(none.field("Content-Range"), "bytes */" + size);
    EXPECT_EQ(c.get(path, "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n").status, 200u);
  }
}

TEST(the_server, says_that_a_file_has_not_changed) {
  running_server s;
  client c = s.connect();
  const std::string etag = c.get("/small.txt").field("ETag");
  const answer same = c.get("/small.txt", "If-None-Match: " + etag + "\r\n");
  EXPECT_EQ(same.status, 304u);
  EXPECT_EQ(same.field("ETag"), etag);
  EXPECT_EQ(same.field("Content-Length"), "");
  EXPECT_EQ(c.get("/small.txt", "If-Match: \"other\"\r\n").status, 412u);
  EXPECT_EQ(c.get("/small.txt", "If-Match: " + etag + "\r\n").status, 200u);
  EXPECT_EQ(c.get("/small.txt", "Range: bytes=0-0\r\nIf-Range: " + etag + "\r\n").status, 206u);
}

TEST(the_server, sends_the_compressed_form_to_who_takes_it) {
  running_server s;
  s.files.file("www/small.txt.gz", "packed");
  client c = s.connect();
  const answer packed = c.get("/small.txt", "Accept-Encoding: br, gzip\r\n");
  EXPECT_EQ(packed.body, "packed");
  EXPECT_TRUE(packed.has("Content-Encoding: gzip"));
  EXPECT_TRUE(packed.has("Vary: Accept-Encoding"));
  const answer plain = c.get("/small.txt", "Accept-Encoding: gzip;q=0\r\n");
  EXPECT_EQ(plain.body, "hello, world\n");
  EXPECT_TRUE(plain.has("Vary: Accept-Encoding"));
}

TEST(the_server, sends_a_large_compressed_form_of_a_small_file) {
  running_server s;
  s.files.file("www/small.txt.gz", s.large);
  client c = s.connect();
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(c.get("/small.txt", "Accept-Encoding: gzip\r\n").body, s.large);
}

TEST(the_server, does_not_know_dotfiles_nor_what_is_above_the_root) {
  running_server s;
  s.files.file("outside", "secret");
  for (const char* path : {"/.secret", "/%2esecret", "/../outside", "/sub/../../outside",
                           "/%2e%2e/outside", "/..%2foutside", "/sub/..%2f..%2foutside"}) {
    const answer a = get(s, path);
    EXPECT_TRUE(a.status == 404 || a.status == 400) << path << a.status;
    EXPECT_EQ(a.body.find("secret"), std::string::npos) << path;
  }
}

TEST(smuggling, ends_the_connection_before_anything_else_is_read) {
  running_server s;
  for (const char* head :
       {"GET /small.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: "
        "chunked\r\n\r\n",
        "GET /small.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        "GET /small.txt HTTP/1.1\r\nHost : a\r\n\r\n", "GET /small.txt HTTP/1.1\nHost: a\n\n",
        "GET /small.txt HTTP/1.1\r\nHost: a\r\nX: y\r\n Content-Length: 4\r\n\r\n"}) {
    client c = s.connect();
    const answer a = c.send(head + simple("/small.txt")).receive();
    EXPECT_EQ(a.status, 400u) << head;
    EXPECT_EQ(a.field("Connection"), "close");
    EXPECT_TRUE(c.is_closed()) << head;
  }
}

TEST(a_head, that_is_too_long_is_refused) {
  running_server s;
  client target = s.connect();
  EXPECT_EQ(target.send("GET /" + std::string(20'000, 'a')).receive().status, 414u);
  EXPECT_TRUE(target.is_closed());
  client field = s.connect();
  EXPECT_EQ(
      field.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a')).receive().status,
      431u);
  EXPECT_TRUE(field.is_closed());
}

TEST(a_client, who_sends_a_request_too_slowly_is_dropped) {
  running_server s({"--request-timeout", "1"});
  client silent = s.connect(), slow = s.connect();
  slow.send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(silent.is_closed());
  EXPECT_TRUE(slow.is_closed());
}

TEST(a_client, who_asks_no_more_is_dropped) {
  running_server s({"--keep-alive", "1"});
  client c = s.connect();
  EXPECT_EQ(c.get("/small.txt").status, 200u);
  EXPECT_TRUE(c.is_closed());
}

TEST(a_client, who_takes_nothing_is_dropped) {
  running_server s({"--write-timeout", "1"});
  s.files.file("www/huge", "");
  std::filesystem::resize_file(s.files.path() / "www/huge", 100'000'000);
  client c = s.connect();
  c.send(simple("/huge"));
  pollfd reset{c.fd(), 0, 0};
  EXPECT_EQ(::poll(&reset, 1, 60'000), 1);
  EXPECT_TRUE(reset.revents & POLLERR) << "what was sent for it is not kept, either";
}

TEST(clients_that_do_not_read, cost_little_memory) {
  running_server s;
  s.files.file("www/huge", "");
  std::filesystem::resize_file(s.files.path() / "www/huge", 1'000'000'000);
  ASSERT_EQ(get(s, "/huge", "Range: bytes=0-0\r\n").status, 206u);
  const std::size_t before = s.resident_kb();
  std::vector<client> deaf;
  for (int i = 0; i < 100; ++i) {
    deaf.push_back(s.connect());
    deaf.back().send(simple("/huge"));
    // The rest of the answers to small files are held up, too.
    for (int n = 0; n < 100; ++n) deaf.back().send(simple("/small.txt"));
  }
  // Each has begun to be answered.
  for (client& c : deaf) {
    pollfd some{c.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&some, 1, 60'000), 1);
  }
  EXPECT_EQ(get(s, "/small.txt").status, 200u) << "others are served meanwhile";
  if (async::test::sanitized) return;
  EXPECT_LT(s.resident_kb() - before, 100u * 40u);
}

TEST(the_log, has_a_line_for_each_answer) {
  running_server s({"--log", "-"});
  client c = s.connect();
  c.get("/small.txt", "User-Agent: me\"\r\nReferer: http://x/\r\n");
  c.get("/none");
  c.get("/large.bin", "Connection: close\r\n");
  EXPECT_TRUE(c.is_closed());
  ::kill(s.process->pid(), SIGTERM);
  const auto [status, log] = s.process->finish();
  EXPECT_EQ(status, 0);
  const std::string date = R"(\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\])";
  const std::regex lines("127\\.0\\.0\\.1 - - " + date +
                         " \"GET /small.txt HTTP/1.1\" 200 13 \"http://x/\" \"me\\\\x22\"\n" +
                         "127\\.0\\.0\\.1 - - " + date +
                         " \"GET /none HTTP/1.1\" 404 \\d+ \"-\" \"-\"\n" + "127\\.0\\.0\\.1 - - " +
                         date + " \"GET /large.bin HTTP/1.1\" 200 3000000 \"-\" \"-\"\n");
  // Lines of several CPUs may change places.
  std::vector<std::string> sorted;
  std::istringstream in(log);
  for (std::string line; std::getline(in, line);) sorted.push_back(line + '\n');
  std::ranges::sort(sorted, {}, [](const std::string& l) {
    return l.find("small") != l.npos ? 0 : l.find("none") != l.npos ? 1 : 2;
  });
  std::string all;
  for (const auto& line : sorted) all += line;
  EXPECT_TRUE(std::regex_match(all, lines)) << log;
}

TEST(the_log, is_opened_anew_when_it_was_moved) {
  scratch_directory logs;
  const std::string name = logs.path() / "log", moved = logs.path() / "log.1";
  running_server s({"--log", name});
  get(s, "/small.txt");
  std::filesystem::rename(name, moved);
  ::kill(s.process->pid(), SIGHUP);
  while (!std::filesystem::exists(name))
    ::usleep(1000);  // ends with the test's limit at the latest
  get(s, "/none");
  ::kill(s.process->pid(), SIGTERM);
  EXPECT_EQ(s.process->finish().first, 0);
  EXPECT_NE(text_of_file(moved).find("/small.txt"), std::string::npos);
  EXPECT_NE(text_of_file(name).find("/none"), std::string::npos);
}

TEST(the_end, comes_when_the_replies_on_their_way_have_been_sent) {
  running_server s;
  s.files.file("www/huge", "");
  std::filesystem::resize_file(s.files.path() / "www/huge", 50'000'000);
  client idle = s.connect(), busy = s.connect();
  idle.get("/small.txt");
  busy.send(simple("/huge"));
  pollfd some{busy.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&some, 1, 60'000), 1);
  ::kill(s.process->pid(), SIGTERM);
  EXPECT_TRUE(idle.is_closed());
  EXPECT_EQ(busy.receive().body.size(), 50'000'000u);
  EXPECT_TRUE(busy.is_closed());
  EXPECT_EQ(s.process->finish().first, 0);
}

TEST(a_file, that_changes_is_served_as_it_is_a_second_later) {
  running_server s;
  client c = s.connect();
  EXPECT_EQ(c.get("/small.txt").body, "hello, world\n");
  s.files.file("www/new", "changed\n");
  std::filesystem::rename(s.files.path() / "www/new", s.files.path() / "www/small.txt");
  std::string body;
  do body = c.get("/small.txt").body;
  while (body == "hello, world\n");  // ends with the test's limit at the latest
  EXPECT_EQ(body, "changed\n");
}

#if !defined(ASYNC_UNIPROCESSOR)
class coloring : public testing::TestWithParam<const char*> {};

TEST_P(coloring, changes_nothing_that_a_client_sees) {
  running_server s({"--parallel", GetParam(), "--cpus", "2"});
  std::vector<client> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(s.connect());
  for (int round = 0; round < 20; ++round) {
    for (client& c : clients) c.send(simple("/small.txt") + simple("/sub/") + simple("/none"));
    for (client& c : clients) {
      ASSERT_EQ(c.receive().body, "hello, world\n");
      ASSERT_EQ(c.receive().body, "<p>index</p>\n");
      ASSERT_EQ(c.receive().status, 404u);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(steps, coloring, testing::Values("none", "connections", "all"));
#endif

}  // namespace
}  // namespace httpd::test
