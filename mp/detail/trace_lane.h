// What one CPU notes while it is traced: its ring, and the readings of its thread's CPU time.
//
// Serves stages 3 to 5, while they are traced.
//
// How CPU time is read is told in cpu_reader.h; the reader of a trace puts down what was spent off
// the CPU (trace_picture.cc).
//
// Thread-safety: all by one thread at a time, the lane's worker; the ring may be copied by any.
// Invariant: the records' times do not decrease.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mp/detail/color_state.h"
#include "mp/detail/cpu_reader.h"
#include "mp/detail/task.h"
#include "mp/detail/trace_clock.h"
#include "mp/detail/trace_ring.h"

namespace async::detail {

class trace_lane {
 public:
  // Times are counted from `origin`, in ticks. Throws std::bad_alloc.
  trace_lane(std::size_t records, std::uint64_t origin);

  // A callback is about to be posted. If that makes the color runnable, made_runnable() comes next.
  void post(const task* t, const color_state& color) noexcept {
    ring_.push({since_origin(trace_clock::now()), trace_kind::post, 0, address(t), name_of(color),
                0, t->site});
  }
  void made_runnable() noexcept { ring_.amend_last(trace_made_runnable); }

  // Callbacks, in this order:
  //   open_turn()      before the first that is run in a row
  //   begin(), end()   for each
  //   mark()           before a further begin(), unless the last end() serves as its time: the
  //                    callback was posted by this CPU, or before the last mark()

  void open_turn() noexcept {
    mark();
    if (time_ - ended_ > reader_.pause) read_after_pause();
  }

  void mark() noexcept { time_ = since_origin(trace_clock::ordered()); }

  void begin(task* t, const color_state& color, bool new_turn) noexcept {
    const std::uint8_t flags = new_turn ? trace_new_turn : 0;
    ring_.push({time_, trace_kind::begin, flags, address(t), name_of(color), address(t->object()),
                t->site});
  }

  void end(bool was_callback) noexcept {
    time_ = since_origin(trace_clock::now());
    ended_ = time_;
    ring_.push_bare(time_, trace_kind::end, was_callback ? 0 : trace_no_callback);
    if (time_ - read_ > reader_.interval) [[unlikely]] {
      read();
      mark();
    }
  }

  // Between a callback's begin() and its end(): what it does from now on counts as another one.
  void step(const color_state& color, const void* object, where site) noexcept {
    end(true);
    ring_.push({time_, trace_kind::begin, trace_is_step, 0, name_of(color), address(object), site});
  }

  // park, wake, poll or polled.
  void note(trace_kind kind) noexcept;

  const trace_ring& ring() const noexcept { return ring_; }

  // The color's number with its kind in the two highest bits.
  static std::uint64_t name_of(const color_state& color) noexcept {
    return color.id() | static_cast<std::uint64_t>(color.kind()) << 62;
  }

 private:
  static std::uint64_t address(const void* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p);
  }

  // The clock may be read a little early: never let it go back, nor below the origin.
  std::uint64_t since_origin(std::uint64_t ticks) noexcept {
    const std::uint64_t time = ticks - origin_;
    if (static_cast<std::int64_t>(time - newest_) > 0) [[likely]]
      newest_ = time;
    return newest_;
  }

  void read() noexcept;
  void read_after_pause() noexcept;
  void push_reading(const cpu_reading& reading, std::uint8_t flags) noexcept;

  const std::uint64_t origin_;
  std::uint64_t newest_ = 0;

  std::uint64_t time_ = 0;   // now, as far as callbacks go
  std::uint64_t ended_ = 0;  // when the last callback did
  std::uint64_t read_ = 0;   // when there was a reading
  cpu_reader reader_;
  trace_ring ring_;
};

}  // namespace async::detail
