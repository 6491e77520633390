// One c-ares channel in our loop: all calls of c-ares are made here (stages 1 to 3).
//
// Thread-safety: everything is called under one color, which the sockets' and the timer's callbacks
// have too.
// Invariant: each question that ask() was given is given to the owner's answered() or dropped()
// once. A channel is not destroyed from within one of its own calls.
#pragma once

#include <ares.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>

#include "async/detail/resolver.h"
#include "async/timer.h"
#include "mp/color.h"

namespace async::detail {

class dns_channel {
 public:
  class owner {
   public:
    virtual void answered(dns_channel& from, std::unique_ptr<look_up> question) = 0;
    // It was abandoned.
    virtual void dropped(dns_channel& from, std::unique_ptr<look_up> question) = 0;

   protected:
    ~owner() = default;
  };

  // Reads the system's files.
  dns_channel(owner& its_owner, const color& its_color, const dns_options& options);
  ~dns_channel();
  dns_channel(const dns_channel&) = delete;
  dns_channel& operator=(const dns_channel&) = delete;

  void ask(std::unique_ptr<look_up> question);
  // One more of those that were asked is of no use. When all are, c-ares forgets them.
  void abandon();

  std::size_t asked() const noexcept { return asked_; }
  std::size_t abandoned() const noexcept { return abandoned_; }  // of those

 private:
  // One question in c-ares' hands.
  struct asking {
    dns_channel& channel;
    std::unique_ptr<look_up> question;
  };

  class patience;

  static void got_addresses(void* argument, int status, int timeouts, ares_addrinfo* found);
  static void got_name(void* argument, int status, int timeouts, char* node, char* service);
  static void watch(void* self, int fd, int readable, int writable);
  void ready(int readable, int writable);
  void end(std::unique_ptr<asking> a, int status);
  void set_timer();
  void remove_timer();

  owner& owner_;
  const color color_;
  ares_channel channel_ = nullptr;
  int status_;  // of its making
  std::size_t asked_ = 0;
  std::size_t abandoned_ = 0;
  timecb_t timer_;
  patience* its_ = nullptr;  // what is bound to the timer's callback
};

}  // namespace async::detail
