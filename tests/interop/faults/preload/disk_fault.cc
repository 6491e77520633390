// A disk that fails when it is told to, for a program that this library is loaded into
// (LD_PRELOAD): as long as the file that DISK_FAULT names is there, fsync and fdatasync fail with
// EIO.
//
// Serves no stage. Thread safety: any thread.
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

int sync(const char* name, int fd) {
  static const char* const sign = std::getenv("DISK_FAULT");
  if (sign && ::access(sign, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, name))(fd);
}

}  // namespace

extern "C" int fsync(int fd) { return sync("fsync", fd); }
extern "C" int fdatasync(int fd) { return sync("fdatasync", fd); }
