// Call sites as frames: see detail/call_sites.h; and what the color checker asks of
// ThreadSanitizer. Serves no stage.
//
// ThreadSanitizer takes an address with the bit `made_up` for one that the program has made up, and
// asks the program what it stands for: so they are indices here.
#include "mp/detail/call_sites.h"

#include "wrap/detail/color_check.h"

#if defined(ASYNC_CHECK_COLORS)

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace async::detail {

namespace {

constexpr std::uintptr_t made_up = std::uintptr_t{1} << 60;

struct call_site {
  const char* file = nullptr;
  const char* function = nullptr;
  std::uint_least32_t line = 0;
};

// Open addressing. Those that find no room are all the first, which is none.
constexpr std::size_t most = std::size_t{1} << 14;
constinit std::array<call_site, most> sites{};
constinit quiet_mutex mutex;  // guards the writing of sites: one that has an address stays

// What is asked for a report may call nothing that is checked itself.

ASYNC_UNCHECKED std::uintptr_t append(char* to, std::uintptr_t size, std::uintptr_t at,
                                      const char* text) {
  for (; *text != '\0' && at + 1 < size; ++text) to[at++] = *text;
  if (at < size) to[at] = '\0';
  return at;
}

ASYNC_UNCHECKED bool describe(std::uintptr_t index, char* function, std::uintptr_t function_size,
                              char* file, std::uintptr_t file_size, int* line) {
  if (index >= most) return false;
  const call_site* const site = reinterpret_cast<const call_site*>(&sites) + index;
  const bool known = site->file != nullptr;
  const std::uintptr_t said =
      append(function, function_size, 0, "the callback wrapped or posted in ");
  append(function, function_size, said, known ? site->function : "one of too many places");
  append(file, file_size, 0, known ? site->file : "<unknown>");
  *line = static_cast<int>(site->line);
  return true;
}

}  // namespace

void* frame_of(where site) noexcept {
  const std::lock_guard lock(mutex);
  const char* const file = site.file_name();
  const std::uint_least32_t line = site.line();
  const std::uintptr_t key = (reinterpret_cast<std::uintptr_t>(file) ^ line) * 0x9e3779b97f4a7c15u;
  std::size_t index = key >> 50;
  for (std::size_t tries = 0; tries < 64; ++tries, index = (index + 1) % most) {
    call_site& there = sites[index];
    if (index == 0) continue;
    if (there.file == nullptr) there = {file, site.function_name(), line};
    if (there.file == file && there.line == line) {
      return reinterpret_cast<void*>(made_up | index << 4);
    }
  }
  return reinterpret_cast<void*>(made_up);
}

}  // namespace async::detail

extern "C" {

// Asked for each address with the bit `made_up`, less the one byte that makes a caller's address
// one of its call.
ASYNC_UNCHECKED bool __tsan_symbolize_external(std::uintptr_t address, char* function,
                                               std::uintptr_t function_size, char* file,
                                               std::uintptr_t file_size, int* line, int* column) {
  *column = 0;
  return async::detail::describe((address & ~async::detail::made_up) >> 4, function, function_size,
                                 file, file_size, line);
}

// io_sync: otherwise each write to a socket comes before each read of any other, and so does
// whatever a color did before, whichever the colors are. Locks are for another checker.
const char* __tsan_default_options() {
  return "io_sync=0:detect_deadlocks=0:stack_trace_format='    #%n %f %S'";
}
}

#endif
