// The main program of every test binary, and the seed that it prints and accepts.
//
// Serves no stage of the data flow: the tests of all six use it.
// Invariant: the seed is set once, before any test runs, and never changes.
#include "tests/support/support.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace async::test {

namespace {

std::uint64_t the_seed = 0;

// Aborts the program with status 2 when `text` is not a whole number.
std::uint64_t parse_seed(const char* text) {
  char* end = nullptr;
  const std::uint64_t seed = std::strtoull(text, &end, 0);
  if (end != text && *end == '\0') return seed;
  std::fprintf(stderr, "not a seed: %s\n", text);
  std::exit(2);
}

std::uint64_t choose_seed(int argc, char** argv) {
  constexpr std::string_view option = "--seed=";
  for (int i = 1; i < argc; i++)
    if (std::string_view(argv[i]).starts_with(option)) return parse_seed(argv[i] + option.size());
  if (const char* text = std::getenv("ASYNC_TEST_SEED")) return parse_seed(text);
  return std::random_device{}();
}

}  // namespace

std::uint64_t test_seed() noexcept { return the_seed; }

prng make_prng(std::uint64_t stream) {
  std::seed_seq words{the_seed & 0xffffffffu, the_seed >> 32, stream & 0xffffffffu, stream >> 32};
  return prng(words);
}

std::filesystem::path build_dir() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
}

void baton::post() {
  // Notified under the lock, so that no part of the baton is touched once its wait() may return.
  const std::lock_guard lock(mutex_);
  posts_++;
  posted_.notify_one();
}

void baton::wait() {
  std::unique_lock lock(mutex_);
  posted_.wait(lock, [this] { return posts_ > 0; });
  posts_--;
}

bool baton::try_wait() {
  const std::lock_guard lock(mutex_);
  if (posts_ == 0) return false;
  posts_--;
  return true;
}

}  // namespace async::test

#if defined(__SANITIZE_THREAD__)
// getaddrinfo() takes a lock of glibc's, which ThreadSanitizer does not see.
extern "C" const char* __tsan_default_suppressions() { return "race:__check_pf\n"; }
#endif

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  async::test::the_seed = async::test::choose_seed(argc, argv);
  std::printf("seed: %llu\n", static_cast<unsigned long long>(async::test::test_seed()));
  std::fflush(stdout);
  return RUN_ALL_TESTS();
}
