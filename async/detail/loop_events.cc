// What is registered, for hang reports (mp/watchdog.h; stage 1).
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "async/detail/blocking_job.h"
#include "async/detail/blocking_state.h"
#include "async/detail/select_loop.h"
#include "mp/clock.h"

namespace async::detail {

namespace {

// A child that is waited for is watched by an fd of its own kind (child.cc).
bool is_child(int fd) noexcept {
  std::array<char, 32> target;
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  return length > 0 &&
         std::string_view(target.data(), static_cast<std::size_t>(length)) == "anon_inode:[pidfd]";
}

const char* kind_of(int fd, bool reads) noexcept {
  if (!reads) return "fd to write";
  return is_child(fd) ? "child to end" : "fd to read";
}

std::string text_until(stamp at) {
  const stamp now = std::chrono::nanoseconds(steady_now().time_since_epoch()).count();
  char text[40];
  std::snprintf(text, sizeof text, "in %.3f s", static_cast<double>(at - now) / 1e9);
  return text;
}

awaited_event told(const char* kind, std::string which, const event& e) {
  return {kind, std::move(which), color_name(*e.its_color().state()).text, e.site()};
}

}  // namespace

void select_loop::tell_events(const std::function<void(awaited_event)>& tell) {
  const unobserved look;
  {
    const std::lock_guard lock(mutex_);
    for (const fd_entry& entry : registered_->fds) {
      for (const fd_watch* w : entry.watch) {
        if (w == nullptr) continue;
        tell(told(kind_of(w->io.fd, w == entry.watch[selread]), std::to_string(w->io.fd), *w));
      }
    }
    for (const ptr<signal_watch>& w : registered_->signals) {
      if (w) tell(told("signal", strsignal(w->io.signum), *w));
    }
  }
  timers_.tell([&](const timer& t, stamp at) { tell(told("timer", text_until(at), t)); });
  shared_blocking_state()->tell([&](const blocking_job& job, bool begun) {
    tell(told(begun ? "blocking work under way" : "blocking work that waits", "", job));
  });
}

}  // namespace async::detail
