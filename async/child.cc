// Child processes: see child.h. Serves stages 1 and 2.
//
// A pidfd is readable once the process has ended, so that a child is an fd like any other here, and
// one that ended before chldcb is simply ready at once. No SIGCHLD handler is needed, and nobody's
// children but those asked for are reaped.
#include "async/child.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "async/detail/fork_safe.h"
#include "async/detail/wrap_like.h"
#include "async/fd.h"

namespace async {

namespace {

// One child that is waited for.
class child : public refcount {
 public:
  // Takes over the pidfd.
  child(pid_t pid, int pidfd, callback<void, int>::ref cb)
      : pid_(pid), pidfd_(pidfd), callback_(std::move(cb)) {}
  ~child() override { close(pidfd_); }

  std::error_code watch() {
    return fdcb(pidfd_, selread,
                detail::wrap_like(detail::origin(*callback_), mkref(this), &child::ended));
  }
  void forget() { fdcb(pidfd_, selread, nullptr); }
  int kill(int signal) const noexcept {
    return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd_, signal, nullptr, 0));
  }

 private:
  void ended();  // under the callback's color
  int reap() noexcept;

  const pid_t pid_;
  const int pidfd_;
  const callback<void, int>::ref callback_;
};

// The children that are waited for. No destructor of a child runs under the lock.
class child_table final : detail::fork_participant {
 public:
  // Never destroyed: callbacks may run while the program exits.
  static child_table& instance() {
    static child_table* const table = new child_table;
    return *table;
  }

  // Puts `fresh`, or none, in the place of `pid`, and returns what was there.
  ptr<child> exchange(pid_t pid, ptr<child> fresh) {
    const std::lock_guard lock(mutex_);
    ptr<child>& place = children_[pid];
    std::swap(place, fresh);
    if (!place) children_.erase(pid);
    return fresh;
  }

  // 0, or an errno. What is in the table is not reaped, at least not by us.
  int kill(pid_t pid, int signal) noexcept {
    const std::lock_guard lock(mutex_);
    const auto place = children_.find(pid);
    if (place == children_.end()) return ESRCH;
    return place->second->kill(signal) == 0 ? 0 : errno;
  }

  // Takes `c` out; false if it is not there any more.
  bool remove(pid_t pid, const child* c) {
    ptr<child> removed;
    const std::lock_guard lock(mutex_);
    const auto place = children_.find(pid);
    if (place == children_.end() || place->second != c) return false;
    removed = std::move(place->second);
    children_.erase(place);
    return true;
  }

 private:
  child_table() { join(); }

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork_in_parent() noexcept override { mutex_.unlock(); }
  void after_fork_in_child() noexcept override {
    // Its own count of each, so that none is destroyed.
    for (const auto& [pid, c] : children_) c->retain();
    children_.clear();
    mutex_.unlock();
  }

  std::mutex mutex_;
  std::unordered_map<pid_t, ptr<child>> children_;  // guarded by mutex_
};

// The pidfd is the process itself, even if its number is taken again.
int child::reap() noexcept {
  constexpr auto by_pidfd = static_cast<idtype_t>(3);  // P_PIDFD, which older headers lack
  siginfo_t info{};
  int result;
  do {
    result = waitid(by_pidfd, static_cast<id_t>(pidfd_), &info, WEXITED | WNOHANG | __WALL);
  } while (result < 0 && errno == EINTR);
  if (result < 0 || info.si_pid == 0) return -1;
  if (info.si_code == CLD_EXITED) return W_EXITCODE(info.si_status, 0);
  return info.si_status | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

void child::ended() {
  if (!child_table::instance().remove(pid_, this)) return;  // another color was faster
  forget();
  callback_(reap());
}

}  // namespace

std::error_code chldcb(pid_t pid, callback<void, int>::ptr cb) {
  ptr<child> fresh;
  if (cb) {
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) return {errno, std::system_category()};
    fresh = make_ref<child>(pid, pidfd, callback<void, int>::ref(std::move(cb)));
  }
  auto& table = child_table::instance();
  // In the table first, since it may end at once. The old one, if it is called now, does nothing.
  ptr<child> old = table.exchange(pid, fresh);
  if (fresh) {
    if (const std::error_code status = fresh->watch()) {
      table.exchange(pid, std::move(old));
      return status;
    }
  }
  if (old) old->forget();
  return {};
}

std::error_code chldkill(pid_t pid, int signal) noexcept {
  return {child_table::instance().kill(pid, signal), std::system_category()};
}

}  // namespace async
