// A file that the environment asks a program to write: ASYNC_TRACE, ASYNC_METRICS (no stage).
//
// Thread-safety: begin() before main(), forget() in a forked child; the others by any thread.
#pragma once

#include <string>

namespace async::detail {

class environment_output {
 public:
  // `variable` names the file, `nothing` says what there will not be if it can't be begun; write()
  // may throw what is a std::exception.
  environment_output(const char* variable, const char* nothing,
                     void (*write)(const std::string& file)) noexcept
      : variable_(variable), nothing_(nothing), write_(write) {}

  // If the environment names a file: calls start(), which may throw, and has exit() call at_exit().
  // A message says so if its folder is not there.
  void begin(void (*start)(), void (*at_exit)()) noexcept;

  // If there is a file. A message says what fails.
  void write() const noexcept;
  // The same by exit(), if a runtime is running then.
  void write_at_exit() const noexcept;

  // To standard error.
  void say(const char* what, const char* why) const noexcept;

  // The file is the parent's.
  void forget() noexcept { file_.clear(); }

 private:
  const char* const variable_;
  const char* const nothing_;
  void (*const write_)(const std::string& file);
  std::string file_;  // `%p` in it is not replaced yet; empty if there is none
};

}  // namespace async::detail
