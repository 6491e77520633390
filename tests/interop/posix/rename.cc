// rename(), renameat(): paths, types, and what they leave behind.
#include <limits.h>

#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

std::vector<path_call> calls() {
  return {{"rename from", [](const char* p) { return rename(p, "renamed"); }, false, false},
          {"rename to", [](const char* p) { return rename("source", p); }, true, false},
          {"rename a directory to", [](const char* p) { return rename("source_dir", p); }, true,
           false}};
}

CASE(rename, bad_paths) {
  write_file("source", "");
  MUST(mkdir("source_dir", 0755));
  check_bad_paths(calls());
  CHECK(exists("source") && exists("source_dir") && !exists("renamed"));
}

ROOT_CASE(rename, search_permission) {
  // Of sources in a directory that everyone may write.
  make(type::directory, "free", 0777);
  make(type::regular, "free/source", 0666);
  check_search({{"rename from", [](const char* p) { return rename(p, "free/renamed"); }},
                {"rename to", [](const char* p) { return rename("free/source", p); }}});
}

ROOT_CASE(rename, parent_permission) {
  std::vector<entry_call> all;
  for (type t : every_type()) {
    const std::string of = std::string(" of ") + name_of(t);
    auto inside = [t](const std::string& dir, const std::string&, const user& u) {
      make(t, dir + "/f", 0755, u.uid, u.gid);
    };
    auto outside = [t](const std::string&, const std::string& free, const user& u) {
      make(t, free + "/f", 0755, u.uid, u.gid);
    };
    auto both_sides = [=](const std::string& dir, const std::string& free, const user& u) {
      inside(dir, free, u);
      outside(dir, free, u);
    };
    auto call = [](const std::string& from, const std::string& to) {
      return rename(from.c_str(), to.c_str());
    };
    all.push_back({"rename out" + of, inside, [=](const std::string& dir, const std::string& free) {
                     return call(dir + "/f", free + "/g");
                   }});
    all.push_back(
        {"rename into" + of, outside, [=](const std::string& dir, const std::string& free) {
           return call(free + "/f", dir + "/g");
         }});
    all.push_back(
        {"rename onto" + of, both_sides, [=](const std::string& dir, const std::string& free) {
           return call(free + "/f", dir + "/f");
         }});
    all.push_back({"rename within" + of, inside, [=](const std::string& dir, const std::string&) {
                     return call(dir + "/f", dir + "/g");
                   }});
  }
  check_parent(all);
}

CASE(rename, moves_each_type) {
  for (type t : every_type()) {
    context of{name_of(t)};
    MUST(mkdir("from", 0755));
    MUST(mkdir("to", 0755));
    make(t, "from/f", 0640);
    const struct stat before = look("from/f");
    for (auto [from, to] : {std::pair{"from/f", "from/g"}, {"from/g", "to/g"}, {"to/g", "./f"}}) {
      context path{from, " to ", to};
      WORKS(rename(from, to));
      FAILS(ENOENT, access(from, F_OK));
      CHECK(!exists(from));
      struct stat s = look(to);
      EQUAL(s.st_ino, before.st_ino);
      EQUAL(s.st_mode, before.st_mode);
      EQUAL(s.st_nlink, before.st_nlink);
      EQUAL(s.st_size, before.st_size);
      EQUAL(s.st_rdev, before.st_rdev);
    }
    unmake(t, "f");
    MUST(rmdir("from"));
    MUST(rmdir("to"));
  }
}

CASE(rename, moves_times) {
  const unsigned of_file = has(feature::rename_ctime) ? changed : nothing;
  for (type t : every_type()) {
    context of{name_of(t)};
    MUST(mkdir("from", 0755));
    MUST(mkdir("to", 0755));
    make(t, "from/f", 0755);
    watch({{"from", both}, {"from/f", "from/g", of_file}},
          [] { WORKS(rename("from/f", "from/g")); });
    watch({{"from", both}, {"to", both}, {"from/g", "to/h", of_file}},
          [] { WORKS(rename("from/g", "to/h")); });
    make(type::regular, "from/file");
    make(type::directory, "from/dir", 0755);
    make(type::regular, "from/dir/entry");
    watch({{"from", nothing}, {"from/dir", nothing}, {"to", nothing}, {"to/h", nothing}}, [&] {
      FAILS(ENOENT, rename("to/missing", "from/x"));
      FAILS(ENOENT, rename("to/h", "from/missing/x"));
      FAILS(ENOTDIR, rename("to/h", "from/file/x"));
      if (t == type::directory) {
        FAILS(ENOTDIR, rename("to/h", "from/file"));
        FAILS_EITHER(ENOTEMPTY, EEXIST, rename("to/h", "from/dir"));
        FAILS(EINVAL, rename("to/h", "to/h/x"));
      } else {
        FAILS(EISDIR, rename("to/h", "from/dir"));
      }
    });
    CHECK(remove_tree("from"));
    CHECK(remove_tree("to"));
  }
}

