// Questions about names, on their way through the resolver (stages 1 to 3: an answer is an event).
//
// All of c-ares is used under one private color: so its channels need no lock, and their sockets
// and timers are callbacks of that color. What is asked or given up elsewhere is put into an inbox,
// which it is told of by a post.
//
// Thread-safety: the functions may be called from any thread of the program. A look_up belongs to
// the resolver until it is posted, and then to its own color.
// Invariant: each look_up given to resolve() is delivered once, or destroyed: by abandon(), or when
// a runtime stops while its answer is being posted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "async/address.h"
#include "async/detail/event.h"
#include "async/resolve.h"

namespace async::detail {

// A question, and then its answer, which deliver() passes on.
class look_up : public event {
 public:
  // A host's name, to find its addresses, or an address, to find the host's name.
  using subject = std::variant<std::string, address>;

  look_up(color c, where site, subject s) noexcept
      : event(std::move(c), site), what(std::move(s)), number_(next_number()) {}

  // Never 0, and never the same again.
  std::uint64_t number() const noexcept { return number_; }

  void post() override { post_delivery(this); }
  virtual void deliver() = 0;
  void delivered() noexcept { delete this; }

  const subject what;
  // The answer: the addresses without a port, or the name, or why there is none, as an errno.
  std::vector<address> addresses;
  std::string name;
  int error = 0;
  // Nobody wants the answer. The resolver's.
  bool abandoned = false;

 private:
  static std::uint64_t next_number() noexcept;

  const std::uint64_t number_;
};

void resolve(std::unique_ptr<look_up> question);

// The question of that number is of no use any more. If it has not been answered, it may be freed.
void abandon(std::uint64_t number);

void configure_resolver(const dns_options& options);

}  // namespace async::detail
