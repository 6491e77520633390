// The memory model of the explorer: what each thread may read, as the C++20 standard allows.
//
// Serves no stage: part of the deterministic scheduler of tests/mp. Every atomic variable (a
// *place*) keeps all values it has had, in modification order; every thread keeps a *view*, the
// oldest value of each place that it may still read. A release store carries the writer's view, an
// acquire load that reads it takes that view over; a seq_cst fence exchanges views with one global
// view. So a relaxed or acquire load may return an old value (that is what a store buffer, a cache
// or a compiler does), and a missing fence, release or acquire becomes visible on any machine.
// Views also hold one clock per thread, by which unordered accesses to plain memory are found.
//
// Left out, as in most such tools: values out of thin air, loads ordered after later stores, and
// stores inserted before the newest value of the modification order.
//
// Thread safety: none. Invariant: a view only grows; `value.stamp` grows along a place's chain.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace async::explore {

inline constexpr unsigned max_threads = 8;       // of a case, its `quiesce` included
inline constexpr unsigned max_places = 120;      // atomic and plain variables of one execution
inline constexpr unsigned nobody = max_threads;  // set-up and `finish`, which are ordered with all

using place_id = std::uint32_t;
inline constexpr place_id no_place = ~place_id{0};

// For each thread how much of it has been seen, and for each place the oldest readable stamp.
// Entries from `used` on count as zero and are not initialised.
struct view {
  std::uint32_t used = 0;
  std::array<std::uint32_t, max_threads + max_places> at;

  std::uint32_t operator[](std::size_t i) const { return i < used ? at[i] : 0; }

  void raise(std::size_t i, std::uint32_t stamp) {
    grow(i + 1);
    at[i] = std::max(at[i], stamp);
  }

  void join(const view& other) {
    grow(other.used);
    for (std::uint32_t i = 0; i != other.used; ++i) at[i] = std::max(at[i], other.at[i]);
  }

  void assign(const view& other) {
    used = other.used;
    std::copy_n(other.at.begin(), used, at.begin());
  }

  void clear() { used = 0; }

 private:
  void grow(std::size_t n) {
    for (; used < n; ++used) at[used] = 0;
  }
};

inline bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_consume ||
         order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}

inline bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

class memory {
 public:
  // One value that a place has had.
  struct value {
    std::uint64_t bits;
    std::uint32_t stamp;
    std::uint32_t older;  // index of the value before it, or no_value
    view carried;         // what an acquire load that reads it learns
  };
  static constexpr std::uint32_t no_value = ~std::uint32_t{0};

  // Forgets everything: a new execution begins.
  void restart() {
    places_.clear();
    count_ = 0;
    total_.clear();
    for (auto& thread : threads_) {
      thread.current.clear();
      thread.pending.clear();
      thread.fenced.clear();
    }
    for (unsigned t = 0; t != max_threads; ++t) threads_[t].current.raise(t, 1);
  }

  // `thread` constructs a variable. no_place when there are too many.
  place_id add(unsigned thread, std::uint64_t bits) {
    if (places_.size() == max_places) return no_place;
    place made;
    made.maker = thread;
    made.made = clock(thread);
    made.newest = append(bits, 0, no_value);
    values_[made.newest].carried.clear();
    places_.push_back(made);
    return static_cast<place_id>(places_.size() - 1);
  }

  // Whether the construction of `p` is ordered before what `thread` does now, and its destruction
  // (if any) is not a thing of the past.
  bool usable(unsigned thread, place_id p) const {
    const place& at = places_[p];
    return at.alive && seen(thread, at.maker, at.made);
  }

  // `thread` destroys the variable. False if somebody's access is not ordered before that.
  bool remove(unsigned thread, place_id p) {
    places_[p].alive = false;
    return nobody_races(thread, places_[p]);
  }

  // The values that a load may return, newest first, at most `limit`.
  unsigned readable(unsigned thread, place_id p, std::memory_order order, unsigned limit,
                    std::array<std::uint32_t, 4>& found) const {
    std::uint32_t oldest = 0;
    if (thread != nobody) oldest = threads_[thread].current[slot(p)];
    if (order == std::memory_order_seq_cst) oldest = std::max(oldest, total_[slot(p)]);
    unsigned n = 0;
    for (auto i = places_[p].newest; i != no_value && n != limit; i = values_[i].older) {
      if (n != 0 && values_[i].stamp < oldest) break;
      found[n++] = i;
    }
    return n;
  }

  std::uint32_t newest(place_id p) const { return places_[p].newest; }
  std::uint64_t bits(std::uint32_t index) const { return values_[index].bits; }

  // The load of `p` returns the value `index`.
  std::uint64_t read(unsigned thread, place_id p, std::memory_order order, std::uint32_t index) {
    const value& v = values_[index];
    if (thread == nobody) return v.bits;
    auto& me = threads_[thread];
    me.current.raise(slot(p), v.stamp);
    (acquires(order) ? me.current : me.pending).join(v.carried);
    if (order == std::memory_order_seq_cst) total_.raise(slot(p), v.stamp);
    touch(thread, p);
    return v.bits;
  }

