#include "mp/detail/environment_output.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "mp/detail/output_file.h"
#include "mp/detail/scheduler.h"

namespace async::detail {

void environment_output::begin(void (*start)(), void (*at_exit)()) noexcept {
  const char* const file = secure_getenv(variable_);
  if (file == nullptr || *file == '\0') return;
  try {
    start();
    file_ = file;
    std::atexit(at_exit);
  } catch (const std::exception& e) {
    say(nothing_, e.what());
  }
}

void environment_output::write() const noexcept {
  if (file_.empty()) return;
  try {
    write_(with_process_id(file_));
  } catch (const std::exception& e) {
    say(file_.c_str(), e.what());
  }
}

void environment_output::write_at_exit() const noexcept {
  if (queue().running.load()) write();
}

void environment_output::say(const char* what, const char* why) const noexcept {
  std::fprintf(stderr, "%s: %s: %s: %s\n", program_invocation_short_name, variable_, what, why);
}

}  // namespace async::detail
