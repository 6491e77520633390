// chown(), lchown(), fchown(), fchownat().
#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

constexpr uid_t same_uid = static_cast<uid_t>(-1);
constexpr gid_t same_gid = static_cast<gid_t>(-1);

struct chown_call {
  const char* name;
  int (*run)(const char*, uid_t, gid_t);
  bool follows;
};

int chown_at(const char* p, uid_t u, gid_t g) { return fchownat(AT_FDCWD, p, u, g, 0); }
int lchown_at(const char* p, uid_t u, gid_t g) {
  return fchownat(AT_FDCWD, p, u, g, AT_SYMLINK_NOFOLLOW);
}

const std::vector<chown_call> functions{{"chown", chown, true},
                                        {"lchown", lchown, false},
                                        {"fchownat", chown_at, true},
                                        {"fchownat, no follow", lchown_at, false}};

std::vector<path_call> calls() {
  std::vector<path_call> all;
  for (const auto& f : functions) {
    auto run = [f](const char* p) { return f.run(p, geteuid(), same_gid); };
    all.push_back({f.name, run, false, f.follows});
  }
  return all;
}

CASE(chown, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(chown, search_permission) { check_search(calls()); }
CASE(chown, read_only) { check_read_only(calls()); }

ROOT_CASE(chown, sets_owner_and_group_of_each_type) {
  const std::vector<std::pair<uid_t, gid_t>> pairs{
      {0, 0},         {1, 2},           {65534, 65535},        {65535, 65536},
      {65536, 65534}, {0x7ffffffe, 70}, {80, 0x7fffffff - 1u}, {shared, owner.uid}};
  for (type t : every_type()) {
    for (const auto& f : functions) {
      if (t == type::symlink && f.follows) continue;
      context of{f.name, " of ", name_of(t)};
      make(t, "f");
      for (auto [uid, gid] : pairs) {
        WORKS(f.run("f", uid, gid));
        EQUAL(look("f").st_uid, uid);
        EQUAL(look("f").st_gid, gid);
        WORKS(f.run("f", uid + 1, same_gid));
        EQUAL(look("f").st_uid, uid + 1);
        EQUAL(look("f").st_gid, gid);
        WORKS(f.run("f", same_uid, gid + 1));
        EQUAL(look("f").st_uid, uid + 1);
        EQUAL(look("f").st_gid, gid + 1);
        WORKS(f.run("f", same_uid, same_gid));
        EQUAL(look("f").st_uid, uid + 1);
        EQUAL(look("f").st_gid, gid + 1);
      }
      unmake(t, "f");
    }
  }
}

ROOT_CASE(chown, follows_links_or_not) {
  write_file("f", "");
  MUST(symlink("f", "l"));
  for (const auto& f : functions) {
    context name{f.name};
    MUST(chown("f", 0, 0));
    MUST(lchown("l", 0, 0));
    WORKS(f.run("l", 123, 456));
    EQUAL(look("f").st_uid, f.follows ? 123 : 0);
    EQUAL(look("f").st_gid, f.follows ? 456 : 0);
    EQUAL(look("l").st_uid, f.follows ? 0 : 123);
    EQUAL(look("l").st_gid, f.follows ? 0 : 456);
  }
}

ROOT_CASE(chown, fchown_sets_both) {
  for (type t : {type::regular, type::directory, type::fifo}) {
    context of{name_of(t)};
    make(t, "f");
    int fd = open("f", t == type::fifo ? O_RDWR | O_NONBLOCK : O_RDONLY);
    MUST(fd);
    watch({{"f", changed}}, [&] { WORKS(fchown(fd, 123, 456)); });
    EQUAL(look("f").st_uid, 123);
    EQUAL(look("f").st_gid, 456);
    as(stranger, [&] { FAILS(EPERM, fchown(fd, stranger.uid, stranger.gid)); });
    close(fd);
    FAILS(EBADF, fchown(fd, 1, 1));
    unmake(t, "f");
  }
}

bool member(const user& u, gid_t gid) {
  bool found = u.gid == gid;
  for (gid_t g : u.groups) found = found || g == gid;
  return found;
}

void check_who(const chown_call& f, const user& u, type t) {
  context which{f.name, " of ", name_of(t)};
  for (uid_t uid : {same_uid, owner.uid, fellow.uid, stranger.uid, 0u}) {
    for (gid_t gid : {same_gid, shared, elsewhere, 61008u, 61007u, 0u}) {
      if (uid == same_uid && gid == same_gid) continue;  // POSIX leaves it open
      context ids{"to ", static_cast<int>(uid), ':', static_cast<int>(gid)};
      MUST(lchown("f", owner.uid, shared));
      bool may = u.uid == owner.uid && (uid == same_uid || uid == owner.uid) &&
                 (gid == same_gid || gid == shared || member(u, gid));
      watch({{"f", may ? changed : nothing}}, [&] {
        as(u, [&] {
          if (may) {
            WORKS(f.run("f", uid, gid));
          } else {
            FAILS(EPERM, f.run("f", uid, gid));
          }
        });
      });
      EQUAL(look("f").st_uid, owner.uid);
      EQUAL(look("f").st_gid, may && gid != same_gid ? gid : shared);
    }
  }
}

// A user may give a file of theirs to a group that they are in, and nothing else.
ROOT_CASE(chown, only_the_owner_and_only_to_own_groups) {
  user much = owner;
  much.groups = {61008, 61007};
  for (type t : every_type()) {
    make(t, "f", 0666);
    for (const user& u : {much, owner, associate}) check_who(functions[1], u, t);
    if (t == type::regular) check_who(functions[0], much, t);
    unmake(t, "f");
  }
}

// On Linux root is as anyone else here. The set-group-ID bit without the group's execute bit is
// for mandatory locks, and stays.
mode_t after_chown(mode_t before) {
  mode_t lost = before & S_IXGRP ? 06000 : 04000;
  return before & ~lost;
}

ROOT_CASE(chown, clears_set_id_bits) {
  for (mode_t m : {04755u, 02755u, 06755u, 06711u, 04644u, 02745u, 06777u, 02710u, 07755u, 0755u}) {
    context mode{octal(m)};
    make(type::regular, "f", m, owner.uid, shared);
    user in_two = owner;
    in_two.groups = {elsewhere};
    for (const auto& f : functions) {
      context name{f.name};
      MUST(chown("f", owner.uid, shared));
      MUST(chmod("f", m));
      as(in_two, [&] { WORKS(f.run("f", same_uid, elsewhere)); });
      EQUAL(octal(mode_of("f")), octal(after_chown(m)));
      MUST(chmod("f", m));
      if (!lacks(feature::root_chown_clears)) {
        WORKS(f.run("f", stranger.uid, stranger.gid));
        EQUAL(octal(mode_of("f")), octal(after_chown(m)));
      }
    }
    MUST(unlink("f"));
  }
}

// Those of a directory mean something else.
ROOT_CASE(chown, keeps_the_bits_of_directories) {
  for (mode_t m : {02755u, 01777u, 03777u, 06755u}) {
    make(type::directory, "d", m, owner.uid, shared);
    WORKS(chown("d", stranger.uid, elsewhere));
    EQUAL(octal(mode_of("d")), octal(m));
    MUST(rmdir("d"));
  }
}

ROOT_CASE(chown, moves_ctime_only) {
  for (type t : every_type()) {
    context of{name_of(t)};
    MUST(mkdir("d", 0755));
    make(t, "d/f");
    watch({{"d", nothing}, {"d/f", changed}}, [] { WORKS(lchown("d/f", 5, 6)); });
    watch({{"d", nothing}, {"d/f", changed}}, [] { WORKS(lchown("d/f", 5, 6)); });
    watch({{"d", nothing}, {"d/f", changed}}, [] { WORKS(lchown("d/f", same_uid, 7)); });
    watch({{"d", nothing}, {"d/f", changed}}, [] { WORKS(lchown("d/f", 8, same_gid)); });
    watch({{"d", nothing}, {"d/f", nothing}}, [] { FAILS(ENOENT, lchown("d/g", 1, 1)); });
    unmake(t, "d/f");
    MUST(rmdir("d"));
  }
}

// Rights follow the owner at once.
ROOT_CASE(chown, takes_and_gives_rights) {
  make(type::regular, "f", 0600, owner.uid, shared);
  for (int i = 0; i < 3; ++i) {
    as(owner, [] { WORKS(open("f", O_RDWR)); });
    as(stranger, [] { FAILS(EACCES, open("f", O_RDWR)); });
    MUST(chown("f", stranger.uid, stranger.gid));
    as(stranger, [] { WORKS(open("f", O_RDWR)); });
    as(owner, [] { FAILS(EACCES, open("f", O_RDWR)); });
    MUST(chown("f", owner.uid, shared));
  }
}

}  // namespace
}  // namespace posix
