// The program gives its place to a new one of itself, and no client notices.
#include "async/net.h"
#include "async/server.h"
#include "tests/httpd/support.h"

namespace httpd::test {
namespace {

// One client has got what it asked for, and the other a part.
void begin_a_large_reply(running_server& s, client& idle, client& busy) {
  s.files.file("www/huge", "");
  std::filesystem::resize_file(s.files.path() / "www/huge", 50'000'000);
  EXPECT_EQ(idle.get("/small.txt").status, 200u);
  busy.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
  pollfd some{busy.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&some, 1, 60'000), 1);
}

TEST(a_restart, refuses_nobody_and_finishes_what_was_begun) {
  running_server s;
  client idle = s.connect(), busy = s.connect();
  ASSERT_NO_FATAL_FAILURE(begin_a_large_reply(s, idle, busy));

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

TEST(a_restart, is_none_once_the_end_has_begun) {
  running_server s;
  client idle = s.connect(), busy = s.connect();
  ASSERT_NO_FATAL_FAILURE(begin_a_large_reply(s, idle, busy));
  ::kill(s.process->pid(), SIGTERM);
  EXPECT_TRUE(idle.is_closed()) << "the end has begun";
  ::kill(s.process->pid(), SIGUSR2);
  EXPECT_EQ(busy.receive().body.size(), 50'000'000u) << "and nothing has hurried it";
  EXPECT_TRUE(busy.is_closed());
  EXPECT_EQ(s.process->finish_alone(), 0);
  s.process->signal_all(SIGTERM);  // a successor, if there was one
  EXPECT_EQ(s.process->read_line(), "") << "nobody has come up in its place";
}

TEST(a_restart, leaves_the_new_program_nothing_but_the_sockets) {
  running_server s({"--log", "-"});
  client c = s.connect();
  EXPECT_EQ(c.get("/large.bin").status, 200u);
  const std::filesystem::path process = "/proc/" + std::to_string(s.process->pid());
  for (const auto& entry : std::filesystem::directory_iterator(process / "fdinfo")) {
    const int fd = std::stoi(entry.path().filename());
    if (fd <= 2) continue;
    const int ours = ::fcntl(fd, F_GETFD);
    if (ours >= 0 && (ours & FD_CLOEXEC) == 0) continue;  // from whoever has started the test
    const std::string info = text_of_file(entry.path());
    if (info.empty()) continue;  // it has just been closed
    const auto flags = std::stoul(info.substr(info.find("flags:") + 6), nullptr, 8);
    EXPECT_TRUE(flags & O_CLOEXEC)
        << fd << " is " << std::filesystem::read_symlink(process / "fd" / entry.path().filename());
  }
}

// systemd gives all sockets of a unit one name, unless that says another.
TEST(sockets_that_are_given, are_all_served_if_an_option_names_them_and_closed_if_none_does) {
  scratch_directory files;
  files.file("a", "a\n");
  const std::vector<std::string> names{"http", "http", "other"};
  std::vector<std::uint16_t> ports;
  std::vector<sfs::fd_owner> sockets;
  std::string script = "exec", all_names;
  for (const std::string& name : names) {
    const sfs::fd_owner made(async::listening_socket("127.0.0.1:0"));
    ASSERT_TRUE(made);
    ports.push_back(async::local_port(made.get()));
    sockets.emplace_back(::fcntl(made.get(), F_DUPFD, 20));  // out of the way of those from 3 on
    const std::string fd = std::to_string(sockets.back().get());
    script += ' ' + std::to_string(2 + sockets.size()) + "<&" + fd + ' ' + fd + "<&-";
    all_names += (all_names.empty() ? "" : ":") + name;
  }
  script += "; LISTEN_FDS=3 LISTEN_PID=$$ LISTEN_FDNAMES=" + all_names + " exec \"$@\"";
  program server({"/bin/bash", "-c", script, "bash", httpd_program(), "--root", files.path(),
                  "--listen", "127.0.0.1:0"});
  sockets.clear();
  std::string said;
  for (std::string line; !line.starts_with("serving "); said += line + '\n') {
    line = server.read_line();
    ASSERT_FALSE(line.empty()) << said;
  }
  EXPECT_NE(said.find("a socket named \"other\" was given"), std::string::npos) << said;
  EXPECT_EQ(client(ports[0]).get("/a").body, "a\n");
  EXPECT_EQ(client(ports[1]).get("/a").body, "a\n");
  EXPECT_FALSE(client(ports[2])) << "nobody would ever answer there";
}

}  // namespace
}  // namespace httpd::test
