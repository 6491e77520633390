// Immutable and append-only files, where the file system has them.
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

// As chattr does. False if the file system cannot.
bool set_flag(const char* path, int flag, bool on) {
  int fd = open(path, O_RDONLY | O_NONBLOCK);
  MUST(fd);
  int flags = 0;
  bool done = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
  flags = on ? flags | flag : flags & ~flag;
  done = done && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
  close(fd);
  return done;
}

// The flag, for as long as the object lives; nothing could be removed otherwise.
class flagged {
 public:
  flagged(const char* path, int flag) : path_(path), flag_(flag), set_(set_flag(path, flag, true)) {
    if (!set_) skip("no flags of files here");
  }
  ~flagged() {
    if (set_) set_flag(path_, flag_, false);
  }
  explicit operator bool() const { return set_; }

 private:
  const char* path_;
  int flag_;
  bool set_;
};

ROOT_CASE(flags, immutable_files) {
  if (lacks(feature::immutable)) return;
  write_file("f", "content");
  flagged f("f", FS_IMMUTABLE_FL);
  if (!f) return;
  const timespec times[2]{{1, 0}, {1, 0}};
  watch({{"f", nothing}, {".", nothing}}, [&] {
    FAILS(EPERM, chmod("f", 0600));
    FAILS(EPERM, chown("f", 1, 1));
    FAILS(EPERM, open("f", O_WRONLY));
    FAILS(EPERM, open("f", O_RDWR | O_APPEND));
    FAILS(EPERM, truncate("f", 0));
    FAILS(EPERM, unlink("f"));
    FAILS(EPERM, rename("f", "g"));
    FAILS(EPERM, link("f", "g"));
    FAILS(EPERM, utimensat(AT_FDCWD, "f", times, 0));
  });
  EQUAL(read_file("f"), "content");
}

ROOT_CASE(flags, immutable_directories) {
  if (lacks(feature::immutable)) return;
  MUST(mkdir("d", 0755));
  write_file("d/f", "content");
  write_file("g", "");
  flagged d("d", FS_IMMUTABLE_FL);
  if (!d) return;
  watch({{"d", nothing}, {"d/f", nothing}}, [] {
    FAILS(EPERM, open("d/new", O_RDWR | O_CREAT, 0644));
    FAILS(EPERM, mkdir("d/new", 0755));
    FAILS(EPERM, symlink("x", "d/new"));
    FAILS(EPERM, mkfifo("d/new", 0644));
    FAILS(EPERM, link("g", "d/new"));
    FAILS(EPERM, unlink("d/f"));
    FAILS(EPERM, rename("d/f", "d/new"));
    FAILS(EPERM, rename("g", "d/new"));
    FAILS(EPERM, rename("d", "e"));
    FAILS(EPERM, chmod("d", 0700));
  });
  WORKS(truncate("d/f", 3));
}

ROOT_CASE(flags, append_only_files) {
  if (lacks(feature::immutable)) return;
  write_file("f", "content");
  flagged f("f", FS_APPEND_FL);
  if (!f) return;
  FAILS(EPERM, open("f", O_WRONLY));
  FAILS(EPERM, open("f", O_WRONLY | O_APPEND | O_TRUNC));
  FAILS(EPERM, truncate("f", 0));
  FAILS(EPERM, unlink("f"));
  FAILS(EPERM, rename("f", "g"));
  int fd = open("f", O_WRONLY | O_APPEND);
  WORKS(fd);
  EQUAL(write(fd, "more", 4), 4);
  close(fd);
  EQUAL(read_file("f"), "contentmore");
}

ROOT_CASE(flags, append_only_directories) {
  if (lacks(feature::immutable)) return;
  MUST(mkdir("d", 0755));
  write_file("d/f", "content");
  flagged d("d", FS_APPEND_FL);
  if (!d) return;
  WORKS(mkdir("d/new", 0755));
  FAILS(EPERM, unlink("d/f"));
  FAILS(EPERM, rmdir("d/new"));
  FAILS(EPERM, rename("d/f", "d/g"));
}

}  // namespace
}  // namespace posix
