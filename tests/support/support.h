// What every test program shares: what it was built with, the seed of its randomness, and a way
// for threads to wait.
//
// Serves no stage of the data flow: the tests of all six use it.
// Thread safety: everything here may be called from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <random>

#include "wrap/detail/sanitizers.h"

namespace async::test {

// What this program was built with: some tests are lighter, or not possible, under a sanitizer.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool under_asan = true;
#else
inline constexpr bool under_asan = false;
#endif
#if defined(__SANITIZE_THREAD__)
inline constexpr bool under_tsan = true;
#else
inline constexpr bool under_tsan = false;
#endif
inline constexpr bool sanitized = under_asan || under_tsan;

// The seed of this run: `--seed=N`, else the environment's ASYNC_TEST_SEED, else a random one.
// Printed as `seed: N` when the program starts, so that a failing run can be repeated.
std::uint64_t test_seed() noexcept;

// A small seeded generator. Give each use of randomness in a test its own `stream`, so that adding
// one does not change what the others draw.
using prng = std::mt19937_64;
prng make_prng(std::uint64_t stream = 0);

// The directory of the build variant that this program belongs to, found from the program's own
// place in it; `build_dir() / "examples/01_timer"` is an example built with the same options.
std::filesystem::path build_dir();

// A hand-over between threads: each wait() returns after one post() that no other wait() has used,
// and sees what was written before that post(). May be used again, and posted ahead of the wait;
// may be destroyed as soon as the last wait() has returned.
class baton {
 public:
  void post();
  void wait();
  bool try_wait();  // takes a post() if there is one; never blocks

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  unsigned posts_ = 0;  // not yet waited for; guarded by mutex_
};

}  // namespace async::test
