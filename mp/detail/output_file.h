// A file that is written for somebody to read (no stage).
//
// Thread-safety: each by one thread at a time.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace async::detail {

// The name with `%p` replaced by the process's number.
std::string with_process_id(std::string_view name);

// What no other name ends with that is being written now, by this process or another one.
std::string own_suffix();

// A file that is there only when it is complete.
class output_file {
 public:
  explicit output_file(const std::string& name) : name_(name), written_(name) {
    struct stat status;
    // A pipe or a terminal can't be replaced.
    replaces_ = stat(name.c_str(), &status) != 0 || S_ISREG(status.st_mode);
    if (replaces_) written_ += own_suffix();
    file_.reset(std::fopen(written_.c_str(), "we"));
    if (file_ == nullptr) fail();
  }
  ~output_file() {
    if (file_ != nullptr && replaces_) std::remove(written_.c_str());
  }
  output_file(const output_file&) = delete;

  [[gnu::format(printf, 2, 3)]] void print(const char* format, ...) {
    std::va_list arguments;
    va_start(arguments, format);
    std::vfprintf(file_.get(), format, arguments);
    va_end(arguments);
  }

  void finish() {
    const bool failed = std::ferror(file_.get()) != 0;
    if (std::fclose(file_.release()) != 0 || failed ||
        (replaces_ && std::rename(written_.c_str(), name_.c_str()) != 0)) {
      const int error = errno;
      if (replaces_) std::remove(written_.c_str());
      errno = error != 0 ? error : EIO;
      fail();
    }
  }

 private:
  struct closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  [[noreturn]] void fail() const { throw std::system_error(errno, std::generic_category(), name_); }

  const std::string name_;
  std::string written_;  // the name of what is written
  bool replaces_ = false;
  std::unique_ptr<std::FILE, closer> file_;
};

}  // namespace async::detail
