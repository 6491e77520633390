// A task: one posted callback, waiting in its color's mailbox (stage 3). Its memory comes from a
// cache per thread (block_cache.h), in two sizes: a closure of up to 8 bytes (a counted callback,
// most often) makes a task of 32 bytes, one of up to 40 bytes makes 64, and a larger one is boxed.
// (With a compiler whose `where` is three words, all tasks are of 64 bytes.)
//
// Thread-safety: a task belongs to whoever holds it: the poster, then the mailbox's owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "wrap/detail/block_cache.h"
#include "wrap/detail/closure.h"
#include "wrap/where.h"

namespace async::detail {

// What a task's one function is asked to do with the closure. `measure` only returns the size, and
// `find_object` what object() below is about.
enum class action { run, destroy, measure, find_object };

struct task {
  task* next;
  // Runs or destroys the closure (running ends with destroying it, even if it throws), and returns
  // the size of the task, whose memory stays. Null in a spent task; see spend().
  block_size (*act)(task*, action);
  union {
    where site;
    block_size spent_size;
  };

  // What the closure is bound to, as callback_base::bound_object() says, if the closure's class
  // tells; else null. For the owner, before the closure is run or destroyed.
  const void* object() {
    return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(
        act(this, action::find_object)));  // a size is as wide as an address
  }

  explicit task(where s) noexcept : next(nullptr), act(nullptr), site(s) {}

  // Marks a task whose closure is gone but whose memory must stay until the mailbox is done with
  // it.
  void spend(block_size size) noexcept {
    act = nullptr;
    spent_size = size;
  }
  bool spent() const noexcept { return act == nullptr; }

  // Gives the memory back, of a task whose closure is gone.
  static void free(task* t, block_size size) noexcept { block_cache::free(t, size); }
  static void free_spent(task* t) noexcept { free(t, t->spent_size); }
};

inline constexpr std::size_t task_header = sizeof(task);
static_assert(sizeof(where) != 8 || task_header == 24);

inline block_size address_as_size(const void* object) noexcept {
  return static_cast<block_size>(reinterpret_cast<std::uintptr_t>(object));
}

// A task with its closure behind the header.
template <class F, block_size Size>
struct closure_task : task {
  alignas(void*) std::byte storage[static_cast<std::size_t>(Size) - task_header];

  template <class G>
  closure_task(G&& function, where s) : task(s) {
    ::new (static_cast<void*>(storage)) F(std::forward<G>(function));
    act = [](task* t, action what) {
      F* closure = std::launder(reinterpret_cast<F*>(static_cast<closure_task*>(t)->storage));
      if (what >= action::measure) [[unlikely]] {
        return what == action::measure ? Size : address_as_size(object_behind<F>(*closure));
      }
      struct destroyer {
        F* closure;
        ~destroyer() { closure->~F(); }
      } at_exit{closure};
      if (what == action::run) (*closure)();
      return Size;
    };
  }
};

// Holds a closure that is too large, or too strictly aligned, for a task.
template <class F>
struct boxed {
  std::unique_ptr<F> function;
  void operator()() { (*function)(); }
  const void* bound_object() const noexcept { return object_behind<F>(*function); }
};

template <class F>
task* make_task(F&& function, where site) {
  using closure = std::decay_t<F>;
  constexpr bool aligned = alignof(closure) <= alignof(void*);
  constexpr std::size_t bytes = task_header + sizeof(closure);
  if constexpr (aligned && bytes <= 64) {
    constexpr block_size size = bytes <= 32 ? block_size::small : block_size::large;
    using node = closure_task<closure, size>;
    static_assert(sizeof(node) == static_cast<std::size_t>(size));
    void* memory = block_cache::allocate(size);
    if constexpr (std::is_nothrow_constructible_v<closure, F>) {
      return ::new (memory) node(std::forward<F>(function), site);
    } else {
      try {
        return ::new (memory) node(std::forward<F>(function), site);
      } catch (...) {
        task::free(static_cast<task*>(memory), size);
        throw;
      }
    }
  } else {
    return make_task(boxed<closure>{std::make_unique<closure>(std::forward<F>(function))}, site);
  }
}

}  // namespace async::detail
