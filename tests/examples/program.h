// Running an example as its user would: with arguments, standard input, and its output read back.
//
// Serves no stage: the tests of the examples use it.
// Thread safety: a program belongs to one thread.
// Invariant: nothing here waits for more than a minute; what takes longer throws, which fails the
// test, and the program is killed.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace async::test {

// A file descriptor, closed in the end.
class owned_fd {
 public:
  owned_fd() noexcept = default;
  explicit owned_fd(int fd) noexcept : fd_(fd) {}
  owned_fd(owned_fd&& other) noexcept;
  owned_fd& operator=(owned_fd&& other) noexcept;
  ~owned_fd();

  int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

struct program_options {
  std::vector<std::string> arguments = {};
  // Added to the test's own environment, as NAME=VALUE.
  std::vector<std::string> environment = {};
  // A file with this text in it is the standard input; or, if it is one, this descriptor.
  std::string input = {};
  int input_fd = -1;
  // Whether what it says on standard error is to be among its standard output.
  bool errors_to_output = false;
};

struct program_result {
  int status = -1;  // the exit status, or minus the signal that ended it
  std::string out;  // what read_line() has not taken
  std::string err;
};

class program {
 public:
  // Starts build_dir()/examples/`name`.
  explicit program(const std::string& name, program_options options = {});
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  // Kills it, if it has not ended.
  ~program();

  // The next line of its standard output, without the newline.
  std::string read_line();

  void kill(int signal);

  // Waits for its end.
  program_result finish();

 private:
  bool read_more();  // false at the end of the output

  pid_t pid_ = -1;
  owned_fd ended_;  // readable when it has ended
  owned_fd out_;
  owned_fd err_;
  std::string unread_;
};

inline program_result run(const std::string& name, program_options options = {}) {
  return program(name, std::move(options)).finish();
}

// The tree with the sources, to which this program belongs.
std::string source_dir();
std::string read_file(const std::string& path);

// What a server's first line tells: "listening on port N".
int port_of(program& server);

// A client of a server on this machine; reads and writes block, for a minute at most.
class connection {
 public:
  // With the kernel's own size for its receive buffer, or this one.
  explicit connection(int port, int receive_buffer = 0);
  void send(const std::string& bytes);
  // No more will be sent.
  void end();
  std::string receive_line();
  std::string receive_all();

 private:
  std::string receive();

  owned_fd fd_;
  std::string unread_;
};

}  // namespace async::test
