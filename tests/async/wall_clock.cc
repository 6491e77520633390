// clock_gettime(2) for the tests: see wall_clock.h. Takes the place of libc's, also for the calls
// of libstdc++ and libev.
#include "tests/async/wall_clock.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

namespace async::test {
namespace {

std::atomic<std::time_t> wall_clock_error{0};

}  // namespace

wall_clock_set::wall_clock_set(std::chrono::seconds error) { wall_clock_error = error.count(); }
wall_clock_set::~wall_clock_set() { wall_clock_error = 0; }

}  // namespace async::test

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const auto status = static_cast<int>(syscall(SYS_clock_gettime, clock, now));
  if (status == 0 && clock == CLOCK_REALTIME) now->tv_sec += async::test::wall_clock_error;
  return status;
}
