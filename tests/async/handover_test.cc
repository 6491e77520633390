// Sockets that are handed over, and service managers that are told (async/handover.h).
#include "async/handover.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <vector>

#include "async/detail/ready_fd.h"
#include "tests/async/helpers.h"

namespace async::test {
namespace {

// Whether `check` is true in a forked child, where it may do with fds and the environment what it
// likes.
bool in_child(const std::function<bool()>& check) {
  const pid_t pid = fork();
  if (pid == 0) _exit(check() ? 0 : 1);
  int status = 0;
  return waitpid(pid, &status, 0) == pid && status == 0;
}

void pass(int fd, int number) {
  if (fd == number) std::abort();
  dup2(fd, number);
}

TEST(inherited_sockets_of_a_process, are_those_that_systemd_passed_with_their_names) {
  const int web = tcp_listen(0, "127.0.0.1"), control = tcp_listen(0, "127.0.0.1");
  const int ports[] = {local_port(web), local_port(control)};
  EXPECT_TRUE(in_child([&] {
    const int copies[] = {fcntl(web, F_DUPFD, 100), fcntl(control, F_DUPFD, 100)};
    pass(copies[0], 3);
    pass(copies[1], 4);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "web:control", 1);
    const auto sockets = inherited_sockets();
    return sockets.size() == 2 && sockets[0].fd == 3 && sockets[0].name == "web" &&
           sockets[1].fd == 4 && sockets[1].name == "control" && local_port(3) == ports[0] &&
           local_port(4) == ports[1] && fcntl(3, F_GETFD) == FD_CLOEXEC &&
           (fcntl(4, F_GETFL) & O_NONBLOCK) != 0 && getenv("LISTEN_FDS") == nullptr &&
           getenv("LISTEN_PID") == nullptr && getenv("LISTEN_FDNAMES") == nullptr &&
           inherited_sockets().empty();
  }));
  close(web);
  close(control);
}

TEST(inherited_sockets_of_a_process, are_none_if_they_are_for_another_process_or_make_no_sense) {
  for (const char* count : {"1", "-1", "1000000", "99999999999999999999", "1x", "x", ""}) {
    EXPECT_TRUE(in_child([&] {
      // A number that makes sense, for another process; or one that does not, for this one.
      const bool good = std::string(count) == "1";
      setenv("LISTEN_PID", std::to_string(good ? getppid() : getpid()).c_str(), 1);
      setenv("LISTEN_FDS", count, 1);
      return inherited_sockets().empty();
    })) << count;
  }
}

TEST(inherited_sockets_of_a_process, leave_out_what_does_not_listen) {
  const int listening = tcp_listen(0, "127.0.0.1");
  EXPECT_TRUE(in_child([&] {
    const int copy = fcntl(listening, F_DUPFD, 100);
    pass(STDERR_FILENO, 3);
    pass(copy, 4);
    close(5);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "3", 1);
    const auto sockets = inherited_sockets();
    return sockets.size() == 1 && sockets[0].fd == 4 && sockets[0].name == "unknown";
  }));
  close(listening);
}

class handing_over : public each_cpu_count {
 protected:
  // Hands two sockets over to a shell that runs `script`.
  std::error_code hand_over_to(std::vector<std::string> arguments, std::string name = "web") {
    std::error_code result;
    const int web = tcp_listen(0, "127.0.0.1"), control = tcp_listen(0, "127.0.0.1");
    hand_over({{web, name}, {control, "control"}}, arguments, wrap([&](std::error_code e) {
                result = e;
                stop();
              }));
    run();
    close(web);
    close(control);
    return result;
  }
};
ASYNC_TEST_EACH_CPU_COUNT(handing_over);

