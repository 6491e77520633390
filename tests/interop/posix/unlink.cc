// unlink(), unlinkat(), and files that are open without a name.
#include <sys/mman.h>

#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

int unlink_at(const char* p) noexcept { return unlinkat(AT_FDCWD, p, 0); }

std::vector<path_call> calls() {
  return {{"unlink", unlink, false, false}, {"unlinkat", unlink_at, false, false}};
}

CASE(unlink, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(unlink, search_permission) { check_search(calls()); }

ROOT_CASE(unlink, parent_permission) {
  std::vector<entry_call> all;
  for (type t : every_type_but({type::directory})) {
    auto prepare = [t](const std::string& dir, const std::string&, const user&) {
      make(t, dir + "/f", 0);  // its own mode and owner do not matter
    };
    all.push_back(
        {std::string("unlink of ") + name_of(t), prepare,
         [](const std::string& dir, const std::string&) { return unlink((dir + "/f").c_str()); }});
  }
  check_parent(all);
}

CASE(unlink, removes_each_type) {
  for (type t : every_type_but({type::directory})) {
    for (auto* run : {unlink, unlink_at}) {
      context of{name_of(t)};
      MUST(mkdir("d", 0755));
      make(t, "d/f");
      watch({{"d", both}, {".", nothing}}, [&] { WORKS(run("d/f")); });
      CHECK(!exists("d/f"));
      watch({{"d", nothing}}, [&] { FAILS(ENOENT, run("d/f")); });
      EQUAL(names_in("d").size(), 0u);
      MUST(rmdir("d"));
    }
  }
}

CASE(unlink, not_directories) {
  MUST(mkdir("d", 0755));
  MUST(mkdir("d/e", 0755));
  watch({{"d", nothing}, {"d/e", nothing}, {".", nothing}}, [] {
    for (const char* path : {"d", "d/e", "d/", "d/e/", ".", "..", "d/.", "d/.."}) {
      context of{path};
      FAILS_EITHER(EISDIR, EPERM, unlink(path));
      FAILS_EITHER(EISDIR, EPERM, unlink_at(path));
    }
  });
  MUST(symlink("d", "l"));
  FAILS_EITHER(ENOTDIR, EISDIR, unlink("l/"));
  FAILS(EINVAL, unlinkat(AT_FDCWD, "l", 0x40000000));
  WORKS(unlink("l"));
  CHECK(exists("d/e"));
}

CASE(unlink, the_link_and_not_its_target) {
  write_file("f", "content");
  MUST(symlink("f", "l"));
  MUST(symlink("missing", "dangling"));
  MUST(symlink("loop", "loop"));
  watch({{"f", nothing}}, [] { WORKS(unlink("l")); });
  WORKS(unlink("dangling"));
  WORKS(unlink("loop"));
  EQUAL(read_file("f"), "content");
  EQUAL(names_in(".").size(), 1u);
}

CASE(unlink, one_of_two_names) {
  if (lacks(feature::links)) return;
  for (type t : every_type_but({type::directory})) {
    context of{name_of(t)};
    make(t, "f");
    MUST(linkat(AT_FDCWD, "f", AT_FDCWD, "g", 0));
    watch({{"g", changed}}, [] { WORKS(unlink("f")); });
    EQUAL(look("g").st_nlink, 1);
    EQUAL(look("g").st_mode & S_IFMT, format_of(t));
    MUST(unlink("g"));
  }
}

CASE(unlink, open_files_live_on) {
  write_file("f", "content");
  int fd = open("f", O_RDWR), another = open("f", O_RDONLY);
  MUST(fd);
  struct stat before, after;
  MUST(fstat(fd, &before));
  std::vector<watched> files{{".", both}};
  if (has(feature::open_unlinked)) files.push_back({fd, changed});
  watch(files, [] { WORKS(unlink("f")); });
  FAILS(ENOENT, open("f", O_RDONLY));
  WORKS(fstat(fd, &after));
  EQUAL(after.st_ino, before.st_ino);
  EQUAL(after.st_size, 7);
  char bytes[16];
  EQUAL(pread(fd, bytes, sizeof bytes, 0), 7);
  EQUAL(std::string(bytes, 7), "content");
  EQUAL(pwrite(fd, "CONTENTS", 8, 0), 8);
  EQUAL(read(another, bytes, sizeof bytes), 8);
  EQUAL(std::string(bytes, 8), "CONTENTS");
  if (!lacks(feature::unlinked_nlink)) EQUAL(after.st_nlink, 0);
  WORKS(fsync(fd));
  // The name is free, and is another file's when it is taken.
  write_file("f", "other");
  EQUAL(pread(fd, bytes, sizeof bytes, 0), 8);
  CHECK(look("f").st_ino != before.st_ino);
  WORKS(close(fd));
  WORKS(close(another));
  EQUAL(read_file("f"), "other");
  EQUAL(names_in(".").size(), 1u);
}

CASE(unlink, every_call_on_an_open_nameless_file) {
  if (lacks(feature::open_unlinked)) return;
  int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0644);
  MUST(fd);
  MUST(unlink("f"));
  struct stat s;
  WORKS(fchmod(fd, 0600));
  MUST(fstat(fd, &s));
  EQUAL(octal(s.st_mode), octal(S_IFREG | 0600));
  WORKS(fchown(fd, geteuid(), getegid()));
  EQUAL(write(fd, "content", 7), 7);
  WORKS(ftruncate(fd, 3));
  WORKS(fstat(fd, &s));
  EQUAL(s.st_size, 3);
  const timespec times[2]{{1000, 1}, {2000, 2}};
  WORKS(futimens(fd, times));
  MUST(fstat(fd, &s));
  EQUAL(s.st_atim.tv_sec, 1000);
  EQUAL(s.st_mtim.tv_sec, 2000);
  WORKS(fdatasync(fd));
  WORKS(ftruncate(fd, 4096));
  void* map = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  CHECK(map != MAP_FAILED);
  if (map != MAP_FAILED) EQUAL(std::string(static_cast<char*>(map), 3), "con");
  EQUAL(lseek(fd, 0, SEEK_END), 4096);
  close(fd);
}

// The directory is empty although the file that was in it is still open.
CASE(unlink, directory_of_an_open_file_can_go) {
  if (lacks(feature::nameless)) return;
  MUST(mkdir("d", 0755));
  write_file("d/f", "content");
  int fd = open("d/f", O_RDWR);
  MUST(fd);
  MUST(unlink("d/f"));
  EQUAL(names_in("d").size(), 0u);
  WORKS(rmdir("d"));
  char bytes[16];
  EQUAL(pread(fd, bytes, sizeof bytes, 0), 7);
  EQUAL(pwrite(fd, "more", 4, 7), 4);
  EQUAL(pread(fd, bytes, sizeof bytes, 0), 11);
  WORKS(close(fd));
}

CASE(unlink, many_open_files) {
  std::vector<int> fds;
  for (int i = 0; i < 100; ++i) {
    fds.push_back(open("f", O_RDWR | O_CREAT | O_EXCL, 0600));
    MUST(fds.back());
    MUST(pwrite(fds.back(), &i, sizeof i, 0) == sizeof i ? 0 : -1);
    MUST(unlink("f"));
  }
  for (int i = 0; i < 100; ++i) {
    int found = -1;
    EQUAL(pread(fds[static_cast<std::size_t>(i)], &found, sizeof found, 0), sizeof found);
    EQUAL(found, i);
    close(fds[static_cast<std::size_t>(i)]);
  }
  EQUAL(names_in(".").size(), 0u);
}

}  // namespace
}  // namespace posix
