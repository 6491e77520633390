// What users may do with a file by its mode: open(), access(), chdir(), and reading directories.
#include <dirent.h>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

constexpr unsigned may_read = 4, may_write = 2, may_search = 1;

std::string path_of(const std::string& dir, mode_t m) { return dir + "/" + octal(m); }

// A file for each of the 512 modes.
void make_all_modes(type t, const std::string& dir) {
  MUST(mkdir(dir.c_str(), 0755));
  for (mode_t m = 0; m < 01000; ++m) make(t, path_of(dir, m), m, owner.uid, shared);
}

int open_and_close(const std::string& path, int flags) {
  int fd = open(path.c_str(), flags);
  return fd < 0 ? fd : close(fd);
}

void check_open(const std::string& path, unsigned bits, int flags, unsigned needed) {
  if ((bits & needed) == needed) {
    WORKS(open_and_close(path, flags));
  } else {
    FAILS(EACCES, open_and_close(path, flags));
  }
}

void check_access(const std::string& path, unsigned bits) {
  for (int asked = 1; asked < 8; ++asked) {
    if ((bits & static_cast<unsigned>(asked)) == static_cast<unsigned>(asked)) {
      WORKS(access(path.c_str(), asked));
    } else {
      FAILS(EACCES, access(path.c_str(), asked));
    }
  }
  WORKS(access(path.c_str(), F_OK));
}

ROOT_CASE(access, open_of_each_mode) {
  make_all_modes(type::regular, "files");
  for (const user& u : four_users) {
    as(u, [&] {
      for (mode_t m = 0; m < 01000; ++m) {
        context mode{octal(m)};
        const std::string path = path_of("files", m);
        const unsigned bits = bits_for(u, m);
        check_open(path, bits, O_RDONLY, may_read);
        check_open(path, bits, O_WRONLY, may_write);
        check_open(path, bits, O_RDWR, may_read | may_write);
      }
    });
  }
}

// The modes in which all three classes differ in each way that can matter: own bits and the rest.
std::vector<mode_t> modes_to_try(const user& u) {
  std::vector<mode_t> all;
  for (mode_t bits = 0; bits < 8; ++bits) {
    all.push_back(bits << shift_of(u));
    all.push_back(bits << shift_of(u) | (0777 & ~(7u << shift_of(u))));
  }
  return all;
}

ROOT_CASE(access, of_each_type) {
  for (type t : every_type_but({type::symlink})) {
    for (const user& u : four_users) {
      for (mode_t m : modes_to_try(u)) {
        context of{name_of(t), ", mode ", octal(m)};
        make(t, "f", m, owner.uid, shared);
        as(u, [&] { check_access("f", bits_for(u, m)); });
        unmake(t, "f");
      }
    }
  }
}

ROOT_CASE(access, open_with_more_flags) {
  for (const user& u : four_users) {
    for (mode_t m : modes_to_try(u)) {
      context mode{octal(m)};
      make(type::regular, "f", m, owner.uid, shared);
      as(u, [&] {
        const unsigned bits = bits_for(u, m);
        check_open("f", bits, O_WRONLY | O_APPEND, may_write);
        check_open("f", bits, O_RDONLY | O_TRUNC, may_read | may_write);
        check_open("f", bits, O_WRONLY | O_TRUNC, may_write);
        check_open("f", bits, O_RDWR | O_TRUNC, may_read | may_write);
        check_open("f", bits, O_RDWR | O_CREAT, may_read | may_write);
        check_open("f", bits, O_RDONLY | O_CREAT, may_read);
      });
      MUST(unlink("f"));
    }
  }
}

// A truncation that is not permitted leaves the content and the times.
ROOT_CASE(access, refused_truncation_changes_nothing) {
  make(type::directory, "d", 0755);
  write_file("d/f", "content", 0644);
  watch({{"d/f", nothing}, {"d", nothing}}, [] {
    as(stranger, [] {
      FAILS(EACCES, open("d/f", O_WRONLY | O_TRUNC));
      FAILS(EACCES, open("d/f", O_RDONLY | O_TRUNC));
      FAILS(EACCES, open("d/f", O_RDWR | O_TRUNC | O_CREAT, 0666));
      FAILS(EACCES, truncate("d/f", 0));
      FAILS(EACCES, open("d/g", O_RDWR | O_CREAT, 0666));
    });
  });
  EQUAL(read_file("d/f"), "content");
}

