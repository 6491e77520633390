// The calls that take a directory's descriptor.
#include <dirent.h>

#include <functional>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

struct at_call {
  std::string name;
  std::function<long(int, const char*)> run;
  bool creates = false;
  bool removes_directory = false;
};

int closing(int fd) { return fd < 0 ? fd : close(fd); }

std::vector<at_call> calls() {
  const timespec times[2]{{1, 0}, {1, 0}};
  return {
      {"openat", [](int d, const char* p) { return closing(openat(d, p, O_RDONLY)); }},
      {"openat to create",
       [](int d, const char* p) { return closing(openat(d, p, O_RDWR | O_CREAT | O_EXCL, 0644)); },
       true},
      {"fstatat",
       [](int d, const char* p) {
         struct stat s;
         return fstatat(d, p, &s, 0);
       }},
      {"faccessat", [](int d, const char* p) { return faccessat(d, p, F_OK, 0); }},
      {"fchmodat", [](int d, const char* p) { return fchmodat(d, p, 0600, 0); }},
      {"fchownat", [](int d, const char* p) { return fchownat(d, p, geteuid(), getegid(), 0); }},
      {"utimensat", [=](int d, const char* p) { return utimensat(d, p, times, 0); }},
      {"mkdirat", [](int d, const char* p) { return mkdirat(d, p, 0755); }, true},
      {"mkfifoat", [](int d, const char* p) { return mkfifoat(d, p, 0644); }, true},
      {"mknodat", [](int d, const char* p) { return mknodat(d, p, S_IFREG | 0644, 0); }, true},
      {"symlinkat", [](int d, const char* p) { return symlinkat("x", d, p); }, true},
      {"linkat to", [](int d, const char* p) { return linkat(AT_FDCWD, "source", d, p, 0); }, true},
      {"linkat from",
       [](int d, const char* p) {
         int result = linkat(d, p, AT_FDCWD, "linked", 0);
         return result ? result : unlink("linked");
       }},
      {"renameat to",
       [](int d, const char* p) {
         int result = renameat(AT_FDCWD, "source", d, p);
         return result ? result : link("real/new", "source");
       },
       true},
      {"renameat from",
       [](int d, const char* p) { return renameat(d, p, AT_FDCWD, "real/moved"); }},
      {"unlinkat", [](int d, const char* p) { return unlinkat(d, p, 0); }},
      {"unlinkat of a directory", [](int d, const char* p) { return unlinkat(d, p, AT_REMOVEDIR); },
       false, true},
  };
}

// The directory "real", with what the call needs, by whatever name the call is given.
void set_up(const at_call& c) {
  MUST(mkdir("real", 0755));
  if (c.removes_directory) make(type::directory, "real/there");
  if (!c.removes_directory && !c.creates) write_file("real/there", "content");
  write_file("source", "source");
}

void tear_down() {
  CHECK(remove_tree("real"));
  CHECK(remove_tree("source"));
}

CASE(at, relative_to_the_descriptor) {
  if (lacks(feature::links)) return;
  MUST(mkdir("elsewhere", 0755));
  for (const auto& c : calls()) {
    context name{c.name};
    const char* target = c.creates ? "new" : "there";
    set_up(c);
    int dir = open("real", O_RDONLY | O_DIRECTORY), path_only = open("real", O_PATH | O_DIRECTORY);
    int wrong = open("elsewhere", O_RDONLY | O_DIRECTORY);
    if (!c.creates) FAILS(ENOENT, c.run(wrong, target));
    WORKS(c.run(dir, target));
    tear_down();
    close(dir);
    close(path_only);
    set_up(c);
    path_only = open("real", O_PATH | O_DIRECTORY);
    WORKS(c.run(path_only, target));
    tear_down();
    close(path_only);
    close(wrong);
  }
  EQUAL(names_in("elsewhere").size(), 0u);
}

CASE(at, bad_descriptors) {
  for (const auto& c : calls()) {
    context name{c.name};
    set_up(c);
    const char* target = c.creates ? "new" : "there";
    int dir = open("real", O_RDONLY | O_DIRECTORY), file = open("source", O_RDONLY);
    close(dir);
    FAILS(EBADF, c.run(dir, target));
    FAILS(EBADF, c.run(-1, target));
    FAILS(ENOTDIR, c.run(file, target));
    FAILS(ENOENT, c.run(file, ""));
    close(file);
    EQUAL(names_in("real").size(), c.creates ? 0u : 1u);
    tear_down();
  }
}

CASE(at, absolute_paths_ignore_the_descriptor) {
  if (lacks(feature::links)) return;
  char here[4096];
  MUST(getcwd(here, sizeof here) ? 0 : -1);
  for (const auto& c : calls()) {
    context name{c.name};
    set_up(c);
    WORKS(c.run(-1, (std::string(here) + "/real/" + (c.creates ? "new" : "there")).c_str()));
    tear_down();
  }
}

// The descriptor is of the directory, whatever its name is now.
CASE(at, the_directory_may_move) {
  MUST(mkdir("real", 0755));
  MUST(mkdir("to", 0755));
  int dir = open("real", O_RDONLY | O_DIRECTORY);
  WORKS(rename("real", "to/moved"));
  MUST(mkdir("real", 0755));
  WORKS(closing(openat(dir, "f", O_RDWR | O_CREAT | O_EXCL, 0644)));
  CHECK(exists("to/moved/f") && !exists("real/f"));
  WORKS(mkdirat(dir, "d", 0755));
  WORKS(renameat(dir, "f", dir, "d/g"));
  CHECK(exists("to/moved/d/g"));
  WORKS(unlinkat(dir, "d/g", 0));
  close(dir);
}

// The descriptor does not save from the directory's permissions.
ROOT_CASE(at, search_permission_of_the_directory) {
  make(type::directory, "real", 0755, owner.uid, shared);
  make(type::regular, "real/f", 0666);
  int dir = open("real", O_RDONLY | O_DIRECTORY);
  for (const user& u : four_users) {
    for (mode_t m : {0u, 0111u, 0222u, 0444u, 0666u, 0777u, 0700u, 0077u, 0707u, 0770u}) {
      MUST(fchmod(dir, m));
      as(u, [&] {
        context mode{octal(m)};
        const unsigned bits = bits_for(u, m);
        int result = closing(openat(dir, "f", O_RDWR));
        CHECK(bits & 1 ? result == 0 : result < 0 && errno == EACCES);
        result = closing(openat(dir, "new", O_RDWR | O_CREAT | O_EXCL, 0644));
        CHECK((bits & 3) == 3 ? result == 0 : result < 0 && errno == EACCES);
        result = unlinkat(dir, "new", 0);
        CHECK((bits & 3) == 3 ? result == 0 : result < 0);
      });
    }
  }
  close(dir);
}

}  // namespace
}  // namespace posix
