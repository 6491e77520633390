// What the library tells the color race checker (`scons sanitize=colors`; mp/detail/fibers.h): what
// orders two colors, and what is not to be looked at. In every other build it is nothing, and no
// code comes of it.
//
// To the checker each color is a thread of its own, and an access of one color that nothing orders
// before an access of another to the same datum is a mistake. The library's own locks and atomics
// would order nearly everything, by luck; so they are hidden (`unobserved`, quiet_mutex), and what
// the library promises its users is said in so many words (happens_before, happens_after): that a
// callback comes after its post, for one.
//
// Stage: none (layer 0).
// Thread safety: everything here is about the calling thread, or the color that it runs.
#pragma once

#include <mutex>

#include "wrap/detail/sanitizers.h"

#if defined(ASYNC_CHECK_COLORS)

#if !defined(__SANITIZE_THREAD__) || defined(ASYNC_UNIPROCESSOR)
#error "ASYNC_CHECK_COLORS is for -fsanitize=thread, and not for ASYNC_UNIPROCESSOR"
#endif

#include <sanitizer/tsan_interface.h>

// A function that reads and writes without being looked at; it is left out of the stacks in
// reports.
#if defined(__clang__)
#define ASYNC_UNCHECKED __attribute__((disable_sanitizer_instrumentation))
#else
#define ASYNC_UNCHECKED __attribute__((no_sanitize("thread")))
#endif

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
}

namespace async::detail {

inline constexpr bool colors_checked = true;

// All that the caller has done so far comes before what follows a happens_after(what) that is
// called later.
inline void happens_before(const void* what) noexcept { __tsan_release(const_cast<void*>(what)); }
inline void happens_after(const void* what) noexcept { __tsan_acquire(const_cast<void*>(what)); }

// Nothing that the caller reads and writes (Reads stands for both) is looked at, and no lock or
// atomic orders anything, until the end. May be nested.
inline void begin_unobserved() noexcept {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
}
inline void end_unobserved() noexcept {
  AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

class unobserved {
 public:
  unobserved() noexcept { begin_unobserved(); }
  unobserved(const unobserved&) = delete;
  ~unobserved() { end_unobserved(); }
};

// A mutex of the library's own: what is done while it is held is unobserved.
class quiet_mutex {
 public:
  void lock() {
    begin_unobserved();
    mutex_.lock();
  }
  void unlock() {
    mutex_.unlock();
    end_unobserved();
  }

 private:
  std::mutex mutex_;
};

}  // namespace async::detail

#else

#define ASYNC_UNCHECKED

namespace async::detail {

inline constexpr bool colors_checked = false;

inline void happens_before(const void*) noexcept {}
inline void happens_after(const void*) noexcept {}

struct [[maybe_unused]] unobserved {};

using quiet_mutex = std::mutex;

}  // namespace async::detail

#endif
