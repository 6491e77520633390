// stat(), lstat(), access(), chdir(), statvfs() and pathconf(): what they say, and of bad paths.
#include <dirent.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

int stat_of(const char* p) {
  struct stat s;
  return stat(p, &s);
}

int lstat_of(const char* p) {
  struct stat s;
  return lstat(p, &s);
}

int statvfs_of(const char* p) {
  struct statvfs s;
  return statvfs(p, &s);
}

int open_directory(const char* p) {
  DIR* dir = opendir(p);
  return dir ? closedir(dir) : -1;
}

std::vector<path_call> calls() {
  return {{"stat", stat_of},
          {"lstat", lstat_of, false, false},
          {"access", [](const char* p) { return access(p, F_OK); }},
          {"chdir", chdir},
          {"statvfs", statvfs_of},
          {"opendir", open_directory}};
}

CASE(stat, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(stat, search_permission) { check_search(calls()); }

// A file needs no permission of its own to be looked at.
ROOT_CASE(stat, needs_no_permission_of_the_file) {
  for (type t : every_type()) {
    make(t, "f", 0, owner.uid, shared);
    for (const user& u : four_users) {
      context of{name_of(t)};
      as(u, [&] {
        WORKS(lstat_of("f"));
        EQUAL(look("f").st_uid, owner.uid);
        EQUAL(look("f").st_mode & S_IFMT, format_of(t));
      });
    }
    unmake(t, "f");
  }
}

CASE(stat, by_name_and_by_descriptor_agree) {
  for (type t : {type::regular, type::directory, type::fifo}) {
    context of{name_of(t)};
    make(t, "f", 0640);
    if (t == type::regular) write_file("f", std::string(10000, 'x'), 0640);
    int fd = open("f", O_RDONLY | O_NONBLOCK);
    struct stat a = look("f"), b, c;
    MUST(fstat(fd, &b));
    MUST(stat("f", &c));
    for (const struct stat& other : {b, c}) {
      EQUAL(a.st_ino, other.st_ino);
      EQUAL(a.st_dev, other.st_dev);
      EQUAL(a.st_mode, other.st_mode);
      EQUAL(a.st_nlink, other.st_nlink);
      EQUAL(a.st_uid, other.st_uid);
      EQUAL(a.st_gid, other.st_gid);
      EQUAL(a.st_size, other.st_size);
      CHECK(same(a.st_mtim, other.st_mtim));
      CHECK(same(a.st_ctim, other.st_ctim));
    }
    close(fd);
    unmake(t, "f");
  }
}

CASE(stat, numbers_are_of_one_file_only) {
  std::vector<ino_t> numbers;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "f" + std::to_string(i);
    make(i % 2 ? type::regular : type::directory, name);
    numbers.push_back(look(name).st_ino);
    EQUAL(look(name).st_dev, look(".").st_dev);
  }
  for (int i = 0; i < 200; ++i) {
    EQUAL(look("f" + std::to_string(i)).st_ino, numbers[static_cast<std::size_t>(i)]);
  }
  std::ranges::sort(numbers);
  CHECK(std::ranges::adjacent_find(numbers) == numbers.end());
}

CASE(stat, looking_moves_nothing) {
  MUST(mkdir("d", 0755));
  write_file("d/f", "content");
  watch({{"d", nothing}, {"d/f", nothing}}, [] {
    stat_of("d/f");
    access("d/f", R_OK);
    close(open("d/f", O_RDONLY));
    read_file("d/f");
    open_directory("d");
    names_in("d");
    lstat_of("d/missing");
  });
}

CASE(stat, of_the_file_system) {
  struct statvfs s;
  WORKS(statvfs(".", &s));
  EQUAL(static_cast<long>(s.f_namemax), name_max());
  CHECK(s.f_bsize > 0 && s.f_frsize > 0);
  CHECK(s.f_bfree <= s.f_blocks && s.f_bavail <= s.f_bfree);
  CHECK(s.f_ffree <= s.f_files);
  CHECK(!(s.f_flag & ST_RDONLY));
  int fd = open(".", O_RDONLY);
  struct statvfs of_fd;
  WORKS(fstatvfs(fd, &of_fd));
  EQUAL(of_fd.f_blocks, s.f_blocks);
  EQUAL(of_fd.f_namemax, s.f_namemax);
  close(fd);
  CHECK(name_max() >= 14);
  CHECK(pathconf(".", _PC_PATH_MAX) >= 256);
}

// A name that was missing is there as soon as it is made, whoever looked before.
CASE(stat, missing_names_are_not_remembered) {
  for (int i = 0; i < 100; ++i) {
    FAILS(ENOENT, lstat_of("f"));
    write_file("f", "");
    WORKS(lstat_of("f"));
    MUST(rename("f", "g"));
    FAILS(ENOENT, lstat_of("f"));
    WORKS(lstat_of("g"));
    MUST(unlink("g"));
    FAILS(ENOENT, lstat_of("g"));
  }
}

}  // namespace
}  // namespace posix
