// Looking up names without blocking a worker: getaddrinfo(3) on a few threads of its own (stages 1
// to 3: a finished look-up is an event).
//
// A look-up thread touches only what is plain data in the look-up, and hands it back to the loop,
// whose leader posts it. It never posts, calls or counts anything itself, so that this works alike
// where counts are not atomic (ASYNC_UNIPROCESSOR).
//
// Thread-safety: resolve() and abandon() from any thread of the program.
// Invariant: at most `most_threads` threads; each look-up that was not taken back by abandon() is
// handed to the loop once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/detail/address.h"
#include "async/detail/event.h"

namespace async::detail {

// A question, and then its answer, which deliver() passes on.
class look_up : public event {
 public:
  look_up(color c, where site, std::string host) noexcept
      : event(std::move(c), site), host_(std::move(host)), number_(next_number()) {}

  // getaddrinfo(3): blocks. For the resolver's threads.
  void ask() noexcept;

  // Never 0, and never the same again.
  std::uint64_t number() const noexcept { return number_; }

  void post() override { post_delivery(this); }
  virtual void deliver() = 0;
  void delivered() noexcept { delete this; }

 protected:
  // The answer: addresses, without a port, or why there are none, as an errno.
  std::vector<address>& addresses() noexcept { return addresses_; }
  int error() const noexcept { return error_; }

 private:
  static std::uint64_t next_number() noexcept;

  const std::string host_;
  const std::uint64_t number_;
  std::vector<address> addresses_;
  int error_ = 0;
};

inline constexpr unsigned most_threads = 4;

// Asks. Throws std::system_error if there is no thread and none can be made.
void resolve(std::unique_ptr<look_up> question);

// Takes the question of that number back, and frees it, if no thread has begun with it. If not, it
// is or will be delivered.
void abandon(std::uint64_t number) noexcept;

}  // namespace async::detail
