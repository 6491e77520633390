// The set-user-ID and set-group-ID bits: that writing clears them.
#include <sys/mman.h>
#include <sys/uio.h>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

enum class change { write, pwrite, writev, truncation, shorter, longer, open_truncating };
const std::vector<std::pair<change, const char*>> changes{{change::write, "write"},
                                                          {change::pwrite, "pwrite"},
                                                          {change::writev, "writev"},
                                                          {change::truncation, "truncate"},
                                                          {change::shorter, "ftruncate, shorter"},
                                                          {change::longer, "ftruncate, longer"},
                                                          {change::open_truncating, "O_TRUNC"}};

long perform(change c) {
  if (c == change::truncation) return truncate("f", 2);
  int fd = open("f", O_WRONLY | (c == change::open_truncating ? O_TRUNC : 0));
  if (fd < 0) return fd;
  char byte = 'x';
  iovec piece{&byte, 1};
  long result = 0;
  if (c == change::write) result = write(fd, "x", 1);
  if (c == change::pwrite) result = pwrite(fd, "x", 1, 100);
  if (c == change::writev) result = writev(fd, &piece, 1);
  if (c == change::shorter) result = ftruncate(fd, 1);
  if (c == change::longer) result = ftruncate(fd, 1000);
  close(fd);
  return result;
}

// The set-group-ID bit without the group's execute bit is for mandatory locks, and stays; but from
// one who is not in the group, newer kernels take it.
bool as_expected(mode_t before, mode_t after) {
  const mode_t strict = before & 01777;
  return after == strict || (!(before & S_IXGRP) && after == (before & 03777));
}

ROOT_CASE(set_id, writing_clears_the_bits) {
  if (lacks(feature::set_id)) return;
  for (mode_t m : {04777u, 02777u, 06777u, 04666u, 06767u, 04776u, 07777u, 0777u}) {
    for (const user& u : four_users) {
      for (auto [c, name] : changes) {
        context which{name, ", mode ", octal(m)};
        write_file("f", "content");
        MUST(chown("f", owner.uid, shared));
        MUST(chmod("f", m));
        as(u, [c = c] { WORKS(perform(c)); });
        context found{"now ", octal(mode_of("f"))};
        CHECK(as_expected(m, mode_of("f")));
        MUST(unlink("f"));
      }
    }
  }
}

// Only privileged processes leave them.
ROOT_CASE(set_id, writing_by_root_keeps_the_bits) {
  for (mode_t m : {04755u, 02755u, 06755u}) {
    for (auto [c, name] : changes) {
      if (c != change::write && c != change::pwrite && c != change::writev) continue;
      context which{name, ", mode ", octal(m)};
      write_file("f", "content");
      MUST(chown("f", owner.uid, shared));
      MUST(chmod("f", m));
      WORKS(perform(c));
      EQUAL(octal(mode_of("f")), octal(m));
      MUST(unlink("f"));
    }
  }
}

ROOT_CASE(set_id, other_calls_keep_the_bits) {
  make(type::directory, "d", 0777);
  for (mode_t m : {04755u, 02755u, 06755u, 07777u}) {
    context mode{octal(m)};
    make(type::regular, "d/f", m, owner.uid, shared);
    as(owner, [] {
      int fd = open("d/f", O_RDWR);
      MUST(fd);
      char byte;
      EQUAL(read(fd, &byte, 1), 0);
      close(fd);
      WORKS(rename("d/f", "d/g"));
      if (has(feature::links)) WORKS(link("d/g", "d/f") == 0 ? unlink("d/f") : 0);
      WORKS(utimensat(AT_FDCWD, "d/g", nullptr, 0));
    });
    EQUAL(octal(mode_of("d/g")), octal(m));
    MUST(unlink("d/g"));
  }
}

// Writing nothing changes nothing.
ROOT_CASE(set_id, refused_writes_keep_the_bits) {
  make(type::regular, "f", 06755, owner.uid, shared);
  for (const user& u : {fellow, associate, stranger}) {
    watch({{"f", nothing}}, [&] {
      as(u, [] {
        FAILS(EACCES, open("f", O_WRONLY | O_TRUNC));
        FAILS(EACCES, truncate("f", 0));
        FAILS(EPERM, chmod("f", 0755));
        FAILS(EPERM, chown("f", static_cast<uid_t>(-1), getegid()));
      });
    });
    EQUAL(octal(mode_of("f")), "06755");
  }
}

// A new file with the bit, of a group that its maker is not in, loses the bit.
ROOT_CASE(set_id, new_files_in_set_group_id_directories) {
  make(type::directory, "d", 02777, owner.uid, elsewhere);
  for (const user& u : four_users) {
    for (mode_t m : {02755u, 06755u, 0755u}) {
      as(u, [&] {
        context mode{octal(m)};
        int fd = open("d/f", O_RDWR | O_CREAT | O_EXCL, m);
        WORKS(fd);
        close(fd);
        EQUAL(look("d/f").st_gid, elsewhere);
        EQUAL(octal(mode_of("d/f")), octal(m & ~02000u));
        WORKS(unlink("d/f"));
        WORKS(mknod("d/f", S_IFREG | m, 0));
        EQUAL(octal(mode_of("d/f")), octal(m & ~02000u));
        WORKS(unlink("d/f"));
      });
    }
  }
  user member = stranger;
  member.groups = {elsewhere};
  as(member, [] {
    int fd = open("d/f", O_RDWR | O_CREAT | O_EXCL, 02755);
    WORKS(fd);
    close(fd);
    EQUAL(look("d/f").st_gid, elsewhere);
    EQUAL(octal(mode_of("d/f")), "02755");
    WORKS(unlink("d/f"));
  });
}

// What moves into such a directory keeps its group.
ROOT_CASE(set_id, moved_files_keep_their_group) {
  make(type::directory, "d", 02777, owner.uid, elsewhere);
  for (type t : every_type()) {
    context of{name_of(t)};
    make(t, "f", 0755, owner.uid, shared);
    WORKS(rename("f", "d/f"));
    EQUAL(look("d/f").st_gid, shared);
    if (t != type::symlink) EQUAL(octal(mode_of("d/f")), "0755");
    unmake(t, "d/f");
  }
}

}  // namespace
}  // namespace posix
