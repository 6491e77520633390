// link(), linkat().
#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

std::vector<path_call> calls() {
  return {
      {"link from", [](const char* p) { return link(p, "linked"); }, false, false},
      {"link to", [](const char* p) { return link("source", p); }, true, false},
      {"linkat from, followed",
       [](const char* p) { return linkat(AT_FDCWD, p, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW); }},
      {"linkat to", [](const char* p) { return linkat(AT_FDCWD, "source", AT_FDCWD, p, 0); }, true,
       false},
  };
}

CASE(link, bad_paths) {
  if (lacks(feature::links)) return;
  write_file("source", "");
  check_bad_paths(calls());
  EQUAL(look("source").st_nlink, 1);
}

ROOT_CASE(link, search_permission) {
  if (lacks(feature::links)) return;
  make(type::regular, "source", 0666);
  check_search(calls());
}

ROOT_CASE(link, parent_permission) {
  if (lacks(feature::links)) return;
  auto prepare = [](const std::string&, const std::string& free, const user& u) {
    make(type::regular, free + "/source", 0644, u.uid, u.gid);
  };
  auto run = [](const std::string& dir, const std::string& free) {
    return link((free + "/source").c_str(), (dir + "/new").c_str());
  };
  check_parent({{"link", prepare, run}});
}

CASE(link, counts_and_shares) {
  if (lacks(feature::links)) return;
  for (type t : every_type_but({type::directory})) {
    context of{name_of(t)};
    make(t, "f");
    struct stat first = look("f");
    EQUAL(first.st_nlink, 1);
    for (int i = 1; i <= 5; ++i) {
      const std::string name = "l" + std::to_string(i);
      WORKS(linkat(AT_FDCWD, i == 1 ? "f" : "l1", AT_FDCWD, name.c_str(), 0));
      struct stat s = look(name);
      EQUAL(s.st_ino, first.st_ino);
      EQUAL(s.st_dev, first.st_dev);
      EQUAL(s.st_rdev, first.st_rdev);
      EQUAL(s.st_mode, first.st_mode);
      EQUAL(s.st_size, first.st_size);
      EQUAL(s.st_nlink, i + 1);
      EQUAL(look("f").st_nlink, i + 1);
    }
    if (t != type::symlink) {
      MUST(chmod("l3", 0605));
      EQUAL(octal(mode_of("f")), "0605");
      EQUAL(octal(mode_of("l5")), "0605");
    }
    for (int i = 1; i <= 5; ++i) {
      WORKS(unlink(("l" + std::to_string(i)).c_str()));
      EQUAL(look("f").st_nlink, 6 - i);
    }
    MUST(unlink("f"));
  }
}

CASE(link, shares_content) {
  if (lacks(feature::links)) return;
  MUST(mkdir("d", 0755));
  write_file("f", "one");
  WORKS(link("f", "d/g"));
  EQUAL(read_file("d/g"), "one");
  write_file("d/g", "twice");
  EQUAL(read_file("f"), "twice");
  MUST(unlink("f"));
  EQUAL(read_file("d/g"), "twice");
  WORKS(link("d/g", "f"));
  EQUAL(read_file("f"), "twice");
}

CASE(link, no_directories) {
  if (lacks(feature::links)) return;
  MUST(mkdir("d", 0755));
  MUST(mkdir("d/e", 0755));
  watch({{".", nothing}, {"d", nothing}}, [] {
    FAILS(EPERM, link("d", "new"));
    FAILS(EPERM, link("d/e", "d/new"));
    FAILS_EITHER(EPERM, EEXIST, link("d", "d/e"));
    FAILS(EPERM, link(".", "new"));
  });
  CHECK(!exists("new"));
}

CASE(link, not_onto_what_is_there) {
  if (lacks(feature::links)) return;
  for (type source : every_type_but({type::directory})) {
    for (type t : every_type()) {
      context of{name_of(source), " onto ", name_of(t)};
      MUST(mkdir("d", 0755));
      make(source, "f");
      make(t, "d/there");
      const auto number = look("d/there").st_ino;
      watch({{"f", nothing}, {"d/there", nothing}, {"d", nothing}},
            [] { FAILS(EEXIST, link("f", "d/there")); });
      EQUAL(look("d/there").st_ino, number);
      unmake(t, "d/there");
      unmake(source, "f");
      MUST(rmdir("d"));
    }
  }
  write_file("f", "");
  FAILS(EEXIST, link("f", "f"));
  FAILS(EEXIST, link("f", "."));
  FAILS(EEXIST, link("f", ".."));
}

