// symlink(), symlinkat(), readlink(), and how links are followed.
#include <limits.h>

#include "tests/interop/posix/create.h"

namespace posix {
namespace {

std::vector<path_call> calls() {
  return {
      {"symlink", [](const char* p) { return symlink("target", p); }, true, false},
      {"symlinkat", [](const char* p) { return symlinkat("target", AT_FDCWD, p); }, true, false}};
}

long read_one(const char* p) {
  char target[64];
  return readlink(p, target, sizeof target);
}

const maker by_symlink{"symlink", type::symlink,
                       [](const char* p, mode_t) { return symlink("target", p); }};

CASE(symlink, bad_paths) { check_bad_paths(calls()); }
CASE(symlink, bad_paths_of_readlink) { check_bad_paths({{"readlink", read_one, false, false}}); }
ROOT_CASE(symlink, search_permission) { check_search(calls()); }
ROOT_CASE(symlink, search_permission_of_readlink) {
  check_search({{"readlink", read_one, false, false}});
}
ROOT_CASE(symlink, parent_permission) { check_parent_of(by_symlink); }
CASE(symlink, read_only) { check_read_only(calls()); }
CASE(symlink, existing) { check_existing(by_symlink); }
CASE(symlink, birth) { check_birth(by_symlink); }

ROOT_CASE(symlink, owners) {
  for (mode_t m : {0777u, 01777u, 02777u}) {
    for (const user& u : four_users) {
      context mode{octal(m)};
      make(type::directory, "d", m, owner.uid, elsewhere);
      as(u, [] { WORKS(symlink("target", "d/l")); });
      EQUAL(look("d/l").st_uid, u.uid);
      EQUAL(look("d/l").st_gid, m & S_ISGID ? elsewhere : u.gid);
      CHECK(remove_tree("d"));
    }
  }
}

CASE(symlink, keeps_targets_of_each_length) {
  for (std::size_t size :
       {1,   2,   3,   7,   8,   31,  32,   58,   59,   60,   61,   62,   63,  64,
        127, 128, 255, 256, 511, 512, 1000, 1023, 1024, 1025, 2047, 2048, 4000}) {
    context of{size, " bytes"};
    std::string target;
    for (std::size_t i = 0; i < size; ++i) target += static_cast<char>('a' + i * i % 26);
    if (symlink(target.c_str(), "l") != 0 && errno == ENAMETOOLONG && size > 1023) {
      skip("symbolic links of " + std::to_string(size) + " bytes are too long");
      continue;
    }
    EQUAL(look("l").st_size, static_cast<off_t>(size));
    EQUAL(read_link("l"), target);
    char little[5] = "####";
    EQUAL(readlink("l", little, 2), static_cast<ssize_t>(std::min<std::size_t>(size, 2)));
    CHECK(little[2] == '#');
    MUST(unlink("l"));
  }
  FAILS(ENOENT, symlink("", "l"));
  FAILS(ENAMETOOLONG, symlink(std::string(PATH_MAX, 'x').c_str(), "l"));
  CHECK(!exists("l"));
}

CASE(symlink, keeps_each_byte) {
  if (lacks(feature::any_bytes)) return;
  for (int byte = 1; byte < 256; ++byte) {
    const std::string target = std::string("a") + static_cast<char>(byte) + "z";
    MUST(symlink(target.c_str(), "l"));
    EQUAL(read_link("l"), target);
    EQUAL(look("l").st_size, 3);
    MUST(unlink("l"));
  }
  for (const char* target : {"/", "//", ".", "..", "/a//b/../c/", "a b\nc", "\xff\xfe\xc0\x80"}) {
    MUST(symlink(target, "l"));
    EQUAL(read_link("l"), std::string(target));
    MUST(unlink("l"));
  }
}

CASE(symlink, readlink_only_of_links) {
  for (type t : every_type_but({type::symlink})) {
    context of{name_of(t)};
    make(t, "f");
    FAILS(EINVAL, read_one("f"));
    unmake(t, "f");
  }
  FAILS(EINVAL, read_one("."));
  FAILS(ENOENT, read_one("f"));
  MUST(symlink("target", "l"));
  char none[1];
  FAILS(EINVAL, readlink("l", none, 0));
  watch({{"l", nothing}, {".", nothing}}, [] { EQUAL(read_one("l"), 6); });
}

CASE(symlink, is_followed) {
  MUST(mkdir("d", 0755));
  MUST(mkdir("d/e", 0755));
  write_file("d/e/f", "content");
  MUST(symlink("d", "to_dir"));
  MUST(symlink("../d/e", "d/up"));
  MUST(symlink("to_dir/up", "two"));
  MUST(symlink("e/f", "d/file"));
  char here[PATH_MAX];
  MUST(getcwd(here, sizeof here) ? 0 : -1);
  MUST(symlink((std::string(here) + "/d").c_str(), "absolute"));
  MUST(symlink("d/", "slash"));
  MUST(symlink("d/.", "dot"));
  for (const char* path :
       {"to_dir/e/f", "d/up/f", "two/f", "d/file", "to_dir/file", "absolute/file", "slash/file",
        "dot/e/f", "two/../file", "absolute/up/f"}) {
    context through{path};
    EQUAL(read_file(path), "content");
  }
  for (const char* path : {"to_dir/", "absolute/", "slash/", "to_dir/.", "two/.."}) {
    context through{path};
    EQUAL(look(path).st_ino, look("d").st_ino);
  }
  // ".." after a link is of the directory that it leads to.
  EQUAL(look("two/..").st_ino, look("d").st_ino);
  WORKS(chdir("two"));
  EQUAL(read_file("f"), "content");
  EQUAL(look("..").st_ino, look("../../d").st_ino);
  WORKS(chdir("../.."));
}

// Who may follow does not depend on the link's owner, and its mode says nothing.
ROOT_CASE(symlink, permissions_are_those_of_the_target) {
  make(type::regular, "f", 0640, owner.uid, shared);
  MUST(symlink("f", "l"));
  for (uid_t of_link : {0u, owner.uid, stranger.uid}) {
    MUST(lchown("l", of_link, 0));
    for (const user& u : four_users) {
      as(u, [&] {
        WORKS(read_one("l"));
        for (auto [access_flag, bit] : {std::pair{R_OK, 4u}, {W_OK, 2u}, {X_OK, 1u}}) {
          int result = access("l", access_flag);
          CHECK(bits_for(u, 0640) & bit ? result == 0 : result < 0 && errno == EACCES);
        }
      });
    }
  }
}

CASE(symlink, is_not_what_it_points_to) {
  MUST(symlink("f", "l"));
  CHECK(S_ISLNK(look("l").st_mode));
  EQUAL(look("l").st_nlink, 1);
  struct stat s;
  FAILS(ENOENT, stat("l", &s));
  write_file("f", "12345");
  WORKS(stat("l", &s));
  EQUAL(s.st_size, 5);
  EQUAL(look("l").st_size, 1);
  MUST(unlink("f"));
  MUST(mkdir("f", 0755));
  WORKS(stat("l", &s));
  CHECK(S_ISDIR(s.st_mode));
  MUST(unlink("l"));
  MUST(symlink("other", "l"));
  FAILS(ENOENT, stat("l", &s));
  EQUAL(read_link("l"), "other");
}

}  // namespace
}  // namespace posix
