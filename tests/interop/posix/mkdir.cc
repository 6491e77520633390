// mkdir(), mkdirat().
#include "tests/interop/posix/create.h"

namespace posix {
namespace {

const maker by_mkdir{"mkdir", type::directory, [](const char* p, mode_t m) { return mkdir(p, m); }};
const maker by_mkdirat{"mkdirat", type::directory,
                       [](const char* p, mode_t m) { return mkdirat(AT_FDCWD, p, m); }};

CASE(mkdir, bad_paths) { check_bad_paths(path_calls(by_mkdir)); }
ROOT_CASE(mkdir, search_permission) { check_search(path_calls(by_mkdir)); }
ROOT_CASE(mkdir, parent_permission) { check_parent_of(by_mkdir); }
CASE(mkdir, read_only) { check_read_only(path_calls(by_mkdir)); }
CASE(mkdir, modes) { check_modes(by_mkdir); }
CASE(mkdir, modes_of_mkdirat) { check_modes(by_mkdirat); }
CASE(mkdir, existing) { check_existing(by_mkdir); }
CASE(mkdir, birth) { check_birth(by_mkdir); }
ROOT_CASE(mkdir, owners) { check_owners(by_mkdir); }

CASE(mkdir, makes_an_empty_directory) {
  WORKS(mkdir("d", 0755));
  EQUAL(names_in("d").size(), 0u);
  EQUAL(look("d/.").st_ino, look("d").st_ino);
  EQUAL(look("d/..").st_ino, look(".").st_ino);
  WORKS(mkdir("e/", 0755));
  WORKS(mkdir("f///", 0755));
  WORKS(mkdir("./d/../g", 0755));
  EQUAL(names_in(".").size(), 4u);
  FAILS(ENOENT, mkdir("h/.", 0755));
  FAILS(ENOENT, mkdir("h/..", 0755));
}

CASE(mkdir, nests_deeply) {
  std::string path = "d";
  for (int i = 0; i < 200; ++i) {
    MUST(mkdir(path.c_str(), 0755));
    path += "/d";
  }
  WORKS(mkdir(path.c_str(), 0755));
  EQUAL(look(path + "/..").st_ino, look(path.substr(0, path.size() - 2)).st_ino);
}

CASE(mkdir, counts_directories_in_directories) {
  if (lacks(feature::dir_links)) return;
  MUST(mkdir("d", 0755));
  for (nlink_t i = 0; i < 20; ++i) {
    EQUAL(look("d").st_nlink, 2 + i);
    MUST(mkdir(("d/" + std::to_string(i)).c_str(), 0755));
    make(type::regular, "d/file" + std::to_string(i));
  }
  for (nlink_t i = 0; i < 20; ++i) {
    MUST(rmdir(("d/" + std::to_string(i)).c_str()));
    EQUAL(look("d").st_nlink, 21 - i);
  }
}

// The bit passes down the whole tree, and so does the group.
ROOT_CASE(mkdir, set_group_id_passes_down) {
  make(type::directory, "d", 02777, 0, elsewhere);
  as(stranger, [] {
    std::string path = "d";
    for (int i = 0; i < 5; ++i) {
      path += "/e";
      WORKS(mkdir(path.c_str(), 0755));
      EQUAL(look(path).st_gid, elsewhere);
      EQUAL(octal(mode_of(path)), "02755");
      write_file(path + "/f", "");
      EQUAL(look(path + "/f").st_gid, elsewhere);
      EQUAL(octal(mode_of(path + "/f")), "0644");
    }
  });
}

}  // namespace
}  // namespace posix
