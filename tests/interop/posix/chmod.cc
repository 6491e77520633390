// chmod(), fchmod(), fchmodat().
#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

std::vector<path_call> calls() {
  return {{"chmod", [](const char* p) { return chmod(p, 0644); }},
          {"fchmodat", [](const char* p) { return fchmodat(AT_FDCWD, p, 0644, 0); }}};
}

// Each bit, each pair of bits, and the complements of single bits.
std::vector<mode_t> many_modes() {
  std::vector<mode_t> all{0, 07777, 0644, 0755};
  for (mode_t a = 1; a < 010000; a <<= 1) {
    all.push_back(a);
    all.push_back(07777 & ~a);
    for (mode_t b = a << 1; b < 010000; b <<= 1) all.push_back(a | b);
  }
  return all;
}

CASE(chmod, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(chmod, search_permission) { check_search(calls()); }
CASE(chmod, read_only) { check_read_only(calls()); }

ROOT_CASE(chmod, sets_each_bit_of_each_type) {
  for (type t : every_type_but({type::symlink})) {
    context of{name_of(t)};
    make(t, "f");
    for (mode_t m : many_modes()) {
      MUST(chmod("f", m));
      EQUAL(octal(mode_of("f")), octal(m));
    }
    EQUAL(look("f").st_mode & S_IFMT, format_of(t));
    unmake(t, "f");
  }
}

ROOT_CASE(chmod, fchmod_sets_each_bit) {
  for (type t : {type::regular, type::directory, type::fifo}) {
    context of{name_of(t)};
    make(t, "f", 0777);
    int fd = open("f", t == type::fifo ? O_RDWR | O_NONBLOCK : O_RDONLY);
    MUST(fd);
    for (mode_t m : many_modes()) {
      MUST(fchmod(fd, m));
      struct stat s;
      MUST(fstat(fd, &s));
      EQUAL(octal(s.st_mode & 07777), octal(m));
      EQUAL(octal(mode_of("f")), octal(m));
    }
    close(fd);
    unmake(t, "f");
  }
}

CASE(chmod, follows_links) {
  write_file("f", "");
  MUST(symlink("f", "l"));
  MUST(symlink("l", "ll"));
  const mode_t of_link = mode_of("l");
  for (const char* path : {"l", "ll"}) {
    for (mode_t m : {0600u, 0755u, 0444u}) {
      WORKS(chmod(path, m));
      EQUAL(octal(mode_of("f")), octal(m));
      EQUAL(octal(mode_of("l")), octal(of_link));
    }
  }
  CHECK(S_ISLNK(look("l").st_mode));
}

ROOT_CASE(chmod, only_by_the_owner) {
  for (type t : every_type_but({type::symlink})) {
    context of{name_of(t)};
    for (mode_t before : {0644u, 0777u, 0u}) {
      make(t, "f", before, owner.uid, shared);
      for (const user& u : {fellow, associate, stranger}) {
        watch({{"f", nothing}}, [&] { as(u, [] { FAILS(EPERM, chmod("f", 0640)); }); });
        EQUAL(octal(mode_of("f")), octal(before));
      }
      watch({{"f", changed}}, [] { as(owner, [] { WORKS(chmod("f", 0640)); }); });
      EQUAL(octal(mode_of("f")), "0640");
      watch({{"f", changed}}, [] { WORKS(chmod("f", 0604)); });
      EQUAL(octal(mode_of("f")), "0604");
      unmake(t, "f");
    }
  }
}

CASE(chmod, moves_ctime_only) {
  for (type t : every_type_but({type::symlink})) {
    context of{name_of(t)};
    MUST(mkdir("d", 0755));
    make(t, "d/f");
    watch({{"d", nothing}, {"d/f", changed}}, [] { WORKS(chmod("d/f", 0711)); });
    watch({{"d", nothing}, {"d/f", changed}}, [] { WORKS(fchmodat(AT_FDCWD, "d/f", 0700, 0)); });
    watch({{"d", nothing}, {"d/f", nothing}}, [] { FAILS(ENOENT, chmod("d/g", 0711)); });
    unmake(t, "d/f");
    MUST(rmdir("d"));
  }
}

// Of fchmod() through another user's descriptor: who opened the file does not matter.
ROOT_CASE(chmod, fchmod_only_by_the_owner) {
  make(type::regular, "f", 0666, owner.uid, shared);
  int fd = open("f", O_RDWR);
  MUST(fd);
  for (const user& u : {fellow, associate, stranger}) {
    watch({{"f", nothing}}, [&] { as(u, [&] { FAILS(EPERM, fchmod(fd, 0600)); }); });
  }
  watch({{"f", changed}}, [&] { as(owner, [&] { WORKS(fchmod(fd, 0600)); }); });
  EQUAL(octal(mode_of("f")), "0600");
  FAILS(EBADF, fchmod(-1, 0600));
}

// The manual page: the bit is not set, and that is no error.
ROOT_CASE(chmod, set_group_id_needs_the_group) {
  for (type t : every_type_but({type::symlink})) {
    context of{name_of(t)};
    make(t, "f", 0755, owner.uid, elsewhere);
    as(owner, [] { WORKS(chmod("f", 02755)); });
    EQUAL(octal(mode_of("f")), "0755");
    as(owner, [] { WORKS(chmod("f", 06711)); });
    EQUAL(octal(mode_of("f")), "04711");
    MUST(chown("f", owner.uid, shared));
    as(owner, [] { WORKS(chmod("f", 02755)); });
    EQUAL(octal(mode_of("f")), "02755");
    as(owner, [] { WORKS(chmod("f", 06755)); });
    EQUAL(octal(mode_of("f")), "06755");
    MUST(chown("f", owner.uid, 61008));
    user member = owner;
    member.groups = {61007, 61008};
    as(member, [] { WORKS(chmod("f", 02710)); });
    EQUAL(octal(mode_of("f")), "02710");
    unmake(t, "f");
  }
}

CASE(chmod, leaves_open_descriptors_their_rights) {
  write_file("f", "abc");
  int fd = open("f", O_RDWR);
  MUST(fd);
  MUST(chmod("f", 0));
  char byte;
  EQUAL(pread(fd, &byte, 1, 0), 1);
  EQUAL(pwrite(fd, "x", 1, 1), 1);
  WORKS(fchmod(fd, 0600));
  EQUAL(read_file("f"), "axc");
  close(fd);
}

ROOT_CASE(chmod, leaves_descriptors_of_users_their_rights) {
  make(type::regular, "f", 0600, owner.uid, shared);
  as(owner, [] {
    int fd = open("f", O_RDWR);
    MUST(fd);
    for (mode_t m : {0u, 0400u, 0200u}) {
      context mode{octal(m)};
      MUST(chmod("f", m));
      char byte;
      EQUAL(pwrite(fd, "x", 1, 0), 1);
      EQUAL(pread(fd, &byte, 1, 0), 1);
      WORKS(ftruncate(fd, 5));
      WORKS(fsync(fd));
    }
    WORKS(close(fd));
  });
  as(stranger, [] { FAILS(EACCES, open("f", O_RDONLY)); });
}

}  // namespace
}  // namespace posix
