// What is behind a color handle: its mailbox and its lifetime. One cache line.
//
// Lifetime. A color exists while a handle refers to it or a callback of it is pending. Counting
// pending callbacks would cost two read-modify-writes for each; instead, the drop of the last
// handle posts one more task to the color, the *reaper*, and the owner that has run it frees the
// color when it would otherwise give it up. In numbered steps:
//  1. A dropper that finds one reference left exchanges it for `reaping` in one step, so only one
//     dropper does this, and then posts the reaper. That post is the last that it does to the
//     color.
//  2. Until the reaper has run, the color can't be freed; handles may come back (color::current(),
//     or a look-up of a named color), and drops of those start nothing, since `reaping` is set.
//  3. The reaper sets `reaped`. From then on only the owner acts on it: at the next empty FIFO it
//     frees the color if the count is zero; if not, it clears both flags, and the holders of
//     handles are in charge again (back to 1).
// A named color is freed under the lock of its table, where look-ups count, so none can revive it
// in between.
//
// The color's own callbacks, which make and drop most handles, count them in `own_references`
// without an atomic operation; relinquish() adds those to the others. In the meantime the atomic
// count may be off, even below zero (so it is biased): a dropper that wrongly takes itself for the
// last only starts steps 1 to 3 early, and that nobody took himself for the last is seen by
// relinquish().
//
// Thread-safety: as for each member; the mailbox says its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "mp/detail/fibers.h"
#include "mp/detail/mailbox.h"
#include "mp/detail/sync.h"
#include "mp/detail/task.h"
#include "wrap/callback.h"
#include "wrap/detail/color_check.h"

namespace async::detail {

// Numbers from here on are the ids of fresh colors.
inline constexpr std::uint64_t first_fresh_color = std::uint64_t{1} << 61;

// What an id stands for, and so which table a color is in: none for a fresh one.
enum class color_kind : std::uint64_t { fresh, numbered, object };

class color_state;

// The color of the callback that is running on this thread, or null.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local color_state* running;
inline color_state* running_color() noexcept { return running; }

// The same, but null while a trace notes what this thread posts: then posts to the own color, too,
// go through submit_elsewhere().
[[gnu::tls_model("initial-exec")]] extern constinit thread_local color_state* posting_to_itself;

class alignas(64) color_state {
 public:
  // With one reference. Of the id, 62 bits are kept.
  constexpr color_state(std::uint64_t id, color_kind kind) noexcept
      : kind_(kind), id_(id & id_mask) {}

  static void* operator new(std::size_t size) {
    if constexpr (colors_checked) return ::operator new(size, alignment);
    return block_cache::allocate(block_size::large);
  }
  static void operator delete(void* memory) noexcept {
    if constexpr (colors_checked) return ::operator delete(memory, alignment);
    block_cache::free(memory, block_size::large);
  }

  color_state(const color_state&) = delete;
  color_state& operator=(const color_state&) = delete;

  // Any thread that holds a reference, or runs a callback of this color, or holds the table's lock.
  void retain() noexcept {
    if (this == running_color()) {
      ++own_references_;
    } else if (!immortal()) {
      // relaxed: whoever counts up already has the color.
      references_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  // Drops a reference; any thread.
  void release() noexcept {
    if (this == running_color()) {
      --own_references_;
    } else if (!immortal()) {
      drop();
    }
  }

  std::uint64_t id() const noexcept { return id_; }
  color_kind kind() const noexcept { return kind_; }

  // For the owner, with an empty FIFO: gives the color up or frees it, and returns true; the caller
  // must not touch it again. False if there is more to run.
  [[nodiscard]] bool relinquish() noexcept {
    if (own_references_ != 0) merge_references();
    // relaxed: `reaped` is set by the owner itself.
    if ((references_.load(std::memory_order_relaxed) & reaped) != 0) {
      if (dispose()) return true;
      if (mail.has_more()) return false;
    }
    return mail.give_up();
  }

  // The reaper's work; runs as the owner.
  void set_reaped() noexcept { references_.fetch_or(reaped, std::memory_order_relaxed); }

  mailbox<sync, task> mail;
  [[no_unique_address]] color_fiber fiber;
  // The time in which callbacks of it have run so far, in ticks, while metrics are on: the sum, or,
  // while some run, the sum less the time at which they began; shifted left, and 1 while some run.
  // Written by the owner.
  std::atomic<std::uint64_t> work{0};

 private:
  static constexpr std::align_val_t alignment{64};
  static constexpr std::uint64_t id_mask = (std::uint64_t{1} << 62) - 1;
  static constexpr std::uint64_t reaping = std::uint64_t{1} << 63;
  static constexpr std::uint64_t reaped = std::uint64_t{1} << 62;
  static constexpr std::uint64_t none = std::uint64_t{1} << 61;  // a count of zero

  inline bool immortal() const noexcept;
  void drop() noexcept;
  void merge_references() noexcept;
  void post_reaper() noexcept;
  bool dispose() noexcept;
  bool free_if_unreferenced() noexcept;

  atom<std::uint64_t> references_{none + 1};
  std::int64_t own_references_ = 0;  // the owner's
  const color_kind kind_ : 2;
  const std::uint64_t id_ : 62;
};
static_assert(sizeof(color_state) == 64 || colors_checked);

extern constinit color_state default_color;

// What a color is called in messages.
struct color_name {
  explicit color_name(const color_state& color) noexcept;
  char text[40];
};

inline bool color_state::immortal() const noexcept { return this == &default_color; }

// The same, short, of a color that need not exist any more: `name` is its id with its kind in the
// two highest bits. "default", "17", "fresh 3", "object 0x5581".
std::string color_label(std::uint64_t name);

// A new color, with one reference.
color_state* make_fresh_color();
// The color of that name, made if need be, with one more reference.
color_state* find_color(color_kind kind, std::uint64_t name);

// Queues a task under a color that the caller keeps alive. Any thread.
void submit_elsewhere(color_state* color, task* t) noexcept;
inline void submit(color_state* color, task* t) noexcept {
  happens_before(t);  // with the happens_after() of its run, guarantee 1 and the order of posts
  const unobserved queue;
  if (color == posting_to_itself) {
    color->mail.push_own(t);
  } else {
    submit_elsewhere(color, t);
  }
}
// The running callback has taken over what others had posted to its color, by a post of its own.
void note_taking_over() noexcept;
// Puts a color that the caller owns, and that has work, into the queue. Any thread.
void submit_runnable(color_state* color) noexcept;

// A reaper is of no place in the program.
inline bool is_reaper(const task& t) noexcept { return t.site.line() == 0; }

// How many reapers this thread has run: they are tasks, but nobody posted them.
extern constinit thread_local std::uint64_t reapers_run;

// The color that cwrap gave to a callback, else the default color.
inline color_state* state_of(const callback_base& callback) noexcept {
  const void* tag = callback.color_tag();
  return tag == nullptr ? &default_color
                        : const_cast<color_state*>(static_cast<const color_state*>(tag));
}

}  // namespace async::detail
