// open(), openat(): paths, what they make, and their flags.
#include <sys/sysmacros.h>

#include "tests/interop/posix/create.h"

namespace posix {
namespace {

int open_and_close(const char* path, int flags, mode_t mode = 0) {
  int fd = open(path, flags, mode);
  return fd < 0 ? fd : close(fd);
}

maker by_open(const char* name, int flags) {
  return {name, type::regular,
          [flags](const char* p, mode_t m) { return open_and_close(p, flags | O_CREAT, m); }};
}

const maker exclusive = by_open("open exclusively", O_WRONLY | O_EXCL);
const maker readable = by_open("open to create and read", O_RDONLY | O_EXCL);

std::vector<path_call> calls() {
  auto with = [](int flags) {
    return [flags](const char* p) { return open_and_close(p, flags, 0644); };
  };
  return {{"open to read", with(O_RDONLY)},
          {"open to write", with(O_WRONLY)},
          {"open to truncate", with(O_RDWR | O_TRUNC)},
          {"open a directory", with(O_RDONLY | O_DIRECTORY)},
          {"open to create", with(O_RDWR | O_CREAT), true, true},
          {"open exclusively", with(O_RDWR | O_CREAT | O_EXCL), true, false}};
}

CASE(open, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(open, search_permission) { check_search(calls()); }
ROOT_CASE(open, parent_permission) {
  check_parent_of(exclusive);
  check_parent_of(readable);
  check_parent_of(by_open("open to create", O_RDWR));
  check_parent_of(by_open("creat", O_WRONLY | O_TRUNC));
}
CASE(open, modes) {
  check_modes(exclusive);
  check_modes(readable);
  check_modes(by_open("creat", O_WRONLY | O_TRUNC));
}
CASE(open, existing) { check_existing(exclusive); }
CASE(open, birth) { check_birth(exclusive); }
ROOT_CASE(open, owners) { check_owners(exclusive); }

CASE(open, read_only) {
  if (given().read_only.empty()) return skip("no --read-only");
  const std::string path = given().read_only + "/posix_suite_new";
  FAILS(EROFS, open(path.c_str(), O_RDWR | O_CREAT, 0644));
  FAILS(EROFS, open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL, 0644));
  FAILS(ENOENT, open(path.c_str(), O_RDONLY));
}

// The mode is for those who come later: the one who makes the file may do what it asked for.
ROOT_CASE(open, creator_may_what_the_mode_forbids) {
  make(type::directory, "d", 0777);
  for (const user& u : four_users) {
    for (mode_t m : {0u, 0400u, 0200u, 0444u, 0100u, 04000u, 0077u}) {
      as(u, [&] {
        context mode{octal(m)};
        int fd = open("d/f", O_RDWR | O_CREAT | O_EXCL, m);
        WORKS(fd);
        char byte;
        EQUAL(write(fd, "xy", 2), 2);
        EQUAL(pread(fd, &byte, 1, 1), 1);
        WORKS(ftruncate(fd, 1));
        WORKS(close(fd));
        if ((m & 0600) != 0600) FAILS(EACCES, open("d/f", O_RDWR));
        EQUAL(look("d/f").st_size, 1);
        WORKS(unlink("d/f"));
      });
    }
  }
}

CASE(open, create_of_an_existing_file_changes_nothing) {
  write_file("f", "content", 0640);
  watch({{"f", nothing}, {".", nothing}}, [] {
    WORKS(open_and_close("f", O_RDWR | O_CREAT, 0777));
    WORKS(open_and_close("f", O_RDONLY | O_CREAT, 0));
    WORKS(open_and_close("f", O_WRONLY));
  });
  EQUAL(octal(mode_of("f")), "0640");
  EQUAL(read_file("f"), "content");
}

CASE(open, truncates) {
  for (int flags : {O_WRONLY, O_RDWR, O_WRONLY | O_CREAT, O_RDWR | O_CREAT, O_WRONLY | O_APPEND}) {
    context with{flags};
    write_file("f", "content", 0640);
    watch({{"f", both}, {".", nothing}}, [&] { WORKS(open_and_close("f", flags | O_TRUNC)); });
    EQUAL(look("f").st_size, 0);
    EQUAL(read_file("f"), "");
    EQUAL(octal(mode_of("f")), "0640");
    watch({{"f", both}}, [&] { WORKS(open_and_close("f", flags | O_TRUNC)); });
  }
}

CASE(open, truncation_is_seen_by_open_descriptors) {
  write_file("f", "long content");
  int reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);
  char bytes[16];
  EQUAL(read(reader, bytes, 4), 4);
  EQUAL(pwrite(writer, "LONG", 4, 0), 4);
  WORKS(open_and_close("f", O_WRONLY | O_TRUNC));
  EQUAL(read(reader, bytes, sizeof bytes), 0);
  EQUAL(pwrite(writer, "x", 1, 3), 1);
  EQUAL(read_file("f"), std::string("\0\0\0x", 4));
  close(reader);
  close(writer);
}

CASE(open, follows_links_or_not) {
  write_file("f", "content");
  MUST(mkdir("d", 0755));
  MUST(symlink("f", "l"));
  MUST(symlink("l", "ll"));
  MUST(symlink("d", "to_dir"));
  MUST(symlink("missing", "dangling"));
  for (int access : {O_RDONLY, O_WRONLY, O_RDWR}) {
    for (int more : {0, O_TRUNC, O_APPEND, O_NONBLOCK}) {
      context flags{access, '|', more};
      WORKS(open_and_close("l", access));
      WORKS(open_and_close("ll", access));
      FAILS(ELOOP, open_and_close("l", access | more | O_NOFOLLOW));
      FAILS(ELOOP, open_and_close("ll", access | more | O_NOFOLLOW));
      FAILS(ELOOP, open_and_close("dangling", access | more | O_NOFOLLOW));
      FAILS(ELOOP, open_and_close("dangling", access | more | O_NOFOLLOW | O_CREAT, 0644));
      WORKS(open_and_close("f", access | O_NOFOLLOW));
    }
  }
  CHECK(!exists("missing"));
  EQUAL(read_file("f"), "content");
  FAILS_EITHER(ENOTDIR, ELOOP, open_and_close("to_dir", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  WORKS(open_and_close("to_dir", O_RDONLY | O_DIRECTORY));
  WORKS(open_and_close("to_dir/.", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  write_file("d/g", "");
  WORKS(open_and_close("to_dir/g", O_RDONLY | O_NOFOLLOW));
}

CASE(open, creates_through_a_dangling_link) {
  MUST(mkdir("d", 0755));
  MUST(symlink("d/missing", "dangling"));
  FAILS(EEXIST, open_and_close("dangling", O_RDWR | O_CREAT | O_EXCL, 0644));
  CHECK(!exists("d/missing"));
  FAILS(ENOENT, open_and_close("dangling", O_RDWR));
  WORKS(open_and_close("dangling", O_RDWR | O_CREAT, 0604));
  EQUAL(look("d/missing").st_mode, S_IFREG | 0604u);
  CHECK(S_ISLNK(look("dangling").st_mode));
  FAILS(EEXIST, open_and_close("dangling", O_RDWR | O_CREAT | O_EXCL, 0644));
}

CASE(open, wants_a_directory) {
  for (type t : every_type_but({type::directory, type::symlink})) {
    context of{name_of(t)};
    make(t, "f");
    FAILS(ENOTDIR, open_and_close("f", O_RDONLY | O_DIRECTORY));
    FAILS(ENOTDIR, open_and_close("f", O_RDWR | O_DIRECTORY));
    FAILS(ENOTDIR, open_and_close("f", O_RDONLY | O_DIRECTORY | O_NONBLOCK));
    FAILS(ENOTDIR, open_and_close("f", O_PATH | O_DIRECTORY));
    WORKS(open_and_close("f", O_PATH));
    unmake(t, "f");
  }
  FAILS(ENOENT, open_and_close("f", O_RDONLY | O_DIRECTORY));
}

CASE(open, directories_are_not_written) {
  MUST(mkdir("d", 0777));
  watch({{"d", nothing}}, [] {
    for (int access : {O_WRONLY, O_RDWR}) {
      for (int more : {0, O_TRUNC, O_APPEND, O_DIRECTORY, O_NONBLOCK}) {
        context flags{access, '|', more};
        FAILS(EISDIR, open_and_close("d", access | more));
        FAILS(EISDIR, open_and_close("d/", access | more));
        FAILS(EISDIR, open_and_close("d/.", access | more));
      }
    }
    FAILS(EISDIR, open_and_close("d", O_RDONLY | O_TRUNC));
    FAILS(EISDIR, open_and_close("d", O_RDONLY | O_CREAT, 0644));
    FAILS(EISDIR, open_and_close("d", O_RDWR | O_CREAT, 0644));
    FAILS(EISDIR, open_and_close("missing/", O_RDWR | O_CREAT, 0644));
    FAILS(EEXIST, open_and_close("d", O_RDONLY | O_CREAT | O_EXCL, 0644));
    WORKS(open_and_close("d", O_RDONLY));
    WORKS(open_and_close("d/", O_RDONLY | O_DIRECTORY));
  });
}

CASE(open, special_files) {
  MUST(mknod("s", S_IFSOCK | 0666, 0));
  for (int access : {O_RDONLY, O_WRONLY, O_RDWR}) FAILS(ENXIO, open("s", access | O_NONBLOCK));
  MUST(mkfifo("p", 0666));
  FAILS(ENXIO, open("p", O_WRONLY | O_NONBLOCK));
  WORKS(open_and_close("p", O_RDONLY | O_NONBLOCK));
  watch({{"p", nothing}}, [] { WORKS(open_and_close("p", O_RDONLY | O_NONBLOCK | O_TRUNC)); });
}

CASE(open, access_mode_holds) {
  write_file("f", "content");
  char bytes[8];
  int fd = open("f", O_RDONLY);
  watch({{"f", nothing}}, [&] {
    FAILS(EBADF, write(fd, "x", 1));
    FAILS(EBADF, pwrite(fd, "x", 1, 0));
    FAILS_EITHER(EINVAL, EBADF, ftruncate(fd, 1));
  });
  close(fd);
  fd = open("f", O_WRONLY);
  FAILS(EBADF, read(fd, bytes, 1));
  FAILS(EBADF, pread(fd, bytes, 1, 0));
  close(fd);
  fd = open("f", O_PATH);
  FAILS(EBADF, read(fd, bytes, 1));
  FAILS(EBADF, write(fd, "x", 1));
  FAILS(EBADF, fchmod(fd, 0600));
  close(fd);
  fd = open(".", O_RDONLY);
  FAILS(EISDIR, read(fd, bytes, 1));
  FAILS(EISDIR, pread(fd, bytes, 1, 0));
  FAILS(EBADF, write(fd, bytes, 1));
  close(fd);
  EQUAL(read_file("f"), "content");
}

}  // namespace
}  // namespace posix
