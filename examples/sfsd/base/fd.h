// fd_owner: a file descriptor that closes itself. Serves no stage of its own.
//
// Thread safety: like a unique_ptr.
// Invariant: a descriptor that is held is closed exactly once.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace sfs {

class fd_owner {
 public:
  fd_owner() noexcept = default;
  explicit fd_owner(int fd) noexcept : fd_(fd) {}
  fd_owner(fd_owner&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  fd_owner& operator=(fd_owner&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~fd_owner() {
    if (fd_ >= 0) ::close(fd_);
  }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// What errno says, in words.
inline std::string system_reason() { return std::generic_category().message(errno); }

}  // namespace sfs
