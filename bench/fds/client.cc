// The client of the request/response benchmarks; see client.h.

#include "bench/fds/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <utility>

#include "bench/support/placement.h"

namespace bench {

/// In memory shared by both processes; the child writes, the parent reads after its end.
struct client::report {
  timing timed;
};

namespace {

using fd_pair = std::pair<int, int>;  // the client's end, the server's end

int checked(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string("bench client: ") + what + " failed");
  return result;
}

std::vector<fd_pair> unix_connections(std::size_t count) {
  std::vector<fd_pair> made;
  for (std::size_t i = 0; i < count; i++) {
    std::array<int, 2> ends;
    checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), "socketpair");
    made.emplace_back(ends[0], ends[1]);
  }
  return made;
}

std::vector<fd_pair> tcp_connections(std::size_t count) {
  const int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  checked(bind(listener, name, length), "bind");
  checked(listen(listener, 16), "listen");
  checked(getsockname(listener, name, &length), "getsockname");
  std::vector<fd_pair> made;
  for (std::size_t i = 0; i < count; i++) {
    const int ours = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
    checked(connect(ours, name, length), "connect");
    const int theirs = checked(accept(listener, nullptr, nullptr), "accept");
    for (const int fd : {ours, theirs}) {
      const int on = 1;
      checked(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
      checked(fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
    }
    made.emplace_back(ours, theirs);
  }
  close(listener);
  return made;
}

double cpu_ns_of(clockid_t process) {
  timespec used{};
  clock_gettime(process, &used);
  return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
}

/// What the child does.
class driver {
 public:
  driver(const std::vector<fd_pair>& connections, std::size_t requests)
      : to_warm_up_(std::max(requests / 10, connections.size())),
        to_receive_(to_warm_up_ + requests),
        to_send_(to_receive_),
        received_of_(connections.size()) {
    clock_getcpuclockid(getppid(), &server_);
    epoll_ = checked(epoll_create1(0), "epoll_create1");
    for (const fd_pair& connection : connections) {
      epoll_event interest{};
      interest.events = EPOLLIN | EPOLLET;
      interest.data.u64 = ends_.size();
      ends_.push_back(connection.first);
      checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, ends_.back(), &interest), "epoll_ctl");
    }
  }

  timing run(unsigned pace_us) {
    for (const int fd : ends_) send_one(fd);
    const timespec pace{0, static_cast<long>(pace_us) * 1000};
    while (to_receive_ > 0) {
      if (pace_us > 0) nanosleep(&pace, nullptr);
      std::array<epoll_event, 256> ready;
      const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), 0);
      for (int i = 0; i < count; i++) receive(ready[static_cast<std::size_t>(i)].data.u64);
    }
    return {ns_since(start_) * 1e-9, cpu_ns_of(server_) - cpu_at_start_};
  }

 private:
  void send_one(int fd) {
    if (to_send_ == 0) return;
    to_send_--;
    static const std::array<char, message_size> request{};
    if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) != message_size) _exit(2);
  }

  void receive(std::size_t which) {
    std::array<char, message_size> reply;
    const ssize_t n = recv(ends_[which], reply.data(), reply.size() - received_of_[which], 0);
    if (n <= 0) _exit(3);
    received_of_[which] += static_cast<std::size_t>(n);
    if (received_of_[which] < message_size) return;
    received_of_[which] = 0;
    to_receive_--;
    if (to_warm_up_ > 0 && --to_warm_up_ == 0) {
      start_ = clock::now();
      cpu_at_start_ = cpu_ns_of(server_);
    }
    send_one(ends_[which]);
  }

  std::size_t to_warm_up_, to_receive_, to_send_;
  std::vector<std::size_t> received_of_;
  std::vector<int> ends_;
  int epoll_;
  clockid_t server_;
  clock::time_point start_;
  double cpu_at_start_ = 0;
};

}  // namespace

client::client(const client_options& options, std::size_t requests) {
  const std::vector<fd_pair> connections = options.over == transport::tcp
                                               ? tcp_connections(options.connections)
                                               : unix_connections(options.connections);
  void* shared =
      mmap(nullptr, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("bench client: mmap failed");
  report_ = static_cast<report*>(shared);
  pid_ = checked(fork(), "fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(60);
    keep_off_first(options.server_cpus);
    for (const fd_pair& connection : connections) close(connection.second);
    try {
      report_->timed = driver(connections, requests).run(options.pace_us);
    } catch (const std::exception&) {
      _exit(1);
    }
    _exit(0);
  }
  for (const fd_pair& connection : connections) {
    close(connection.first);
    server_fds_.push_back(connection.second);
  }
}

client::~client() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  munmap(report_, sizeof(report));
}

timing client::result() {
  int status = -1;
  waitpid(std::exchange(pid_, -1), &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("bench client: ended with status " + std::to_string(status));
  return report_->timed;
}

}  // namespace bench
