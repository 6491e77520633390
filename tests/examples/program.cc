#include "tests/examples/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tests/support/support.h"

namespace async::test {

namespace {

constexpr int patience_ms = 60'000;

// The value of a system call that must not fail.
template <class T>
T must(T value, const char* call) {
  if (value < 0) throw std::system_error(errno, std::generic_category(), call);
  return value;
}

void wait_until_readable(int fd, const char* for_what) {
  pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
  int ready;
  do {
    ready = poll(&one, 1, patience_ms);
  } while (ready < 0 && errno == EINTR);
  if (must(ready, "poll") == 0) throw std::runtime_error(std::string("no ") + for_what);
}

owned_fd file_of(const std::string& text) {
  owned_fd file(must(memfd_create("text", MFD_CLOEXEC), "memfd_create"));
  std::size_t written = 0;
  while (written < text.size()) {
    const char* const rest = text.data() + written;
    written +=
        static_cast<std::size_t>(must(write(file.get(), rest, text.size() - written), "write"));
  }
  must(lseek(file.get(), 0, SEEK_SET), "lseek");
  return file;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

owned_fd::owned_fd(owned_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

owned_fd& owned_fd::operator=(owned_fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

owned_fd::~owned_fd() {
  if (fd_ >= 0) close(fd_);
}

program::program(const std::string& name, program_options options) {
  const std::string path = build_dir() / "examples" / name;
  int ends[2];
  must(pipe2(ends, O_CLOEXEC), "pipe2");
  out_ = owned_fd(ends[0]);
  const owned_fd its_out(ends[1]);
  err_ = file_of("");
  const owned_fd its_in = options.input_fd < 0 ? file_of(options.input) : owned_fd();

  std::vector<std::string> arguments = std::move(options.arguments);
  arguments.insert(arguments.begin(), path);
  // The first one of a name counts.
  std::vector<std::string> environment = std::move(options.environment);
  for (char** one = environ; *one != nullptr; ++one) environment.emplace_back(*one);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, its_in.get() < 0 ? options.input_fd : its_in.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, its_out.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, options.errors_to_output ? its_out.get() : err_.get(),
                                   2);
  const int error = posix_spawn(&pid_, path.c_str(), &actions, nullptr,
                                pointers_to(arguments).data(), pointers_to(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    throw std::system_error(error, std::generic_category(), path);
  }
  ended_ = owned_fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  must(ended_.get(), "pidfd_open");
}

program::~program() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void program::kill(int signal) { must(::kill(pid_, signal), "kill"); }

bool program::read_more() {
  wait_until_readable(out_.get(), "output");
  char buffer[4096];
  const ssize_t bytes = must(read(out_.get(), buffer, sizeof buffer), "read");
  unread_.append(buffer, static_cast<std::size_t>(bytes));
  return bytes > 0;
}

std::string program::read_line() {
  std::size_t end;
  while ((end = unread_.find('\n')) == std::string::npos) {
    if (!read_more()) throw std::runtime_error("the output has ended: " + unread_);
  }
  std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

program_result program::finish() {
  while (read_more()) {}
  wait_until_readable(ended_.get(), "end of the program");
  int status = 0;
  must(waitpid(std::exchange(pid_, -1), &status, 0), "waitpid");
  program_result result;
  result.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  result.out = std::move(unread_);
  result.err = read_file("/proc/self/fd/" + std::to_string(err_.get()));
  return result;
}

std::string source_dir() {
  for (std::filesystem::path place = build_dir();; place = place.parent_path()) {
    if (exists(place / "SConstruct")) return place;
    if (place == place.parent_path()) throw std::runtime_error("where are the sources?");
  }
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("can't read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int port_of(program& server) {
  const std::string told = "listening on port ";
  const std::string line = server.read_line();
  const std::size_t place = line.find(told);
  if (place == std::string::npos) throw std::runtime_error("no port: " + line);
  return std::stoi(line.substr(place + told.size()));
}

connection::connection(int port, int receive_buffer)
    : fd_(must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
  const timeval patience{.tv_sec = patience_ms / 1000, .tv_usec = 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (receive_buffer != 0) {
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
}

void connection::send(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    sent += static_cast<std::size_t>(
        must(::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL), "send"));
  }
}

void connection::end() { must(shutdown(fd_.get(), SHUT_WR), "shutdown"); }

std::string connection::receive() {
  char buffer[65536];
  const ssize_t bytes = must(recv(fd_.get(), buffer, sizeof buffer, 0), "recv");
  return {buffer, static_cast<std::size_t>(bytes)};
}

std::string connection::receive_line() {
  std::size_t end;
  while ((end = unread_.find('\n')) == std::string::npos) {
    const std::string more = receive();
    if (more.empty()) throw std::runtime_error("the connection has ended: " + unread_);
    unread_ += more;
  }
  std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

std::string connection::receive_all() {
  for (;;) {
    const std::string more = receive();
    if (more.empty()) return std::exchange(unread_, {});
    unread_ += more;
  }
}

}  // namespace async::test