TEST_P(handing_over, starts_a_process_that_has_the_sockets_and_tells_when_it_is_ready) {
  EXPECT_EQ(hand_over_to({"/bin/sh", "-c",
                          R"([ "$LISTEN_PID" = $$ ] && [ "$LISTEN_FDS" = 2 ] &&
                             [ "$LISTEN_FDNAMES" = web:control ] && [ "$0" = an_argument ] &&
                             [ -S /proc/self/fd/3 ] && [ -S /proc/self/fd/4 ] &&
                             [ "$ASYNC_READY_FD" = 5 ] && printf R >&5)",
                          "an_argument"}),
            std::error_code());
}

TEST_P(handing_over, tells_that_the_program_is_not_there) {
  EXPECT_EQ(hand_over_to({"/nonexistent/program"}).value(), ENOENT);
}

// So many sockets that one of them takes the number that the way back had.
TEST_P(handing_over, of_many_sockets_tells_that_the_program_is_not_there) {
  const int web = tcp_listen(0, "127.0.0.1");
  const std::vector<named_socket> many(200, named_socket{web, "web"});
  std::error_code result;
  hand_over(many, {"/nonexistent/program"}, wrap([&](std::error_code e) {
              result = e;
              stop();
            }));
  run();
  close(web);
  EXPECT_EQ(result.value(), ENOENT);
}

TEST_P(handing_over, tells_that_the_process_ended_before_it_was_ready) {
  EXPECT_EQ(hand_over_to({"/bin/sh", "-c", "exit 1"}).value(), ECHILD);
}

TEST_P(handing_over, refuses_what_can_not_be_passed) {
  EXPECT_EQ(hand_over_to({}).value(), EINVAL);
  EXPECT_EQ(hand_over_to({"/bin/true"}, "a:b").value(), EINVAL);
  EXPECT_EQ(hand_over_to({"/bin/true"}, "a\n").value(), EINVAL);
}

// What a service manager gets at this address.
class manager {
 public:
  explicit manager(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path);
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) < 0) std::abort();
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~manager() {
    unsetenv("NOTIFY_SOCKET");
    close(fd_);
  }
  std::string receive() const {
    char text[1000];
    const ssize_t n = recv(fd_, text, sizeof text, 0);
    return {text, static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
  }

 private:
  int fd_;
};

TEST(notifying, reaches_a_service_manager_at_a_path_or_an_abstract_address) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("async_handover_test." + std::to_string(getpid()));
  for (const std::string& name : {path, "@async_handover_test." + std::to_string(getpid())}) {
    const manager m(name);
    EXPECT_FALSE(notify("READY=1\nSTATUS=good"));
    EXPECT_EQ(m.receive(), "READY=1\nSTATUS=good");
    EXPECT_FALSE(notify(reloading()));
    EXPECT_EQ(m.receive().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  }
  std::filesystem::remove(path);
}

TEST(notifying, fails_well_and_not_at_all_if_there_is_nobody) {
  unsetenv("NOTIFY_SOCKET");
  EXPECT_FALSE(notify("READY=1"));
  for (const std::string& wrong :
       {std::string("relative"), std::string("@"), std::string(200, '/')}) {
    setenv("NOTIFY_SOCKET", wrong.c_str(), 1);
    EXPECT_EQ(notify("READY=1").value(), EINVAL) << wrong;
  }
  setenv("NOTIFY_SOCKET", "/nonexistent", 1);
  EXPECT_EQ(notify("READY=1").value(), ENOENT);
  unsetenv("NOTIFY_SOCKET");
}

TEST(notifying, survives_a_predecessor_who_is_gone) {
  EXPECT_TRUE(in_child([] {
    unsetenv("NOTIFY_SOCKET");
    signal(SIGPIPE, SIG_DFL);
    test_pipe p;
    p.close_in();
    detail::set_ready_fd(dup(p.out()));
    return !notify("READY=1");
  }));
}

TEST_P(handing_over, makes_the_new_process_the_main_one_for_the_service_manager) {
  const manager m("@async_handover_test." + std::to_string(getpid()));
  EXPECT_FALSE(hand_over_to({"/bin/sh", "-c", "printf R >&5"}));
  EXPECT_EQ(m.receive().substr(0, 8), "MAINPID=");
}

}  // namespace
}  // namespace async::test
