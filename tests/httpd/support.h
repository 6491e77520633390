// A directory of files to serve, the server as a process of its own, and clients that send any
// bytes.
//
// Serves no stage of its own. Thread safety: one thread per object.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "examples/sfsd/base/fd.h"
#include "tests/support/support.h"

namespace httpd::test {

inline std::string text_of_file(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return std::move(text).str();
}

// The folder of the sources: the parent of build/VARIANT.
inline std::filesystem::path repository() {
  return async::test::build_dir().parent_path().parent_path();
}

class scratch_directory {
 public:
  scratch_directory() {
    char name[] = "/tmp/httpd_test_XXXXXX";
    if (::mkdtemp(name) == nullptr) std::abort();
    path_ = name;
  }
  ~scratch_directory() { std::filesystem::remove_all(path_); }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// Bytes of which each can be told from its neighbours.
inline std::string bytes_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

// A child process whose standard output is read here.
class program {
 public:
  explicit program(std::vector<std::string> words) {
    int out[2];
    if (::pipe2(out, O_CLOEXEC) < 0) std::abort();
    pid_ = ::fork();
    group_ = pid_;
    if (pid_ == 0) {
      ::setpgid(0, 0);
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(out[1], STDERR_FILENO);
      std::vector<char*> argv;
      for (auto& w : words) argv.push_back(w.data());
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    out_ = sfs::fd_owner(out[0]);
  }
  ~program() {
    ::kill(-group_, SIGKILL);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }

  std::string read_line() {
    std::string line;
    for (char c; ::read(out_.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }

  // Waits for its end, and that of its successors, and returns its status and what was still
  // printed.
  std::pair<int, std::string> finish() {
    std::string rest;
    for (char c; ::read(out_.get(), &c, 1) == 1;) rest += c;
    return {finish_alone(), rest};
  }

  // The same for itself only.
  int finish_alone() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  void signal_all(int number) const { ::kill(-group_, number); }

 private:
  pid_t pid_ = -1, group_ = -1;
  sfs::fd_owner out_;
};

inline std::string httpd_program() {
  return (async::test::build_dir() / "examples/httpd/httpd").string();
}

struct answer {
  unsigned status = 0;  // 0: there was none
  std::string head, body;
  bool has(const std::string& line) const {
    return head.find("\r\n" + line + "\r\n") != std::string::npos;
  }
  std::string field(const std::string& name) const {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

// A connection, with a limit of time for all that it waits for, which only a failure reaches.
class client {
 public:
  explicit client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{60, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) < 0) fd_ = {};
  }

  explicit operator bool() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  client& send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return *this;
  }

  // One answer; that to HEAD has no body.
  answer receive(bool to_head = false) {
    answer a;
    std::size_t end;
    while ((end = got_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return a;
    a.head = got_.substr(0, end + 2);
    got_.erase(0, end + 4);
    a.status = static_cast<unsigned>(std::atoi(a.head.c_str() + 9));
    const std::string length = a.field("Content-Length");
    const std::size_t size = to_head || length.empty() || a.status == 304
                                 ? 0
                                 : static_cast<std::size_t>(std::atoll(length.c_str()));
    while (got_.size() < size)
      if (!more()) break;
    a.body = got_.substr(0, size);
    got_.erase(0, size);
    return a;
  }

  // Whether the server closes, without another byte.
  bool is_closed() { return got_.empty() && !more() && ended_; }

  answer get(const std::string& path, const std::string& fields = {}) {
    return send("GET " + path + " HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n").receive();
  }

 private:
  bool more() {
    char buffer[65536];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    ended_ = n == 0 || (n < 0 && errno == ECONNRESET);
    if (n > 0) got_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }

  sfs::fd_owner fd_;
  std::string got_;
  bool ended_ = false;
};

class running_server {
 public:
  explicit running_server(std::vector<std::string> options = {}) {
    files.file("www/small.txt", "hello, world\n");
    files.file("www/sub/index.html", "<p>index</p>\n");
    files.file("www/.secret", "secret\n");
    files.file("www/large.bin", large);
    std::vector<std::string> words{httpd_program(), "--root", files.path() / "www", "--listen",
                                   "127.0.0.1:0"};
    words.insert(words.end(), options.begin(), options.end());
    process.emplace(std::move(words));
    for (std::string line = process->read_line(); !line.starts_with("serving ");
         line = process->read_line()) {
      if (line.empty()) {
        ADD_FAILURE() << "the server did not start: " << process->finish().second;
        break;
      }
      if (const std::size_t at = line.find("on port "); at != std::string::npos)
        (line.ends_with(" with TLS") ? tls_port : port) =
            static_cast<std::uint16_t>(std::stoi(line.substr(at + 8)));
    }
  }

  client connect() const { return client(port); }

  std::size_t resident_kb() const {
    std::ifstream status("/proc/" + std::to_string(process->pid()) + "/status");
    for (std::string word; status >> word;)
      if (std::size_t kb = 0; word == "VmRSS:" && status >> kb) return kb;
    return 0;
  }

  scratch_directory files;
  const std::string large = bytes_of(3'000'000);  // more than is kept in memory
  std::optional<program> process;
  std::uint16_t port = 0, tls_port = 0;
};

// One request on a connection of its own.
inline answer get(const running_server& s, const std::string& path,
                  const std::string& fields = {}) {
  return s.connect().get(path, fields);
}

}  // namespace httpd::test
