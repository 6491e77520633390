// See kernel_faults.h. These functions stand in front of the C library's in this program.
#include "tests/sfsd/kernel_faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace sfs::test {
namespace {

std::atomic<kernel_faults*> in_force{nullptr};

template <class Function>
Function next_one(const char* name) noexcept {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

void let_others_go_first() {
  kernel_faults* const f = faults();
  if (f && f->meanwhile) std::thread(std::exchange(f->meanwhile, nullptr)).join();
}

template <class Function, class... Args>
int late(const char* name, Args... args) {
  let_others_go_first();
  return next_one<Function>(name)(args...);
}

int sync(int fd, std::atomic<int> kernel_faults::*count, const char* name) noexcept {
  if (kernel_faults* const f = faults()) {
    ++(f->*count);
    let_others_go_first();
    const bool writes = (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    if (f->sync_error != 0 && (writes || !f->sync_error_is_old)) {
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
    sfs::test::let_others_go_first();
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

extern "C" int open_by_handle_at(int mount, struct file_handle* handle, int flags) {
  if (sfs::test::kernel_faults* const f = sfs::test::faults(); f && f->handles_short > 0) {
    --f->handles_short;
    errno = ENOMEM;
    return -1;
  }
  using function = int (*)(int, struct file_handle*, int);
  return sfs::test::next_one<function>("open_by_handle_at")(mount, handle, flags);
}

extern "C" int ftruncate(int fd, off_t size) {
  return sfs::test::late<int (*)(int, off_t)>("ftruncate", fd, size);
}

extern "C" int mkdirat(int at, const char* path, mode_t mode) {
  return sfs::test::late<int (*)(int, const char*, mode_t)>("mkdirat", at, path, mode);
}

extern "C" int unlinkat(int at, const char* path, int flags) {
  return sfs::test::late<int (*)(int, const char*, int)>("unlinkat", at, path, flags);
}

extern "C" int renameat(int from, const char* name, int to, const char* new_name) {
  using function = int (*)(int, const char*, int, const char*);
  return sfs::test::late<function>("renameat", from, name, to, new_name);
}

extern "C" int linkat(int from, const char* name, int to, const char* new_name, int flags) {
  using function = int (*)(int, const char*, int, const char*, int);
  return sfs::test::late<function>("linkat", from, name, to, new_name, flags);
}
