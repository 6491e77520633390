// What all calls that make a file have in common.
#include "tests/interop/posix/create.h"

#include <time.h>

namespace posix {
namespace {

// The bits that a creation keeps: mkdir() may drop the set-id bits, and Linux does.
mode_t kept_bits(const maker& m) { return m.makes == type::directory ? 01777 : 07777; }

void remove_made(const maker& m, const std::string& path) { unmake(m.makes, path); }

}  // namespace

std::vector<path_call> path_calls(const maker& m) {
  return {{m.name, [m](const char* p) { return m.run(p, 0644); }, true, false}};
}

void check_modes(const maker& m) {
  for (mode_t mask : {0u, 022u, 077u, 027u, 0777u, 0111u, 0200u, 0070u}) {
    for (mode_t mode :
         {0u, 0777u, 0644u, 0600u, 0755u, 0400u, 0222u, 0111u, 0751u, 0007u, 01777u}) {
      context which{m.name, ", mode ", octal(mode), ", umask ", octal(mask)};
      umask(mask);
      WORKS(m.run("f", mode));
      umask(0);
      struct stat s = look("f");
      EQUAL(octal(s.st_mode & 07777), octal(mode & ~mask & kept_bits(m)));
      EQUAL(s.st_mode & S_IFMT, format_of(m.makes));
      remove_made(m, "f");
    }
  }
  umask(0);
}

void check_existing(const maker& m) {
  for (type t : every_type()) {
    context which{m.name, " onto ", name_of(t)};
    MUST(mkdir("d", 0755));
    make(t, "d/there", 0600);
    const struct stat before = look("d/there");
    watch({{"d", nothing}, {"d/there", nothing}}, [&] {
      FAILS(EEXIST, m.run("d/there", 0644));
      // open() looks at the slash first, and says EISDIR.
      bool slash = t == type::directory && m.makes != type::regular;
      if (slash) FAILS(EEXIST, m.run("d/there/", 0644));
    });
    EQUAL(look("d/there").st_ino, before.st_ino);
    EQUAL(octal(look("d/there").st_mode), octal(before.st_mode));
    unmake(t, "d/there");
    MUST(rmdir("d"));
  }
  context name{m.name};
  MUST(symlink("missing", "dangling"));
  MUST(symlink("loop", "loop"));
  MUST(mkdir("d", 0755));
  MUST(symlink("d", "to_dir"));
  for (const char* path : {"dangling", "loop", "to_dir", ".", "..", "d/.", "d/..", "/"}) {
    context onto{path};
    FAILS(EEXIST, m.run(path, 0644));
  }
  CHECK(!exists("missing"));
}

void check_birth(const maker& m) {
  context name{m.name};
  MUST(mkdir("d", 0755));
  const struct stat dir = look("d");
  struct stat made;
  watch({{"d", both}, {".", nothing}}, [&] { WORKS(m.run("d/f", 0644)); });
  made = look("d/f");
  const struct stat after = look("d");
  for (const timespec& t : {made.st_ctim, made.st_mtim, made.st_atim}) {
    CHECK(t.tv_sec > dir.st_ctim.tv_sec ||
          (t.tv_sec == dir.st_ctim.tv_sec && t.tv_nsec > dir.st_ctim.tv_nsec));
  }
  EQUAL(made.st_dev, dir.st_dev);
  CHECK(made.st_ino != dir.st_ino);
  const bool makes_dir = m.makes == type::directory;
  if (!makes_dir) EQUAL(made.st_nlink, 1);
  if (!makes_dir) EQUAL(after.st_nlink, dir.st_nlink);
  if (makes_dir && !lacks(feature::dir_links)) {
    EQUAL(made.st_nlink, 2);
    EQUAL(after.st_nlink, dir.st_nlink + 1);
  }
  if (m.makes == type::regular) EQUAL(made.st_size, 0);
  if (m.makes == type::regular) EQUAL(made.st_blocks, 0);
  watch({{"d", nothing}, {"d/f", nothing}}, [&] {
    FAILS(EEXIST, m.run("d/f", 0644));
    FAILS(ENOENT, m.run("d/missing/f", 0644));
    FAILS(ENAMETOOLONG,
          m.run(("d/" + std::string(static_cast<std::size_t>(name_max()) + 1, 'n')).c_str(), 0644));
  });
  EQUAL(names_in("d").size(), 1u);
}

void check_owners(const maker& m) {
  for (mode_t mode_of_dir : {0777u, 01777u, 02777u, 03777u}) {
    const bool inherits = mode_of_dir & S_ISGID;
    for (const user& u : four_users) {
      context which{m.name, " in a directory of mode ", octal(mode_of_dir), " by ", u.name};
      make(type::directory, "d", mode_of_dir, owner.uid, elsewhere);
      as(u, [&] { WORKS(m.run("d/f", 0755)); });
      struct stat s = look("d/f");
      EQUAL(s.st_uid, u.uid);
      EQUAL(s.st_gid, inherits ? elsewhere : u.gid);
      bool both_set = inherits && m.makes == type::directory;
      EQUAL(octal(s.st_mode & 07777), octal(both_set ? 02755 : 0755));
      CHECK(remove_tree("d"));
    }
    context by_root{m.name, " in a directory of mode ", octal(mode_of_dir), " by root"};
    make(type::directory, "d", mode_of_dir, owner.uid, elsewhere);
    WORKS(m.run("d/f", 0700));
    EQUAL(look("d/f").st_uid, 0);
    EQUAL(look("d/f").st_gid, inherits ? elsewhere : 0);
    CHECK(remove_tree("d"));
  }
}

void check_parent_of(const maker& m) {
  auto prepare = [](const std::string&, const std::string&, const user&) {};
  auto run = [m](const std::string& dir, const std::string&) {
    return m.run((dir + "/new").c_str(), 0644);
  };
  check_parent({{m.name, prepare, run}});
}

}  // namespace posix
