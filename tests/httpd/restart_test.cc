// The program gives its place to a new one of itself, and no client notices.
#include "tests/httpd/support.h"

namespace httpd::test {
namespace {

TEST(a_restart, refuses_nobody_and_finishes_what_was_begun) {
  running_server s;
  s.files.file("www/huge", "");
  std::filesystem::resize_file(s.files.path() / "www/huge", 50'000'000);
  client idle = s.connect(), busy = s.connect();
  EXPECT_EQ(idle.get("/small.txt").status, 200u);
  busy.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
  pollfd some{busy.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&some, 1, 60'000), 1);

  ::kill(s.process->pid(), SIGUSR2);
  // The new one says where it listens, on the same standard output.
  EXPECT_EQ(s.process->read_line(), "listening on port " + std::to_string(s.port));
  EXPECT_TRUE(s.process->read_line().starts_with("serving "));
  EXPECT_TRUE(idle.is_closed()) << "the old one lets go of who asks nothing";
  client next = s.connect();
  EXPECT_EQ(next.get("/small.txt").body, "hello, world\n");
  EXPECT_EQ(busy.receive().body.size(), 50'000'000u);
  EXPECT_TRUE(busy.is_closed());
  EXPECT_EQ(s.process->finish_alone(), 0);
  EXPECT_EQ(next.get("/small.txt").body, "hello, world\n");
  s.process->signal_all(SIGTERM);
  EXPECT_TRUE(next.is_closed());
}

TEST(a_restart, that_fails_leaves_the_server_as_it_is) {
  running_server s;
  client c = s.connect();
  EXPECT_EQ(c.get("/small.txt").status, 200u);
  std::filesystem::rename(s.files.path() / "www", s.files.path() / "moved");
  ::kill(s.process->pid(), SIGUSR2);
  while (s.process->read_line().find("did not come up") == std::string::npos) {}
  EXPECT_EQ(c.get("/small.txt").body, "hello, world\n");
  EXPECT_EQ(get(s, "/sub/").body, "<p>index</p>\n");
}

}  // namespace
}  // namespace httpd::test
