// Making connections: see net.h. Serves stages 1 to 3.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "async/address.h"
#include "async/detail/resolver.h"
#include "async/detail/wrap_like.h"
#include "async/fd.h"
#include "async/net.h"

namespace async {

namespace {

// One tcpconnect. Its steps run under the color of the callback; cancel() comes from any thread,
// and the lock is there for it. The callback is called by whoever takes it, without the lock.
class attempt : public refcount {
 public:
  attempt(std::uint16_t port, callback<void, int>::ref cb)
      : from_(*cb), port_(port), callback_(std::move(cb)) {}
  ~attempt() override { drop_socket(); }

  // Once, before any other thread knows of it.
  void start(std::string host);
  // Instead of start(): there is nothing to try.
  void fail(int error);
  // The name was looked up: its addresses, or why there are none.
  void answered(std::vector<address> addresses, int error);
  void cancel();

 private:
  void proceed();                         // tries the addresses that are left
  void writable();                        // the connection is made, or has failed
  bool try_address(const address& peer);  // under mutex_: whether it is to be waited for
  void drop_socket() noexcept;            // under mutex_
  void finish(int fd, int error);

  const detail::origin from_;
  const std::uint16_t port_;
  std::uint64_t question_ = 0;  // written by start()

  std::mutex mutex_;

  // Guarded by mutex_.
  callback<void, int>::ptr callback_;  // null: called or cancelled
  std::vector<address> addresses_;
  std::size_t next_ = 0;
  int fd_ = -1;
  int error_ = ENOENT;  // the last address's
};

class name_question final : public detail::look_up {
 public:
  name_question(const detail::origin& from, std::string host, ref<attempt> asker)
      : look_up(from.its_color, from.site, std::move(host)), asker_(std::move(asker)) {}

  void deliver() override { asker_->answered(std::move(addresses), error); }

 private:
  const ref<attempt> asker_;
};

// 0 if it is connected, EINPROGRESS if not yet, or why it failed.
int connection_status(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return errno;
  if (error != 0) return error;
  sockaddr_storage peer;
  size = sizeof peer;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0) return 0;
  return errno == ENOTCONN ? EINPROGRESS : errno;
}

void attempt::start(std::string host) {
  address numeric;
  if (numeric.parse(host, port_)) {
    addresses_.push_back(numeric);
    cpucb(detail::wrap_like(from_, mkref(this), &attempt::proceed));
    return;
  }
  auto question = std::make_unique<name_question>(from_, std::move(host), mkref(this));
  question_ = question->number();
  detail::resolve(std::move(question));
}

void attempt::fail(int error) {
  error_ = error;
  cpucb(detail::wrap_like(from_, mkref(this), &attempt::proceed));
}

void attempt::answered(std::vector<address> addresses, int error) {
  {
    const std::lock_guard lock(mutex_);
    addresses_ = std::move(addresses);
    for (address& a : addresses_) a.set_port(port_);
    if (error != 0) error_ = error;
  }
  proceed();
}

void attempt::proceed() {
  int error;
  {
    const std::lock_guard lock(mutex_);
    if (!callback_) return;
    while (next_ < addresses_.size()) {
      if (try_address(addresses_[next_++])) return;
    }
    error = error_;
  }
  finish(-1, error);
}

bool attempt::try_address(const address& peer) {
  fd_ = socket(peer.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // Interrupted, a connection goes on being made.
  if (fd_ >= 0 &&
      (connect(fd_, peer.get(), peer.size()) == 0 || errno == EINPROGRESS || errno == EINTR)) {
    const auto status =
        fdcb(fd_, selwrite, detail::wrap_like(from_, mkref(this), &attempt::writable));
    if (!status) return true;
    errno = status.value();
  }
  error_ = errno;
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  return false;
}

void attempt::writable() {
  int connected;
  {
    const std::lock_guard lock(mutex_);
    if (fd_ < 0) return;  // cancelled by another color just now
    const int status = connection_status(fd_);
    if (status == EINPROGRESS) return;
    if (status != 0) {
      error_ = status;
      drop_socket();
    } else {
      fdcb(fd_, selwrite, nullptr);
    }
    connected = std::exchange(fd_, -1);
  }
  connected >= 0 ? finish(connected, 0) : proceed();
}

void attempt::drop_socket() noexcept {
  if (fd_ < 0) return;
  fdcb(fd_, selwrite, nullptr);
  close(std::exchange(fd_, -1));
}

void attempt::finish(int fd, int error) {
  callback<void, int>::ptr cb;
  {
    const std::lock_guard lock(mutex_);
    cb = std::exchange(callback_, nullptr);
  }
  if (!cb) {
    if (fd >= 0) close(fd);
    return;
  }
  errno = error;
  cb(fd);
}

void attempt::cancel() {
  callback<void, int>::ptr cb;  // destroyed without the lock
  {
    const std::lock_guard lock(mutex_);
    cb = std::exchange(callback_, nullptr);
    if (!cb) return;
    drop_socket();
  }
  if (question_ != 0) detail::abandon(question_);
}

}  // namespace

tcpconnect_t tcpconnect(std::string host, int number, callback<void, int>::ref cb) {
  const auto port = static_cast<std::uint16_t>(number);
  const auto made = make_ref<attempt>(port, std::move(cb));
  if (port == number) {
    made->start(std::move(host));
  } else {
    made->fail(EINVAL);
  }
  return tcpconnect_t(made);
}

void tcpconnect_cancel(const tcpconnect_t& handle) {
  if (handle) static_cast<attempt&>(*handle.get()).cancel();
}

}  // namespace async