CASE(link, moves_times) {
  if (lacks(feature::links)) return;
  for (type t : every_type_but({type::directory})) {
    context of{name_of(t)};
    MUST(mkdir("from", 0755));
    MUST(mkdir("to", 0755));
    make(t, "from/f");
    watch({{"from", nothing}, {"from/f", changed}, {"to", both}},
          [] { WORKS(link("from/f", "to/g")); });
    watch({{"from", nothing}, {"from/f", nothing}, {"to", nothing}}, [] {
      FAILS(EEXIST, link("from/f", "to/g"));
      FAILS(ENOENT, link("from/missing", "to/h"));
      FAILS(ENOENT, link("from/f", "to/missing/h"));
    });
    watch({{"to", both}, {"from/f", changed}}, [] { WORKS(unlink("to/g")); });
    unmake(t, "from/f");
    MUST(rmdir("from"));
    MUST(rmdir("to"));
  }
}

CASE(link, follows_only_when_asked) {
  if (lacks(feature::links)) return;
  write_file("f", "target");
  MUST(symlink("f", "l"));
  MUST(symlink("nowhere", "dangling"));
  WORKS(linkat(AT_FDCWD, "l", AT_FDCWD, "to_link", 0));
  CHECK(S_ISLNK(look("to_link").st_mode));
  EQUAL(look("to_link").st_ino, look("l").st_ino);
  WORKS(linkat(AT_FDCWD, "l", AT_FDCWD, "to_file", AT_SYMLINK_FOLLOW));
  EQUAL(look("to_file").st_ino, look("f").st_ino);
  EQUAL(look("f").st_nlink, 2);
  EQUAL(look("l").st_nlink, 2);
  FAILS(ENOENT, linkat(AT_FDCWD, "dangling", AT_FDCWD, "x", AT_SYMLINK_FOLLOW));
  WORKS(linkat(AT_FDCWD, "dangling", AT_FDCWD, "x", 0));
  EQUAL(read_link("x"), "nowhere");
  FAILS(EEXIST, link("f", "dangling"));
  CHECK(!exists("nowhere"));
  FAILS(EINVAL, linkat(AT_FDCWD, "f", AT_FDCWD, "y", 0x40000000));
}

CASE(link, not_to_another_file_system) {
  if (lacks(feature::links)) return;
  if (given().other_fs.empty()) return skip("no other file system");
  const std::string there = given().other_fs + "/posix_suite_link." + std::to_string(getpid());
  for (type t : every_type_but({type::directory})) {
    context of{name_of(t)};
    make(t, "f");
    watch({{"f", nothing}}, [&] { FAILS(EXDEV, link("f", there.c_str())); });
    unmake(t, "f");
    make(t, there);
    FAILS(EXDEV, link(there.c_str(), "f"));
    CHECK(!exists("f"));
    unmake(t, there);
  }
}

// The owner of what is linked does not change, whoever links it.
ROOT_CASE(link, keeps_the_owner) {
  if (lacks(feature::links)) return;
  make(type::directory, "d", 0777);
  make(type::regular, "f", 0644, owner.uid, shared);
  WORKS(link("f", "d/by_root"));
  as(owner, [] { WORKS(link("f", "d/by_owner")); });
  for (const char* name : {"d/by_root", "d/by_owner"}) {
    EQUAL(look(name).st_uid, owner.uid);
    EQUAL(look(name).st_gid, shared);
  }
  EQUAL(look("f").st_nlink, 3);
}

CASE(link, many_names_of_one_file) {
  if (lacks(feature::links)) return;
  write_file("f", "x");
  for (int i = 0; i < 1000; ++i) MUST(link("f", ("l" + std::to_string(i)).c_str()));
  EQUAL(look("l999").st_nlink, 1001);
  EQUAL(names_in(".").size(), 1001u);
  for (int i = 0; i < 1000; i += 2) MUST(unlink(("l" + std::to_string(i)).c_str()));
  EQUAL(look("f").st_nlink, 501);
}

}  // namespace
}  // namespace posix
