// See kernel_faults.h. These functions stand in front of the C library's in this program.
#include "tests/sfsd/kernel_faults.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sfs::test {
namespace {

std::atomic<kernel_faults*> in_force{nullptr};

template <class Function>
Function next_one(const char* name) noexcept {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

int sync(int fd, std::atomic<int> kernel_faults::*count, const char* name) noexcept {
  if (kernel_faults* const f = faults()) {
    ++(f->*count);
    if (f->sync_error != 0) {
      errno = f->sync_error;
      return -1;
    }
  }
  return next_one<int (*)(int)>(name)(fd);
}

template <class Function, class... Args>
int set_times(const char* name, Args... args) noexcept {
  if (kernel_faults* const f = faults(); f && f->times_error != 0) {
    errno = f->times_error;
    return -1;
  }
  return next_one<Function>(name)(args...);
}

}  // namespace

kernel_faults* faults() noexcept { return in_force.load(); }
faults_for_a_test::faults_for_a_test() noexcept { in_force = this; }
faults_for_a_test::~faults_for_a_test() { in_force = nullptr; }

}  // namespace sfs::test

extern "C" int fsync(int fd) {
  return sfs::test::sync(fd, &sfs::test::kernel_faults::fsyncs, "fsync");
}

extern "C" int fdatasync(int fd) {
  return sfs::test::sync(fd, &sfs::test::kernel_faults::fdatasyncs, "fdatasync");
}

extern "C" int futimens(int fd, const timespec* times) {
  return sfs::test::set_times<int (*)(int, const timespec*)>("futimens", fd, times);
}

extern "C" int utimensat(int at, const char* path, const timespec* times, int flags) {
  using function = int (*)(int, const char*, const timespec*, int);
  return sfs::test::set_times<function>("utimensat", at, path, times, flags);
}

extern "C" ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  if (sfs::test::kernel_faults* const f = sfs::test::faults()) {
    if (f->write_error != 0 && f->writes_left-- <= 0) {
      errno = f->write_error;
      return -1;
    }
    if (f->write_most != 0) size = std::min<size_t>(size, f->write_most);
  }
  static const auto next =
      sfs::test::next_one<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return next(fd, data, size, offset);
}