  // A store becomes the newest value of `p`. `replaced` is the value that a read-modify-write has
  // read (it continues the release sequence), no_value for a plain store.
  void write(unsigned thread, place_id p, std::memory_order order, std::uint64_t bits,
             std::uint32_t replaced) {
    const std::uint32_t before = places_[p].newest;
    const std::uint32_t stamp = values_[before].stamp + 1;
    const std::uint32_t made = append(bits, stamp, before);
    places_[p].newest = made;
    view& carried = values_[made].carried;
    if (thread == nobody) {
      carried.clear();
      return;
    }
    auto& me = threads_[thread];
    me.current.raise(slot(p), stamp);
    carried.assign(releases(order) ? me.current : me.fenced);
    carried.raise(slot(p), stamp);
    if (replaced != no_value) carried.join(values_[replaced].carried);
    if (order == std::memory_order_seq_cst) total_.raise(slot(p), stamp);
    touch(thread, p);
    tick(thread);
  }

  void fence(unsigned thread, std::memory_order order) {
    auto& me = threads_[thread];
    if (acquires(order)) me.current.join(me.pending);
    if (order == std::memory_order_seq_cst) {
      me.current.join(total_);
      total_.assign(me.current);
    }
    if (releases(order)) me.fenced.assign(me.current);
    tick(thread);
  }

  // Hands over everything that `thread` has seen (an unlock, a wake-up), and takes it (a lock).
  void give(unsigned thread, view& to) {
    to.join(threads_[thread].current);
    tick(thread);
  }
  void take(unsigned thread, const view& from) { threads_[thread].current.join(from); }

  // `thread` goes on as if it had seen all that the set-up has done, or all that the other threads
  // have done so far.
  void see_newest(unsigned thread) {
    for (place_id p = 0; p != places_.size(); ++p)
      threads_[thread].current.raise(slot(p), values_[places_[p].newest].stamp);
  }
  void see_all(unsigned thread) {
    for (const auto& other : threads_) threads_[thread].current.join(other.current);
    see_newest(thread);
  }

  // Plain (not atomic) accesses. False if another thread's conflicting one is not ordered before.
  bool plain_read(unsigned thread, place_id p) {
    if (thread == nobody) return true;
    const place& at = places_[p];
    const bool ordered = seen(thread, at.writer, at.wrote);
    touch(thread, p);
    return ordered;
  }
  bool plain_write(unsigned thread, place_id p) {
    if (thread == nobody) return true;
    place& at = places_[p];
    const bool ordered = nobody_races(thread, at);
    at.writer = thread;
    at.wrote = clock(thread);
    touch(thread, p);
    return ordered;
  }

 private:
  struct place {
    std::uint32_t newest = no_value;
    unsigned maker = nobody;  // who constructed it, and when
    std::uint32_t made = 0;
    unsigned writer = nobody;  // the last plain write
    std::uint32_t wrote = 0;
    bool alive = true;
    std::array<std::uint32_t, max_threads> touched{};  // each thread's last access
  };

  struct thread_state {
    view current;  // what it has seen
    view pending;  // what its relaxed loads have brought; an acquire fence makes it current
    view fenced;   // what its last release fence covered; its relaxed stores carry that
  };

  static std::size_t slot(place_id p) { return max_threads + p; }

  std::uint32_t clock(unsigned t) const { return t == nobody ? 0 : threads_[t].current[t]; }
  void tick(unsigned t) { threads_[t].current.raise(t, clock(t) + 1); }

  bool seen(unsigned thread, unsigned by, std::uint32_t when) const {
    return thread == nobody || by == nobody || by == thread || threads_[thread].current[by] >= when;
  }

  bool nobody_races(unsigned thread, const place& at) const {
    for (unsigned t = 0; t != max_threads; ++t)
      if (at.touched[t] != 0 && !seen(thread, t, at.touched[t])) return false;
    return seen(thread, at.maker, at.made);
  }

  void touch(unsigned thread, place_id p) { places_[p].touched[thread] = clock(thread); }

  // Old entries are used again, views included: an execution allocates nothing once warm.
  std::uint32_t append(std::uint64_t bits, std::uint32_t stamp, std::uint32_t older) {
    if (count_ == values_.size()) values_.resize(values_.size() + 256);
    value& v = values_[count_];
    v.bits = bits;
    v.stamp = stamp;
    v.older = older;
    return count_++;
  }

  std::vector<place> places_;
  std::vector<value> values_;
  std::uint32_t count_ = 0;  // of values_ in use
  std::array<thread_state, max_threads> threads_;
  view total_;  // what the seq_cst fences and accesses so far agree on
};

}  // namespace async::explore