void check_onto(type source, type target) {
  context which{name_of(source), " onto ", name_of(target)};
  MUST(mkdir("d", 0755));
  MUST(mkdir("e", 0755));
  make(source, "d/source", 0600);
  make(target, "e/target", 0700);
  const auto number = look("d/source").st_ino, other = look("e/target").st_ino;
  const bool from_dir = source == type::directory, onto_dir = target == type::directory;
  if (from_dir == onto_dir) {
    watch({{"d", both}, {"e", both}}, [] { WORKS(rename("d/source", "e/target")); });
    EQUAL(look("e/target").st_ino, number);
    EQUAL(look("e/target").st_mode & S_IFMT, format_of(source));
    CHECK(!exists("d/source"));
    EQUAL(names_in("d").size(), 0u);
    EQUAL(names_in("e").size(), 1u);
  } else {
    watch({{"d", nothing}, {"e", nothing}, {"d/source", nothing}, {"e/target", nothing}},
          [&] { FAILS((onto_dir ? EISDIR : ENOTDIR), rename("d/source", "e/target")); });
    EQUAL(look("d/source").st_ino, number);
    EQUAL(look("e/target").st_ino, other);
  }
  CHECK(remove_tree("d"));
  CHECK(remove_tree("e"));
}

CASE(rename, onto_each_type) {
  for (type source : every_type()) {
    for (type target : every_type()) check_onto(source, target);
  }
}

CASE(rename, onto_a_name_of_the_same_file) {
  if (lacks(feature::links)) return;
  for (type t : every_type_but({type::directory})) {
    context of{name_of(t)};
    make(t, "f");
    MUST(linkat(AT_FDCWD, "f", AT_FDCWD, "g", 0));
    watch({{".", nothing}, {"f", nothing}}, [] {
      WORKS(rename("f", "g"));
      WORKS(rename("f", "f"));
    });
    CHECK(exists("f") && exists("g"));
    EQUAL(look("f").st_nlink, 2);
    MUST(unlink("f"));
    MUST(unlink("g"));
  }
  MUST(mkdir("d", 0755));
  WORKS(rename("d", "d"));
  WORKS(rename("d", "./d"));
}

CASE(rename, replaced_file_loses_a_name) {
  if (lacks(feature::links)) return;
  for (type t : every_type_but({type::directory})) {
    context of{name_of(t)};
    make(type::regular, "f");
    make(t, "target");
    MUST(linkat(AT_FDCWD, "target", AT_FDCWD, "other", 0));
    watch({{"other", changed}}, [] { WORKS(rename("f", "target")); });
    EQUAL(look("other").st_nlink, 1);
    EQUAL(look("target").st_nlink, 1);
    EQUAL(look("other").st_mode & S_IFMT, format_of(t));
    MUST(unlink("other"));
    MUST(unlink("target"));
  }
}

CASE(rename, links_are_not_followed) {
  write_file("f", "content");
  MUST(symlink("f", "l"));
  WORKS(rename("l", "m"));
  EQUAL(read_link("m"), "f");
  CHECK(exists("f") && !exists("l"));
  write_file("g", "new");
  WORKS(rename("g", "m"));
  CHECK(S_ISREG(look("m").st_mode));
  EQUAL(read_file("f"), "content");
  MUST(symlink("missing", "dangling"));
  WORKS(rename("dangling", "dangling2"));
  EQUAL(read_link("dangling2"), "missing");
  MUST(mkdir("d", 0755));
  MUST(symlink("d", "to_dir"));
  MUST(mkdir("e", 0755));
  FAILS(ENOTDIR, rename("e", "to_dir"));
  FAILS(EISDIR, rename("m", "d"));
  WORKS(rename("m", "to_dir"));
  CHECK(S_ISREG(look("to_dir").st_mode));
}

CASE(rename, trailing_slashes) {
  MUST(mkdir("d", 0755));
  WORKS(rename("d/", "e"));
  WORKS(rename("e", "f/"));
  WORKS(rename("f//", "g//"));
  CHECK(S_ISDIR(look("g").st_mode));
  write_file("h", "");
  FAILS(ENOTDIR, rename("h/", "i"));
  FAILS(ENOTDIR, rename("h", "i/"));
  FAILS_EITHER(ENOTDIR, EISDIR, rename("h", "g/"));
  FAILS(ENOTDIR, rename("g", "h/"));
  CHECK(exists("g") && exists("h"));
}

CASE(rename, not_to_another_file_system) {
  if (given().other_fs.empty()) return skip("no other file system");
  const std::string there = given().other_fs + "/posix_suite_rename." + std::to_string(getpid());
  for (type t : every_type()) {
    context of{name_of(t)};
    make(t, "f");
    watch({{"f", nothing}, {".", nothing}}, [&] { FAILS(EXDEV, rename("f", there.c_str())); });
    make(t, there);
    FAILS(EXDEV, rename("f", there.c_str()));
    FAILS(EXDEV, rename(there.c_str(), "g"));
    CHECK(exists("f") && !exists("g"));
    unmake(t, "f");
    unmake(t, there);
  }
}

}  // namespace
}  // namespace posix
