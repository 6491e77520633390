// A listening socket from which connections are accepted: what is behind acceptor and server
// (stages 1 and 2).
//
// Thread-safety: start() and stop() from any thread; pause() and resume() from the color of its
// origin, under which everything else runs. The lock is there for stop(), which takes the fd away;
// it is not held while the taker runs.
// Invariant: while the loop is started, and neither paused nor waiting for fds or memory, the
// socket is watched; else it is not.
#pragma once

#include <mutex>
#include <system_error>

#include "async/detail/seldom.h"
#include "async/detail/wrap_like.h"
#include "async/peer.h"
#include "async/timer.h"
#include "wrap/callback.h"
#include "wrap/refcnt.h"

namespace async::detail {

class accept_loop : public refcount {
 public:
  // Called with a connection's fd, which it then owns, or with -1 and errno, once, if the listening
  // socket is of no use any more.
  using taker = callback<void, int, const peer_address&>;

  // Takes over `fd`, closed by stop().
  accept_loop(int fd, origin from, taker::ref take)
      : from_(std::move(from)), take_(std::move(take)), fd_(fd) {}

  std::error_code start();
  void stop();

  // Leaves connections in the backlog until resume(); from the taker, too.
  void pause();
  void resume();

 private:
  void accept_some();
  void try_again();
  std::error_code watch();  // under mutex_
  void watch_or_tell();     // under mutex_
  void handle(int error);
  void wait_for_room(int error);                // under mutex_
  int accept_one(peer_address& peer) noexcept;  // an fd, or a negative errno

  const origin from_;
  const taker::ref take_;

  std::mutex mutex_;

  // Guarded by mutex_.
  int fd_;
  bool stopped_ = false;  // then fd_ is closed
  bool paused_ = false;
  timecb_t retry_;  // while there are no fds, or no memory
  seldom complaint_;
};

}  // namespace async::detail
