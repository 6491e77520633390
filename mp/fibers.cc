// The colors as fibers of ThreadSanitizer's: see detail/fibers.h. Serves stage 5.
#include "mp/detail/fibers.h"

#if defined(ASYNC_CHECK_COLORS)

#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <ucontext.h>

#include <boost/intrusive/list.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#include "mp/color.h"
#include "mp/detail/call_sites.h"

extern "C" {
void __tsan_func_entry(void* caller);
void __tsan_func_exit();
void AnnotateBenignRaceSized(const char* file, int line, void* begin, std::size_t size,
                             const char* what);
}

namespace async::detail {

namespace {

// Marks whose addresses say what is ordered.
char begun, ended;

// What a color has run comes after happens_after(mark_of(color)). Those that have the same name,
// one after the other, are one color; so they have one mark, which is an address and no memory.
const void* mark_of(const color_state& color) noexcept {
  if (color.kind() == color_kind::fresh) return &color.fiber;
  constexpr std::size_t names = std::size_t{1} << 32;  // more than may meet by chance
  static const char* const marks = static_cast<const char*>(
      mmap(nullptr, names * 8, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (marks == MAP_FAILED) return &color.fiber;
  const std::uint64_t name = color.id() * 4 + static_cast<std::uint64_t>(color.kind());
  return marks + (name * 0x9e3779b97f4a7c15u >> 32) * 8;
}

void* make_stack(std::size_t size) {
  void* const stack = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED || mprotect(stack, 4096, PROT_NONE) != 0) {
    std::fprintf(stderr, "the color checker has no memory for a stack\n");
    std::abort();
  }
  return stack;
}

ASYNC_UNCHECKED void* make_tsan_fiber(void* nowhere) noexcept {
  void* const home = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(nowhere, __tsan_switch_to_fiber_no_sync);
  void* const made = __tsan_create_fiber(0);
  __tsan_switch_to_fiber(home, __tsan_switch_to_fiber_no_sync);
  return made;
}

}  // namespace

using fiber_list_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class fiber : public fiber_list_hook {
 public:
  // `nowhere` is a context of ThreadSanitizer's that nothing is ordered before, for the new one
  // comes after what its maker did.
  fiber(color_state& color, void* nowhere);
  fiber(const fiber&) = delete;
  ~fiber();

  block_size run(task* t, task_runner runner, void* context) noexcept;

  // Its color, or null when that has ended; guarded by the lock of all fibers.
  color_state* owner;

  // What comes after happens_after(mark) comes after all that it has run.
  void release(const void* mark) noexcept;

 private:
  static constexpr std::size_t stack_size = std::size_t{512} << 10;

  static void start(unsigned high, unsigned low);
  [[noreturn]] void loop() noexcept;
  void call() noexcept;

  void* const stack_;
  void* const tsan_;
  void* home_ = nullptr;  // ThreadSanitizer's context of the worker that it runs on
  ucontext_t context_, worker_;
  bool is_new_ = true;

  task* task_ = nullptr;
  void* frame_ = nullptr;  // stands for the task's call site
  task_runner runner_ = nullptr;
  void* argument_ = nullptr;
  block_size size_{};
};

fiber::fiber(color_state& color, void* nowhere)
    : owner(&color), stack_(make_stack(stack_size)), tsan_(make_tsan_fiber(nowhere)) {
  __tsan_set_fiber_name(tsan_, color_name(color).text);
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_;
  context_.uc_stack.ss_size = stack_size;
  context_.uc_link = nullptr;
  const auto bits = reinterpret_cast<std::uintptr_t>(this);
  // makecontext passes ints only.
  makecontext(&context_, reinterpret_cast<void (*)()>(&fiber::start), 2,
              static_cast<unsigned>(bits >> 32), static_cast<unsigned>(bits));
}

fiber::~fiber() {
  __tsan_destroy_fiber(tsan_);
  munmap(stack_, stack_size);
}

void fiber::release(const void* mark) noexcept {
  void* const home = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_, __tsan_switch_to_fiber_no_sync);
  happens_before(mark);
  __tsan_switch_to_fiber(home, __tsan_switch_to_fiber_no_sync);
}

block_size fiber::run(task* t, task_runner runner, void* argument) noexcept {
  task_ = t;
  frame_ = frame_of(t->site);
  runner_ = runner;
  argument_ = argument;
  home_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_, __tsan_switch_to_fiber_no_sync);
  swapcontext(&worker_, &context_);
  return size_;
}

ASYNC_UNCHECKED void fiber::start(unsigned high, unsigned low) {
  reinterpret_cast<fiber*>(std::uintptr_t{high} << 32 | low)->loop();
}

// From one run to the next it may come to another thread: so nothing here is thread-local.
ASYNC_UNCHECKED void fiber::loop() noexcept {
  for (;;) {
    call();
    __tsan_switch_to_fiber(home_, __tsan_switch_to_fiber_no_sync);
    swapcontext(&context_, &worker_);
  }
}

[[gnu::noinline]] ASYNC_UNCHECKED void fiber::call() noexcept {
  if (std::exchange(is_new_, false)) happens_after(mark_of(*owner));
  happens_after(&begun);
  happens_after(task_);
  __tsan_func_entry(frame_);
  size_ = runner_(argument_, task_);
  __tsan_func_exit();
}

