#include "mp/detail/environment_output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

#include "mp/detail/output_file.h"
#include "mp/detail/scheduler.h"

namespace async::detail {
namespace {

bool folder_exists(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == file.npos || ::access(file.substr(0, slash + 1).c_str(), F_OK) == 0;
}

}  // namespace

void environment_output::begin(void (*start)(), void (*at_exit)()) noexcept {
  const char* const file = secure_getenv(variable_);
  if (file == nullptr || *file == '\0') return;
  try {
    start();
    file_ = file;
    std::atexit(at_exit);
    if (!folder_exists(with_process_id(file_))) say(file, "there is no such folder, as yet");
  } catch (const std::exception& e) {
    say(nothing_, e.what());
  }
}

void environment_output::write() const noexcept {
  if (file_.empty()) return;
  try {
    write_(with_process_id(file_));
  } catch (const std::system_error& e) {
    say(file_.c_str(), e.code().message().c_str());
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
