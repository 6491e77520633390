// Accepting connections: see net.h. Serves stages 1 and 2.
#include <cerrno>
#include <utility>

#include "async/detail/accept_loop.h"
#include "async/net.h"
#include "wrap/wrap.h"

namespace async {

acceptor::acceptor(int listening_fd, callback<void, int>::ref cb) {
  if (listening_fd < 0) return;
  const detail::origin from(*cb);
  auto made = make_ref<detail::accept_loop>(
      listening_fd, from,
      wrap_at(from.site, [cb = std::move(cb)](int fd, const peer_address&) { cb(fd); }));
  if (const auto status = made->start()) {
    made->stop();
    errno = status.value();
  } else {
    loop_ = std::move(made);
  }
}

acceptor& acceptor::operator=(acceptor&& other) noexcept {
  acceptor old(std::move(*this));
  loop_ = std::move(other.loop_);
  return *this;
}

acceptor::~acceptor() {
  if (loop_) static_cast<detail::accept_loop&>(*loop_).stop();
}

}  // namespace async
