// A load of callbacks that check exclusion and order themselves, for many tests of mp/.
//
// Serves stages 3 to 5. *Tokens* hop from color to color (or stay on theirs) a given number of
// times. A color, and each outside thread, numbers its posts to each color; the receiver, which
// alone may touch its counters, checks that they come one by one and in order. The counters are
// plain data: if two callbacks of one color overlapped, or did not see each other's writes, they
// would be wrong, and ThreadSanitizer would say so.
//
// Thread safety: `post_from` by one thread for each outside poster; counters by their color.
// Invariant: each token is posted or running exactly once until its hops are used up.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "tests/mp/tools.h"

namespace async::test {

class token_load {
 public:
  token_load(unsigned colors, unsigned outside, std::uint64_t seed)
      : posters_(colors + outside), places_(colors) {
    for (unsigned i = 0; i != colors; ++i) {
      places_[i].which = color::fresh();
      places_[i].random = seed * 2654435761 + i + 1;
      places_[i].received.resize(posters_);
    }
    sent_.resize(posters_, std::vector<std::uint32_t>(colors));
  }

  // Starts a token with so many hops; by poster `outside` (0, 1, ...), an outside thread.
  void post_from(unsigned outside, unsigned to, std::uint32_t hops) {
    send(static_cast<unsigned>(places_.size()) + outside, to, hops);
  }

  // Returns once all tokens have used up their hops, if `started` of them have been posted.
  void wait_for(std::uint64_t started) {
    expected_.store(started, std::memory_order_seq_cst);
    if (ended_.load(std::memory_order_seq_cst) != started) all_ended_.wait();
  }

  // For afterwards.
  std::uint64_t ran() const {
    std::uint64_t sum = 0;
    for (const auto& p : places_) sum += p.ran;
    return sum;
  }
  std::uint64_t overlaps() const { return overlaps_.load(); }
  std::uint64_t disorders() const {
    std::uint64_t sum = 0;
    for (const auto& p : places_) sum += p.disorders;
    return sum;
  }

 private:
  struct alignas(64) place {
    color which;
    // The rest belongs to the callbacks of `which`.
    std::uint64_t random = 1;
    std::uint64_t ran = 0;
    std::uint64_t disorders = 0;
    std::vector<std::uint32_t> received;  // from each poster, how many
    std::atomic<bool> busy{false};
  };

  void send(unsigned from, unsigned to, std::uint32_t hops) {
    const std::uint32_t number = sent_[from][to]++;
    post(places_[to].which, [this, from, to, number, hops] { arrive(from, to, number, hops); });
  }

  void arrive(unsigned from, unsigned to, std::uint32_t number, std::uint32_t hops) {
    place& here = places_[to];
    // relaxed: the flag must not itself order what the runtime has to.
    if (here.busy.load(std::memory_order_relaxed)) overlaps_.fetch_add(1);
    here.busy.store(true, std::memory_order_relaxed);
    if (here.received[from]++ != number) ++here.disorders;
    ++here.ran;
    if (hops == 0) {
      end_token();
    } else {
      here.random = here.random * 6364136223846793005 + 1442695040888963407;
      const auto draw = static_cast<unsigned>(here.random >> 33);
      const auto next = draw % 4 == 0 ? to : draw / 4 % static_cast<unsigned>(places_.size());
      send(to, next, hops - 1);
    }
    here.busy.store(false, std::memory_order_relaxed);
  }

  void end_token() {
    const auto ended = ended_.fetch_add(1, std::memory_order_seq_cst) + 1;
    if (ended == expected_.load(std::memory_order_seq_cst)) all_ended_.post();
  }

  const unsigned posters_;
  std::vector<place> places_;
  std::vector<std::vector<std::uint32_t>> sent_;  // [poster][color], each row its poster's
  std::atomic<std::uint64_t> ended_{0};
  std::atomic<std::uint64_t> expected_{0};
  std::atomic<std::uint64_t> overlaps_{0};
  baton all_ended_;
};

}  // namespace async::test
