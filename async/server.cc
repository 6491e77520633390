// See server.h. Serves stages 1 and 2.
#include "async/server.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <vector>

#include "async/detail/accept_loop.h"
#include "async/detail/admission.h"
#include "async/detail/seldom.h"
#include "async/detail/wrap_like.h"
#include "async/err.h"
#include "async/timer.h"

namespace async {

incoming::~incoming() {
  if (fd_ >= 0) close(fd_);
}

// What accepts: runs under a color of its own, but for what server's functions call directly. Held
// by whatever is still to call it back.
class server::impl : public refcount {
 public:
  impl(server_options options, callback<void, incoming>::ref arrived);

  void begin();
  void close();
  std::error_code listen(int fd);
  void drain(std::chrono::nanoseconds limit, callback<void, std::size_t>::ref done);
  counters count() const { return admission_->count(); }
  const color& its_color() const noexcept { return from_.its_color; }

 private:
  using loops = std::vector<ref<detail::accept_loop>>;

  void accepted(std::size_t door, int fd, const peer_address& peer);
  bool admit(incoming& from);
  void set_paused(bool paused);
  void room();
  void tell();
  void finish();
  bool stop_accepting();

  const server_options options_;
  const callback<void, incoming>::ref arrived_;
  detail::origin from_;  // where arrived_ was made, and our color
  const ref<detail::admission> admission_;
  detail::seldom complaint_;

  std::mutex mutex_;

  // Guarded by mutex_.
  loops loops_;
  bool paused_ = false;  // all loops
  bool ended_ = false;   // there are no loops any more
  bool closed_ = false;  // nobody is called any more
  callback<void, std::size_t>::ptr done_;
  timecb_t limit_;
};

server::impl::impl(server_options options, callback<void, incoming>::ref arrived)
    : options_(options),
      arrived_(std::move(arrived)),
      from_(*arrived_),
      admission_(make_ref<detail::admission>(options)) {
  from_.its_color = color::fresh();
}

void server::impl::begin() {
  admission_->on_change(detail::wrap_like(from_, mkref(this), &impl::room),
                        detail::wrap_like(from_, mkref(this), &impl::finish));
}

std::error_code server::impl::listen(int fd) {
  if (fd < 0) return {errno, std::generic_category()};
  const std::lock_guard lock(mutex_);
  auto take = wrap_at(from_.site, mkref(this), &impl::accepted, loops_.size());
  const auto loop = make_ref<detail::accept_loop>(fd, from_, std::move(take));
  if (ended_) {
    loop->stop();
    return std::make_error_code(std::errc::operation_canceled);
  }
  if (paused_) loop->pause();
  if (const auto error = loop->start()) {
    loop->stop();
    return error;
  }
  loops_.push_back(loop);
  return {};
}

void server::impl::accepted(std::size_t door, int fd, const peer_address& peer) {
  if (fd < 0) return warn("accepting no more from socket %zu: %s", door, std::strerror(errno));
  incoming from(fd, door, peer, connection_slot());
  if (!admit(from)) return;
  const color its_color = from.slot.its_color();
  post(
      its_color,
      [arrived = arrived_, from = std::move(from)]() mutable { arrived(std::move(from)); },
      from_.site);
}

// Whether it is let in; says so, seldom, if it is not.
bool server::impl::admit(incoming& from) {
  using verdict = detail::admission::verdict;
  const verdict v =
      admission_->admit(from.peer(), options_.own_colors ? color::fresh() : color(), from.slot);
  if (v == verdict::welcome_and_full) set_paused(true);
  if (v == verdict::welcome) return true;
  if (const auto others = complaint_.once_more()) {
    warn("%s: %s%s", from.peer().text().c_str(),
         v == verdict::welcome_and_full ? "it was the last: others wait until one ends"
         : v == verdict::full           ? "turned away: there are too many connections"
                                        : "turned away: its network has too many connections",
         others->c_str());
  }
  return v == verdict::welcome_and_full;
}

void server::impl::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  paused_ = paused;
  for (const auto& loop : loops_) paused ? loop->pause() : loop->resume();
}

void server::impl::room() { set_paused(false); }

// Whether it has not been called before.
bool server::impl::stop_accepting() {
  loops stopped;  // destroyed with no lock held
  const std::lock_guard lock(mutex_);
  stopped.swap(loops_);
  for (const auto& loop : stopped) loop->stop();
  return !std::exchange(ended_, true);
}

void server::impl::drain(std::chrono::nanoseconds limit, callback<void, std::size_t>::ref done) {
  const bool is_first = stop_accepting();
  if (!is_first) return finish();
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    done_ = std::move(done);
    limit_ = delaycb(limit, detail::wrap_like(from_, mkref(this), &impl::finish));
  }
  admission_->drain();
  tell();
  if (count().connections == 0) finish();
}

void server::impl::tell() {
  if (admission_->tell_some()) cpucb(detail::wrap_like(from_, mkref(this), &impl::tell));
}

void server::impl::finish() {
  callback<void, std::size_t>::ptr done;
  {
    const std::lock_guard lock(mutex_);
    timecb_remove(std::exchange(limit_, nullptr));
    done = std::move(done_);
  }
  if (!done) return;
  const color its_color = color_of(*done);
  const where site = done->where();
  post(
      its_color, [done = std::move(done), left = count().connections] { done(left); }, site);
}

void server::impl::close() {
  stop_accepting();
  admission_->close();
  callback<void, std::size_t>::ptr done;  // destroyed with no lock held
  const std::lock_guard lock(mutex_);
  closed_ = true;
  done = std::move(done_);
  timecb_remove(std::exchange(limit_, nullptr));
}

server::server(server_options options, callback<void, incoming>::ref arrived)
    : impl_(make_ref<impl>(options, std::move(arrived))) {
  impl_->begin();
}

server::~server() { impl_->close(); }

std::error_code server::listen(int listening_fd) { return impl_->listen(listening_fd); }

void server::drain(std::chrono::nanoseconds limit, callback<void, std::size_t>::ref done) {
  post(impl_->its_color(), [impl = impl_, limit, done = std::move(done)]() mutable {
    impl->drain(limit, std::move(done));
  });
}

server::counters server::count() const { return impl_->count(); }

}  // namespace async
