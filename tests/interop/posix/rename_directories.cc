// rename() of directories and of files that are open.
#include "tests/interop/posix/files.h"

namespace posix {
namespace {

CASE(rename, not_into_itself) {
  MUST(mkdir("a", 0755));
  MUST(mkdir("a/b", 0755));
  MUST(mkdir("a/b/c", 0755));
  MUST(symlink("a/b", "l"));
  watch({{"a", nothing}, {"a/b", nothing}, {"a/b/c", nothing}, {".", nothing}}, [] {
    for (const char* to : {"a/x", "a/b/x", "a/b/c/x", "a/b/c", "l/x", "a/../a/x", "./a/b/../x"}) {
      context path{to};
      FAILS(EINVAL, rename("a", to));
    }
    FAILS(EINVAL, rename("a/b", "a/b/c/x"));
    FAILS_EITHER(ENOTEMPTY, EEXIST, rename("a/b/c", "a"));
    FAILS_EITHER(ENOTEMPTY, EEXIST, rename("a/b/c", "a/b"));
  });
  WORKS(rename("a/b/c", "c"));
  WORKS(rename("a/b", "c/b"));
}

CASE(rename, not_the_directories_of_dots) {
  MUST(mkdir("d", 0755));
  MUST(mkdir("e", 0755));
  watch({{"d", nothing}, {"e", nothing}, {".", nothing}}, [] {
    for (const char* path : {".", "..", "d/.", "d/..", "d/./."}) {
      context dots{path};
      FAILS_EITHER(EINVAL, EBUSY, rename(path, "new"));
      FAILS_EITHER(EINVAL, EBUSY, rename("e", path));
    }
  });
}

CASE(rename, a_full_tree_moves) {
  MUST(mkdir("a", 0755));
  MUST(mkdir("a/b", 0755));
  MUST(mkdir("a/b/c", 0755));
  write_file("a/b/c/f", "content");
  MUST(mkdir("to", 0755));
  int inside = open("a/b", O_RDONLY | O_DIRECTORY);
  MUST(inside);
  WORKS(rename("a", "to/z"));
  EQUAL(read_file("to/z/b/c/f"), "content");
  FAILS(ENOENT, access("a/b/c/f", F_OK));
  FAILS(ENOENT, access("a", F_OK));
  EQUAL(look("to/z/..").st_ino, look("to").st_ino);
  WORKS(faccessat(inside, "c/f", F_OK, 0));
  struct stat s;
  MUST(fstatat(inside, "..", &s, 0));
  EQUAL(s.st_ino, look("to/z").st_ino);
  close(inside);
}

CASE(rename, working_directory_moves_along) {
  MUST(mkdir("a", 0755));
  MUST(mkdir("a/b", 0755));
  write_file("a/b/f", "content");
  MUST(chdir("a/b"));
  WORKS(rename("../../a", "../../z"));
  EQUAL(read_file("f"), "content");
  char path[4096];
  CHECK(getcwd(path, sizeof path));
  CHECK(std::string(path).ends_with("/z/b"));
  WORKS(access("../../z/b/f", F_OK));
  MUST(chdir("../.."));
}

CASE(rename, directory_counts_follow) {
  if (lacks(feature::dir_links)) return;
  MUST(mkdir("a", 0755));
  MUST(mkdir("b", 0755));
  MUST(mkdir("a/d", 0755));
  MUST(mkdir("b/e", 0755));
  EQUAL(look("a").st_nlink, 3);
  WORKS(rename("a/d", "b/d"));
  EQUAL(look("a").st_nlink, 2);
  EQUAL(look("b").st_nlink, 4);
  WORKS(rename("b/d", "b/e"));
  EQUAL(look("b").st_nlink, 3);
  WORKS(rename("b/e", "b/f"));
  EQUAL(look("b").st_nlink, 3);
  MUST(mkdir("a/g", 0755));
  WORKS(rename("b/f", "a/g"));
  EQUAL(look("a").st_nlink, 3);
  EQUAL(look("b").st_nlink, 2);
}

CASE(rename, full_directories_are_not_replaced) {
  for (type t : every_type()) {
    context of{"with ", name_of(t)};
    MUST(mkdir("a", 0755));
    MUST(mkdir("b", 0755));
    make(t, "b/f");
    watch({{"a", nothing}, {"b", nothing}, {".", nothing}}, [] {
      FAILS_EITHER(ENOTEMPTY, EEXIST, rename("a", "b"));
      FAILS_EITHER(ENOTEMPTY, EEXIST, rename("a", "b/"));
    });
    CHECK(exists("b/f"));
    WORKS(rename("b", "a"));
    CHECK(exists("a/f"));
    unmake(t, "a/f");
    MUST(rmdir("a"));
  }
}

// Moving a directory to another parent writes its entry "..".
ROOT_CASE(rename, directories_of_others) {
  make(type::directory, "from", 0777);
  make(type::directory, "to", 0777);
  for (mode_t m : {0755u, 0700u, 0555u, 0777u, 0775u}) {
    for (const user& u : four_users) {
      context mode{octal(m)};
      make(type::directory, "from/d", m, owner.uid, shared);
      const bool may = bits_for(u, m) & 2;
      as(u, [&] {
        WORKS(rename("from/d", "from/e"));
        int result = rename("from/e", "to/d");
        CHECK(may ? result == 0 : result < 0 && errno == EACCES);
      });
      MUST(rmdir(may ? "to/d" : "from/e"));
    }
  }
}

// Neither the owner nor the rights of a file matter for a rename.
ROOT_CASE(rename, files_of_others) {
  make(type::directory, "from", 0777);
  make(type::directory, "to", 0777);
  for (type t : every_type_but({type::directory})) {
    for (const user& u : four_users) {
      context of{name_of(t)};
      make(t, "from/f", 0, owner.uid, shared);
      make(t, "to/f", 0, stranger.uid, stranger.gid);
      as(u, [] { WORKS(rename("from/f", "to/f")); });
      EQUAL(look("to/f").st_uid, owner.uid);
      EQUAL(look("to/f").st_gid, shared);
      unmake(t, "to/f");
    }
  }
}

CASE(rename, open_files_keep_their_content) {
  write_file("f", "old");
  write_file("g", "new");
  int replaced = open("g", O_RDWR), moved = open("f", O_RDWR);
  MUST(replaced);
  MUST(moved);
  WORKS(rename("f", "g"));
  char bytes[8];
  EQUAL(pread(replaced, bytes, 8, 0), 3);
  EQUAL(std::string(bytes, 3), "new");
  EQUAL(pwrite(replaced, "NEW!", 4, 0), 4);
  EQUAL(pread(replaced, bytes, 8, 0), 4);
  EQUAL(pread(moved, bytes, 8, 0), 3);
  EQUAL(std::string(bytes, 3), "old");
  EQUAL(pwrite(moved, "OLDER", 5, 0), 5);
  EQUAL(read_file("g"), "OLDER");
  struct stat s;
  MUST(fstat(moved, &s));
  EQUAL(s.st_nlink, 1);
  EQUAL(s.st_size, 5);
  MUST(fstat(replaced, &s));
  EQUAL(s.st_size, 4);
  if (!lacks(feature::unlinked_nlink)) EQUAL(s.st_nlink, 0);
  close(replaced);
  close(moved);
  EQUAL(names_in(".").size(), 1u);
}

CASE(rename, again_and_again) {
  write_file("f0", "content");
  for (int i = 0; i < 500; ++i) {
    MUST(rename(("f" + std::to_string(i)).c_str(), ("f" + std::to_string(i + 1)).c_str()));
  }
  EQUAL(read_file("f500"), "content");
  EQUAL(names_in(".").size(), 1u);
  write_file("g", "");
  for (int i = 0; i < 20; ++i) {
    const std::string text = std::to_string(i);
    write_file("new", text);
    MUST(rename("new", "g"));
    EQUAL(read_file("g"), text);
  }
}

}  // namespace
}  // namespace posix
