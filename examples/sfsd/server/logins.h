// Who has logged in on one channel: the numbers that LOGIN gave out, and the users behind them.
// Serves stage 5.
//
// Thread safety: one thread (or color) at a time.
// Invariants: at most `most` users; a number is never given out twice on a channel; sequence
// numbers of LOGINs only grow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "examples/sfsd/nfs/principal.h"

namespace sfs {

class logins {
 public:
  static constexpr std::size_t most = 64;

  bool full() const noexcept { return users_.size() >= most; }

  // Whether a LOGIN may have this sequence number; if so, none after it may have it again.
  bool advance(std::uint32_t sequence) noexcept {
    if (sequence <= last_sequence_ && any_) return false;
    any_ = true;
    last_sequence_ = sequence;
    return true;
  }

  // The number for the credentials of the user's calls. Not if full().
  std::uint32_t add(async::ref<const principal> who) {
    users_.push_back({++last_number_, std::move(who)});
    return last_number_;
  }

  async::ptr<const principal> find(std::uint32_t number) const noexcept {
    for (const entry& e : users_)
      if (e.number == number) return e.who;
    return nullptr;
  }

  void remove(std::uint32_t number) {
    std::erase_if(users_, [number](const entry& e) { return e.number == number; });
  }

 private:
  struct entry {
    std::uint32_t number;
    async::ref<const principal> who;
  };
  std::vector<entry> users_;
  std::uint32_t last_number_ = 0, last_sequence_ = 0;
  bool any_ = false;
};

}  // namespace sfs
