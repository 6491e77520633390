// Messages and ends: see err.h. Serves no stage.
#include "async/err.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace async {

namespace {

char the_name[64];  // written by setprogname(), before other threads read it

constexpr std::size_t longest = 4096;  // what a pipe takes in one piece

// Writes the whole line, or what the other end takes of it.
void put(const char* text, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t n = write(STDERR_FILENO, text, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text += n;
    size -= static_cast<std::size_t>(n);
  }
}

void vsay(const char* kind, const char* format, std::va_list arguments) noexcept {
  const int saved = errno;
  char line[longest];
  const int head = std::snprintf(line, sizeof line, "%s: %s", progname(), kind);
  std::size_t size = std::min(static_cast<std::size_t>(std::max(head, 0)), sizeof line - 1);
  errno = saved;  // for %m
  const int body = std::vsnprintf(line + size, sizeof line - size, format, arguments);
  size = std::min(size + static_cast<std::size_t>(std::max(body, 0)), sizeof line - 1);
  line[size++] = '\n';
  put(line, size);
  errno = saved;
}

}  // namespace

void warn(const char* format, ...) noexcept {
  std::va_list arguments;
  va_start(arguments, format);
  vsay("", format, arguments);
  va_end(arguments);
}

void fatal(const char* format, ...) noexcept {
  std::va_list arguments;
  va_start(arguments, format);
  vsay("fatal: ", format, arguments);
  va_end(arguments);
  std::fflush(nullptr);
  std::_Exit(1);
}

void panic(const char* format, ...) noexcept {
  std::va_list arguments;
  va_start(arguments, format);
  vsay("panic: ", format, arguments);
  va_end(arguments);
  std::abort();
}

void setprogname(const char* argv0) noexcept {
  const char* const slash = std::strrchr(argv0, '/');
  std::snprintf(the_name, sizeof the_name, "%s", slash != nullptr ? slash + 1 : argv0);
  if (the_name[0] != '\0') program_invocation_short_name = the_name;
}

const char* progname() noexcept { return program_invocation_short_name; }

}  // namespace async
