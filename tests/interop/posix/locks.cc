// Locks between processes: fcntl() and flock().
#include <sys/file.h>
#include <sys/wait.h>

#include <functional>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

struct flock range(short kind, off_t start, off_t size) {
  struct flock f {};
  f.l_type = kind;
  f.l_whence = SEEK_SET;
  f.l_start = start;
  f.l_len = size;
  return f;
}

int set_lock(int fd, short kind, off_t start, off_t size) {
  struct flock f = range(kind, start, size);
  return fcntl(fd, F_SETLK, &f);
}

// Runs checks in another process: locks are a process's own.
void elsewhere_do(const std::function<void()>& body) {
  pid_t child = fork();
  if (child == 0) {
    try {
      body();
    } catch (const stopped&) {}
    _exit(0);
  }
  int status = -1;
  MUST(waitpid(child, &status, 0));
  EQUAL(status, 0);
}

CASE(locks, exclude_each_other) {
  if (lacks(feature::locks)) return;
  write_file("f", "content");
  int fd = open("f", O_RDWR);
  for (short held : {short{F_RDLCK}, short{F_WRLCK}}) {
    for (short wanted : {short{F_RDLCK}, short{F_WRLCK}}) {
      context which{held, " and ", wanted};
      MUST(set_lock(fd, held, 10, 10));
      elsewhere_do([&] {
        int own = open("f", O_RDWR);
        const bool may = held == F_RDLCK && wanted == F_RDLCK;
        for (auto [start, size] :
             {std::pair{10L, 10L}, {0L, 11L}, {19L, 1L}, {0L, 0L}, {15L, 2L}}) {
          if (may) {
            WORKS(set_lock(own, wanted, start, size));
            WORKS(set_lock(own, F_UNLCK, start, size));
          } else {
            FAILS_EITHER(EAGAIN, EACCES, set_lock(own, wanted, start, size));
          }
        }
        WORKS(set_lock(own, wanted, 0, 10));
        WORKS(set_lock(own, wanted, 20, 0));
      });
      MUST(set_lock(fd, F_UNLCK, 0, 0));
    }
  }
}

CASE(locks, tell_who_holds_them) {
  if (lacks(feature::locks)) return;
  write_file("f", "content");
  int fd = open("f", O_RDWR);
  MUST(set_lock(fd, F_WRLCK, 5, 7));
  const pid_t holder = getpid();
  elsewhere_do([&] {
    int own = open("f", O_RDWR);
    struct flock f = range(F_RDLCK, 0, 0);
    WORKS(fcntl(own, F_GETLK, &f));
    EQUAL(f.l_type, F_WRLCK);
    EQUAL(f.l_start, 5);
    EQUAL(f.l_len, 7);
    EQUAL(f.l_pid, holder);
    f = range(F_WRLCK, 12, 0);
    WORKS(fcntl(own, F_GETLK, &f));
    EQUAL(f.l_type, F_UNLCK);
  });
}

CASE(locks, go_with_any_descriptor_of_the_process) {
  if (lacks(feature::locks)) return;
  write_file("f", "content");
  int fd = open("f", O_RDWR);
  MUST(set_lock(fd, F_WRLCK, 0, 0));
  elsewhere_do([] { FAILS_EITHER(EAGAIN, EACCES, set_lock(open("f", O_RDWR), F_WRLCK, 0, 0)); });
  close(open("f", O_RDONLY));
  elsewhere_do([] { WORKS(set_lock(open("f", O_RDWR), F_WRLCK, 0, 0)); });
  // And those of a process with the process: the one above has ended.
  WORKS(set_lock(fd, F_WRLCK, 0, 0));
}

CASE(locks, need_the_access_mode) {
  if (lacks(feature::locks)) return;
  write_file("f", "content");
  int reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);
  FAILS(EBADF, set_lock(reader, F_WRLCK, 0, 0));
  FAILS(EBADF, set_lock(writer, F_RDLCK, 0, 0));
  WORKS(set_lock(reader, F_RDLCK, 0, 0));
  FAILS(EINVAL, set_lock(reader, 77, 0, 0));
  FAILS(EINVAL, set_lock(reader, F_RDLCK, -1, 1));
}

CASE(locks, flock_is_of_the_open_file) {
  if (lacks(feature::locks)) return;
  write_file("f", "content");
  int one = open("f", O_RDWR), two = open("f", O_RDONLY), twin = dup(one);
  WORKS(flock(one, LOCK_EX | LOCK_NB));
  FAILS(EWOULDBLOCK, flock(two, LOCK_EX | LOCK_NB));
  FAILS(EWOULDBLOCK, flock(two, LOCK_SH | LOCK_NB));
  WORKS(flock(twin, LOCK_EX | LOCK_NB));
  WORKS(flock(one, LOCK_SH | LOCK_NB));
  WORKS(flock(two, LOCK_SH | LOCK_NB));
  FAILS(EWOULDBLOCK, flock(one, LOCK_EX | LOCK_NB));
  WORKS(flock(two, LOCK_UN));
  WORKS(flock(one, LOCK_EX | LOCK_NB));  // the refused conversion may have lost the lock
  close(one);
  elsewhere_do([] { FAILS(EWOULDBLOCK, flock(open("f", O_RDWR), LOCK_EX | LOCK_NB)); });
  close(twin);
  elsewhere_do([] { WORKS(flock(open("f", O_RDWR), LOCK_EX | LOCK_NB)); });
}

}  // namespace
}  // namespace posix
