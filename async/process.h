// Starting programs: child processes with pipes (stage 2; what they write and when they end are
// events of fd.h and child.h).
//
//   const auto cat = async::spawn({.program = "cat",
//                                  .in = async::child_fd::pipe,
//                                  .out = async::child_fd::pipe});
//   if (!cat) async::fatal("cat: %s", strerror(errno));
//   async::fdcb(cat.out, async::selread, async::wrap(mkref(this), &filter::readable));
//   async::chldcb(cat.pid, async::wrap(mkref(this), &filter::ended));
//
// The child has no fd but those that it is given: none leaks into it, however many are started at
// once. It starts with no signal blocked, and with each at its default (but the two that glibc
// keeps for itself); and it may use all CPUs that this process may, though a worker has but one.
//
// Thread-safety: any thread, any color, with or without a runtime. spawn() returns when the child
// has begun its program, or has failed to: it waits for the file system where that has to read the
// program, but nothing of this process is copied, however large it is (posix_spawn(3)).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace async {

// What a child has as one of its standard fds.
class child_fd {
 public:
  enum kind : int {
    inherit = -1,  // this process's own
    null = -2,     // /dev/null
    pipe = -3,     // one end of a new pipe; spawned has the other
  };
  constexpr child_fd(kind k) noexcept : number_(k) {}
  // This fd, which stays open here too.
  constexpr explicit child_fd(int fd) noexcept : number_(fd) {}

  // The fd, or a kind. A negative fd that is no kind is found bad by spawn().
  constexpr int number() const noexcept { return number_; }

 private:
  int number_;
};

// Whose signals a child gets: killpg(2), and those that a terminal's keys send.
enum class child_group {
  ours,     // those of this process's group
  own,      // a group of its own, of which the number is the child's pid
  session,  // a session of its own (setsid(2)), with a group of its own and no terminal
};

struct spawn_options {
  // A path; or a name without a slash, which is looked for in the directories of this process's
  // PATH. A relative path is looked up in `directory`.
  std::string program;
  // argv[1] and so on; argv[0] is `program`.
  std::vector<std::string> arguments{};
  // "NAME=value" each; this process's own if there is none.
  std::optional<std::vector<std::string>> environment{};
  // Where the child works; empty: where this process does.
  std::string directory{};
  child_fd in = child_fd::null;
  child_fd out = child_fd::inherit;
  child_fd err = child_fd::inherit;
  // Further fds, which the child has as 3, 4 and so on. They stay open here too.
  std::vector<int> fds{};
  child_group group = child_group::ours;
};

// A child that was started, or none.
struct spawned {
  pid_t pid = -1;
  // Our ends of the pipes that were asked for, else -1; they are the caller's, to close in the end.
  // Non-blocking, and closed on exec.
  int in = -1;   // the child reads what we write here
  int out = -1;  // we read here what the child writes
  int err = -1;

  explicit operator bool() const noexcept { return pid >= 0; }
};

// Starts a program. The caller has to wait for its end, most simply by chldcb(), lest it stays as a
// zombie; if the last callback is gone before that, the child goes on all the same.
//
// On failure there is no child and no fd, and errno says why: what execve(2) gives (ENOENT, EACCES,
// ENOEXEC, E2BIG, ...), what chdir(2) gives for the directory, EBADF for an fd that is not open
// (also if it is to be inherited), EMFILE, ENFILE, EAGAIN or ENOMEM if there is no more room.
// EINVAL for a string with a zero byte in it. Throws std::bad_alloc.
[[nodiscard]] spawned spawn(const spawn_options& options);

}  // namespace async