ROOT_CASE(access, fifos) {
  for (const user& u : four_users) {
    for (mode_t m : modes_to_try(u)) {
      context mode{octal(m)};
      make(type::fifo, "p", m, owner.uid, shared);
      as(u, [&] {
        const unsigned bits = bits_for(u, m);
        check_open("p", bits, O_RDONLY | O_NONBLOCK, may_read);
        check_open("p", bits, O_RDWR | O_NONBLOCK, may_read | may_write);
      });
      MUST(unlink("p"));
    }
  }
}

ROOT_CASE(access, directories) {
  for (const user& u : four_users) {
    for (mode_t m : modes_to_try(u)) {
      context mode{octal(m)};
      make(type::directory, "d", 0755, owner.uid, shared);
      make(type::regular, "d/f", 0666);
      MUST(chmod("d", m));
      as(u, [&] {
        const unsigned bits = bits_for(u, m);
        const bool search = bits & may_search;
        struct stat s;
        check_open("d", bits, O_RDONLY | O_DIRECTORY, may_read);
        int found = access("d/f", F_OK);
        CHECK(search ? found == 0 : found < 0 && errno == EACCES);
        found = lstat("d/f", &s);
        CHECK(search ? found == 0 : found < 0 && errno == EACCES);
        if (bits & may_read) EQUAL(names_in("d").size(), 1u);
        found = chdir("d");
        CHECK(search ? found == 0 : found < 0 && errno == EACCES);
      });
      MUST(chmod("d", 0755));
      MUST(unlink("d/f"));
      MUST(rmdir("d"));
    }
  }
}

ROOT_CASE(access, root_may_all_but_execute) {
  for (type t : every_type_but({type::symlink})) {
    for (mode_t m : {0u, 0111u, 0100u, 0010u, 0001u, 0666u}) {
      context of{name_of(t), ", mode ", octal(m)};
      make(t, "f", m, owner.uid, shared);
      WORKS(access("f", R_OK | W_OK));
      const bool may = (m & 0111) || t == type::directory;
      int found = access("f", X_OK);
      CHECK(may ? found == 0 : found < 0 && errno == EACCES);
      if (t == type::regular) WORKS(open_and_close("f", O_RDWR));
      unmake(t, "f");
    }
  }
}

// access() asks for the real user, faccessat() with AT_EACCESS for the effective one.
ROOT_CASE(access, real_and_effective_user) {
  make(type::regular, "f", 0600, owner.uid, owner.gid);
  MUST(setresuid(stranger.uid, owner.uid, 0));
  FAILS(EACCES, access("f", R_OK));
  WORKS(faccessat(AT_FDCWD, "f", R_OK | W_OK, AT_EACCESS));
  FAILS(EACCES, faccessat(AT_FDCWD, "f", X_OK, AT_EACCESS));
  WORKS(open_and_close("f", O_RDWR));
  FAILS(EINVAL, access("f", 0100));
}

// What a directory's mode forbids, a descriptor that is open already still may.
ROOT_CASE(access, open_directories_stay_readable) {
  make(type::directory, "d", 0755, owner.uid, shared);
  make(type::regular, "d/f", 0644);
  as(owner, [] {
    DIR* dir = opendir("d");
    MUST(dir ? 0 : -1);
    MUST(chmod("d", 0));
    int entries = 0;
    while (readdir(dir)) ++entries;
    EQUAL(entries, 3);
    FAILS(EACCES, openat(dirfd(dir), "f", O_RDONLY));
    FAILS(EACCES, open("d", O_RDONLY));
    closedir(dir);
    MUST(chmod("d", 0755));
  });
}

}  // namespace
}  // namespace posix
