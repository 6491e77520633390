// A server that runs as a process of its own, and rude clients: raw bytes over a real channel.
//
// Serves no stage of its own. Thread safety: one thread per object.
#pragma once

#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "examples/sfsd/client/remote.h"
#include "tests/sfsd/support.h"

namespace sfs::test {

inline std::string program(const std::string& name) {
  return (async::test::build_dir() / "examples/sfsd" / name).string();
}

struct finished {
  int status = -1;  // exit status; 128 and the signal's number if it was killed by one
  std::string output, errors;
};

// A child process with its standard output and error in pipes.
class child_process {
 public:
  // As another user than root, if one is given.
  explicit child_process(std::vector<std::string> words, rlim_t max_fds = 0, uid_t as = 0) {
    int out[2], err[2];
    if (::pipe(out) < 0 || ::pipe(err) < 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      for (int fd : {out[0], out[1], err[0], err[1]}) ::close(fd);
      if (max_fds > 0) {
        const rlimit limit{max_fds, max_fds};
        ::setrlimit(RLIMIT_NOFILE, &limit);
      }
      if (as != 0 && (::setgroups(0, nullptr) < 0 || ::setgid(as) < 0 || ::setuid(as) < 0))
        ::_exit(126);
      std::vector<char*> argv;
      for (auto& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_ = fd_owner(out[0]);
    err_ = fd_owner(err[0]);
  }
  ~child_process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }

  std::string read_line() { return line_from(out_.get()); }
  std::string read_error_line() { return line_from(err_.get()); }

  // Waits for its end.
  finished finish() {
    finished f;
    f.output = drain(out_.get());
    f.errors = drain(err_.get());
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    f.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return f;
  }

 private:
  static std::string line_from(int fd) {
    std::string line;
    for (char c; ::read(fd, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  static std::string drain(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }

  pid_t pid_ = -1;
  fd_owner out_, err_;
};

// What a program has said, but for that the server does not answer yet: so it may be on a machine
// that has much else to do.
inline std::string without_impatience(const std::string& said) {
  std::string kept;
  for (std::size_t at = 0; at < said.size();) {
    const std::size_t end = std::min(said.find('\n', at), said.size() - 1) + 1;
    const std::string line = said.substr(at, end - at);
    if (line.find(" does not answer; trying ") == std::string::npos) kept += line;
    at = end;
  }
  return kept;
}

inline finished run_program(std::vector<std::string> words) {
  words[0] = program(words[0]);
  return child_process(std::move(words)).finish();
}

// A server of a directory with some files, and what a client needs to reach it.
class running_server {
 public:
  explicit running_server(std::vector<std::string> options = {}, rlim_t max_fds = 0, uid_t as = 0)
      : random_(async::test::make_prng(99)), content_(random_bytes(random_, 3'000'000)) {
    scratch_.directory("export");
    scratch_.file("export/data", {reinterpret_cast<const char*>(content_.data()), content_.size()});
    scratch_.directory("export/directory");
    scratch_.file("export/directory/small", "hello\n");
    key_file_ = (scratch_.path() / "key").string();
    const server_key key = new_key("127.0.0.1");
    if (!key.save(key_file_).empty()) std::abort();
    path_ = key.path();
    options_ = std::move(options);
    max_fds_ = max_fds;
    as_ = as;
    if (as != 0) give_all_to(as);
    start();
  }

  // As after a crash: at the same port, with the same key or another one.
  void kill_and_start_again(bool other_key = false) {
    process_.reset();
    if (other_key) {
      std::filesystem::remove(key_file_);
      if (!new_key("127.0.0.1").save(key_file_).empty()) std::abort();
    }
    start();
  }

  const byte_string& content() const { return content_; }
  const scratch_directory& scratch() const { return scratch_; }
  const self_certifying_path& path() const { return path_; }
  server_location place() const {
    return *server_location::parse("127.0.0.1%" + std::to_string(port_));
  }
  pid_t pid() const { return process_->pid(); }

  client_options reach() const {
    client_options o;
    o.instead = place();
    return o;
  }
  outcome<std::unique_ptr<client_channel>> connect() const {
    return client_channel::connect(path_, reach());
  }
  fd_owner raw_socket() const { return std::move(*connect_to(place(), {})); }

  // Whether a client can connect and read the whole file.
  bool serves() const {
    auto channel = connect();
    if (!channel) return false;
    remote_files files(std::move(*channel));
    auto handle = files.walk("data");
    if (!handle) return false;
    byte_string got(content_.size());
    const auto size = files.read_all(*handle, 8, [&](std::uint64_t offset, const_bytes data) {
      std::copy(data.begin(), data.end(), got.begin() + static_cast<std::ptrdiff_t>(offset));
      return std::string();
    });
    return size && *size == content_.size() && got == content_;
  }

  finished finish() { return process_->finish(); }
  finished stop(int signal = SIGTERM) {
    ::kill(process_->pid(), signal);
    return process_->finish();
  }

  std::size_t resident_kb() const {
    std::ifstream status("/proc/" + std::to_string(process_->pid()) + "/status");
    for (std::string word; status >> word;)
      if (std::size_t kb = 0; word == "VmRSS:" && status >> kb) return kb;
    return 0;
  }

 private:
  void start() {
    std::vector<std::string> words{
        program("sfsd"), "--export", (scratch_.path() / "export"),
        "--key",         key_file_,  "--anonymous",
        "read",          "--listen", "127.0.0.1:" + std::to_string(port_),
        "--verbose"};
    words.insert(words.end(), options_.begin(), options_.end());
    process_ = std::make_unique<child_process>(std::move(words), max_fds_, as_);
    const std::string line = process_->read_line();
    const std::size_t at = line.find(" on port ");
    if (at == std::string::npos) {
      ADD_FAILURE() << "the server did not start: " << process_->finish().errors;
      return;
    }
    port_ = static_cast<std::uint16_t>(std::stoi(line.substr(at + 9)));
  }

  void give_all_to(uid_t owner) const {
    for (const auto& e : std::filesystem::recursive_directory_iterator(scratch_.path()))
      if (::lchown(e.path().c_str(), owner, owner) < 0) std::abort();
  }

  async::test::prng random_;
  byte_string content_;
  scratch_directory scratch_;
  std::string key_file_;
  std::vector<std::string> options_;
  uid_t as_ = 0;
  rlim_t max_fds_ = 0;
  self_certifying_path path_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child_process> process_;
};

// Whether the other side closes within 30 seconds, whatever it sends before.
inline bool is_closed_by_peer(int fd) {
  char buffer[65536];
  while (true) {
    pollfd p{fd, POLLIN, 0};
    if (::poll(&p, 1, 30'000) != 1) return false;
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return true;
    if (n < 0) return false;
  }
}

}  // namespace sfs::test