namespace {

// All fibers. Each is running, and then in no list, or idle.
class fibers {
 public:
  // The one of a color, which begins to run.
  fiber& take(color_state& color) {
    const std::lock_guard lock(mutex_);
    if (fiber* const has = color.fiber.its) {
      has->unlink();
      return *has;
    }
    if (count_ == fiber_limit) make_room();
    ++count_;
    if (nowhere_ == nullptr) nowhere_ = make_nowhere();
    return *(color.fiber.its = new fiber(color, nowhere_));
  }

  void give_back(fiber& f) noexcept {
    const std::lock_guard lock(mutex_);
    idle_.push_back(f);
  }

  void end(color_state& color) noexcept {
    const std::lock_guard lock(mutex_);
    fiber* const f = std::exchange(color.fiber.its, nullptr);
    if (f == nullptr) return;
    if (color.kind() != color_kind::fresh) f->release(mark_of(color));
    f->owner = nullptr;
    f->unlink();
    without_color_.push_back(*f);
  }

  void after_all() noexcept {
    {
      const std::lock_guard lock(mutex_);
      for (auto* list : {&idle_, &without_color_}) {
        for (fiber& f : *list) f.release(&ended);
      }
    }
  }

  void lock() noexcept { mutex_.lock(); }
  void unlock() noexcept { mutex_.unlock(); }
  void forget() noexcept {
    idle_.clear();
    without_color_.clear();
    count_ = 0;
  }

 private:
  using list = boost::intrusive::list<fiber, boost::intrusive::constant_time_size<false>>;

  static void* make_nowhere() noexcept {
    void* const made = __tsan_create_fiber(0);
    __tsan_set_fiber_name(made, "the color checker");
    return made;
  }

  void make_room() {
    list& from = without_color_.empty() ? idle_ : without_color_;
    if (from.empty()) return;  // all are running: there are more workers than fit
    fiber& f = from.front();
    f.release(&ended);
    if (f.owner != nullptr) {
      f.release(mark_of(*f.owner));
      f.owner->fiber.its = nullptr;
      tell_limit();
    }
    f.unlink();
    delete &f;
    --count_;
  }

  void tell_limit() noexcept {
    if (std::exchange(told_, true)) return;
    std::fprintf(stderr,
                 "%s: the color checker follows %zu colors at a time, and there are more: of those "
                 "that were idle for the longest, mistakes long ago may no longer be found\n",
                 program_invocation_short_name, fiber_limit);
  }

  quiet_mutex mutex_;

  // Guarded by mutex_.
  list idle_;           // that which was idle for the longest first
  list without_color_;  // their colors have ended, the first ones first: so that what those did is
                        // remembered for as long as there is room
  std::size_t count_ = 0;
  void* nowhere_ = nullptr;
  bool told_ = false;
};

// Never destroyed: callbacks may run while the program exits.
fibers& all_fibers() noexcept {
  static auto& all = *new fibers;
  return all;
}

}  // namespace

block_size run_in_fiber(color_state& color, task* t, task_runner run, void* context) noexcept {
  fiber& f = all_fibers().take(color);
  const block_size size = f.run(t, run, context);
  all_fibers().give_back(f);
  return size;
}

void end_fiber(color_state& color) noexcept { all_fibers().end(color); }

void before_all_fibers() noexcept { happens_before(&begun); }

void after_all_fibers() noexcept {
  all_fibers().after_all();
  happens_after(&ended);
}

namespace {

constinit thread_local bool unobserved_worker = false;
constinit thread_local bool unobserved_for_good = false;

void share_thread_locals(void* begin, std::size_t size) noexcept {
  AnnotateBenignRaceSized(__FILE__, __LINE__, begin, size, "thread-local variables");
}

}  // namespace

worker_context::worker_context() noexcept {
  dl_iterate_phdr(
      [](dl_phdr_info* module, std::size_t, void*) {
        if (module->dlpi_tls_data == nullptr) return 0;
        for (int i = 0; i < module->dlpi_phnum; ++i) {
          if (module->dlpi_phdr[i].p_type != PT_TLS) continue;
          share_thread_locals(module->dlpi_tls_data, module->dlpi_phdr[i].p_memsz);
        }
        return 0;
      },
      nullptr);
  unobserved_worker = true;
  if (!unobserved_for_good) begin_unobserved();
  // What std::shared_ptr and others leave out while there is one thread they need for many colors.
  __libc_single_threaded = 0;
}

worker_context::~worker_context() {
  if (!unobserved_for_good) end_unobserved();
  unobserved_worker = false;
}

// Until the destructors of thread-local variables, and those that C libraries have set for theirs
// (pthread_key_create), have run: keys are gone through several times while there is something
// left, so ours asks for another time, and ends when that comes.
void leave_thread_unobserved() noexcept {
  static pthread_key_t key;
  static const int error = pthread_key_create(&key, [](void* times) {
    if (times == &begun) {
      pthread_setspecific(key, &ended);
    } else {
      end_unobserved();
    }
  });
  if (error != 0 || pthread_setspecific(key, &begun) != 0) return;
  unobserved_for_good = true;
  begin_unobserved();
}

observed::observed() noexcept : paused_(unobserved_worker) {
  if (paused_) end_unobserved();
}

observed::~observed() {
  if (paused_) begin_unobserved();
}

void lock_fibers() noexcept { all_fibers().lock(); }
void unlock_fibers() noexcept { all_fibers().unlock(); }
void forget_fibers() noexcept { all_fibers().forget(); }

}  // namespace async::detail

#endif
