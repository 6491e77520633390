// rmdir(), unlinkat() with AT_REMOVEDIR.
#include <dirent.h>

#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

int remove_dir_at(const char* p) noexcept { return unlinkat(AT_FDCWD, p, AT_REMOVEDIR); }

std::vector<path_call> calls() {
  return {{"rmdir", rmdir, false, false}, {"unlinkat", remove_dir_at, false, false}};
}

CASE(rmdir, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(rmdir, search_permission) { check_search(calls()); }

ROOT_CASE(rmdir, parent_permission) {
  auto prepare = [](const std::string& dir, const std::string&, const user&) {
    make(type::directory, dir + "/d", 0);  // its own mode and owner do not matter
  };
  check_parent({{"rmdir", prepare, [](const std::string& dir, const std::string&) {
                   return rmdir((dir + "/d").c_str());
                 }}});
}

CASE(rmdir, removes_an_empty_directory) {
  for (auto* run : {rmdir, remove_dir_at}) {
    for (const char* path : {"d", "d/", "./d", "d//"}) {
      MUST(mkdir("d", 0755));
      watch({{".", both}}, [&] { WORKS(run(path)); });
      CHECK(!exists("d"));
      FAILS(ENOENT, run(path));
    }
  }
}

CASE(rmdir, not_a_full_one) {
  for (type t : every_type()) {
    context with{name_of(t)};
    MUST(mkdir("d", 0755));
    make(t, "d/f");
    watch({{".", nothing}, {"d", nothing}, {"d/f", nothing}}, [] {
      FAILS_EITHER(ENOTEMPTY, EEXIST, rmdir("d"));
      FAILS_EITHER(ENOTEMPTY, EEXIST, rmdir("d/"));
      FAILS_EITHER(ENOTEMPTY, EEXIST, remove_dir_at("d"));
    });
    CHECK(exists("d/f"));
    unmake(t, "d/f");
    WORKS(rmdir("d"));
  }
}

CASE(rmdir, only_directories) {
  for (type t : every_type_but({type::directory})) {
    context of{name_of(t)};
    make(t, "f");
    watch({{".", nothing}, {"f", nothing}}, [] {
      FAILS(ENOTDIR, rmdir("f"));
      FAILS(ENOTDIR, remove_dir_at("f"));
    });
    CHECK(exists("f"));
    unmake(t, "f");
  }
  MUST(mkdir("d", 0755));
  MUST(symlink("d", "l"));
  FAILS(ENOTDIR, rmdir("l"));
  FAILS(ENOTDIR, rmdir("l/"));
  CHECK(exists("d") && exists("l"));
}

CASE(rmdir, dots) {
  MUST(mkdir("d", 0755));
  MUST(mkdir("d/e", 0755));
  watch({{".", nothing}, {"d", nothing}, {"d/e", nothing}}, [] {
    FAILS(EINVAL, rmdir("."));
    FAILS(EINVAL, rmdir("d/."));
    FAILS(EINVAL, rmdir("d/e/."));
    FAILS_EITHER(ENOTEMPTY, EINVAL, rmdir("d/e/.."));
    FAILS_EITHER(ENOTEMPTY, EINVAL, rmdir("d/.."));
  });
}

CASE(rmdir, moves_times_of_the_parent) {
  MUST(mkdir("d", 0755));
  MUST(mkdir("d/e", 0755));
  MUST(mkdir("d/e/f", 0755));
  watch({{"d", nothing}, {"d/e", both}}, [] { WORKS(rmdir("d/e/f")); });
  watch({{"d", both}, {".", nothing}}, [] { WORKS(rmdir("d/e")); });
  watch({{"d", nothing}}, [] { FAILS(ENOENT, rmdir("d/e")); });
}

// A removed directory that is open or someone's working directory is empty, and takes nothing.
CASE(rmdir, of_an_open_directory) {
  MUST(mkdir("d", 0755));
  int fd = open("d", O_RDONLY | O_DIRECTORY);
  MUST(fd);
  WORKS(rmdir("d"));
  FAILS(ENOENT, openat(fd, "f", O_RDWR | O_CREAT, 0644));
  FAILS(ENOENT, mkdirat(fd, "e", 0755));
  FAILS(ENOENT, symlinkat("x", fd, "l"));
  FAILS(ENOENT, faccessat(fd, "f", F_OK, 0));
  DIR* dir = fdopendir(fd);
  int entries = 0;
  while (dir && readdir(dir)) ++entries;
  CHECK(entries == 0 || entries == 2);
  closedir(dir);
  MUST(mkdir("d", 0755));
  WORKS(access("d", F_OK));
}

CASE(rmdir, of_the_working_directory) {
  MUST(mkdir("d", 0755));
  const int above = open(".", O_RDONLY);
  MUST(chdir("d"));
  WORKS(rmdir("../d"));
  char path[4096];
  CHECK(!getcwd(path, sizeof path) && errno == ENOENT);
  FAILS(ENOENT, open("f", O_RDWR | O_CREAT, 0644));
  FAILS(ENOENT, mkdir("e", 0755));
  MUST(fchdir(above));
}

CASE(rmdir, again_and_again) {
  for (int i = 0; i < 300; ++i) {
    MUST(mkdir("d", 0755));
    MUST(symlink("x", "d/l"));
    MUST(unlink("d/l"));
    MUST(rmdir("d"));
  }
  CHECK(!exists("d"));
}

}  // namespace
}  // namespace posix
