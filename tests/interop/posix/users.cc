// Becoming other users, and watching a file system's clock.
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/interop/posix/files.h"
#include "tests/interop/posix/runner.h"

namespace posix {
namespace {

constexpr unsigned longest_child = 120;  // seconds

[[noreturn]] void in_child(const user& u, const std::function<void()>& body) {
  alarm(longest_child);
  try {
    MUST(setgroups(u.groups.size(), u.groups.data()));
    MUST(setgid(u.gid));
    MUST(setuid(u.uid));
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // setuid() resets it
    context who{"as ", u.name};
    body();
  } catch (const stopped&) {
  } catch (const std::exception& e) {
    check(false, e.what());
  }
  _exit(0);
}

bool later(const timespec& left, const timespec& right) {
  return left.tv_sec != right.tv_sec ? left.tv_sec > right.tv_sec : left.tv_nsec > right.tv_nsec;
}

struct stat state_of(const watched& w, const std::string& path) {
  struct stat s {};
  if (w.fd < 0) return look(path);
  MUST(fstat(w.fd, &s));
  return s;
}

bool moved_as_told(bool moved, bool told, const char* time, where at) {
  std::string text = std::string(time) + (told ? " moves" : " stays");
  return check(moved == told, text.c_str(), at);
}

}  // namespace

void as(const user& u, const std::function<void()>& body) {
  pid_t child = fork();
  if (child == 0) in_child(u, body);
  MUST(child);
  int status = 0;
  MUST(waitpid(child, &status, 0));
  if (status != 0) {
    context how{u.name, ": ", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it exited"};
    check(false, "the user's process comes to its end");
  }
}

unsigned shift_of(const user& u) {
  if (u.uid == owner.uid) return 6;
  bool member = u.gid == shared;
  for (gid_t g : u.groups) member = member || g == shared;
  return member ? 3 : 0;
}

unsigned bits_for(const user& u, mode_t mode) { return mode >> shift_of(u) & 7; }

bool same(const timespec& left, const timespec& right) {
  return left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec;
}

void wait_past(const timespec& time) {
  // Five seconds by the monotonic clock are enough for any file system, even of whole seconds.
  // Where they once were not, no case waits again.
  if (counts().clock_stands) {
    skip("the file system's clock stands still");
    throw stopped{};
  }
  timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (mode_t mode = 0600;; mode ^= 0040) {
    struct stat s {};
    MUST(fchmod(clock_file(), mode));
    MUST(fstat(clock_file(), &s));
    if (later(s.st_ctim, time)) return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - start.tv_sec < 5) continue;
    counts().clock_stands = true;
    must(false, "the file system's clock moves on; all cases that need it end early",
         where::current());
  }
}

void watch(const std::vector<watched>& files, const std::function<void()>& call, where at) {
  std::vector<struct stat> before;
  for (const auto& w : files) {
    before.push_back(state_of(w, w.before));
    wait_past(before.back().st_ctim);
  }
  call();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const watched& w = files[i];
    context which{"times of ", w.fd < 0 ? w.after : "the open file"};
    struct stat after = state_of(w, w.after);
    moved_as_told(!same(before[i].st_ctim, after.st_ctim), w.moves & changed, "ctime", at);
    moved_as_told(!same(before[i].st_mtim, after.st_mtim), w.moves & modified, "mtime", at);
  }
}

}  // namespace posix
