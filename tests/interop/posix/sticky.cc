// The sticky bit of directories: who may remove and rename what is in them.
#include "tests/interop/posix/files.h"

namespace posix {
namespace {

const std::vector<user> actors{owner, fellow, stranger};

enum class act { removal, rename_within, rename_out, replacement };
const std::vector<std::pair<act, const char*>> acts{{act::removal, "removal"},
                                                    {act::rename_within, "rename within"},
                                                    {act::rename_out, "rename out"},
                                                    {act::replacement, "replacement"}};

std::string entry_of(type t) { return "d/" + std::to_string(static_cast<int>(t)); }

void set_up(mode_t mode, uid_t of_dir, uid_t of_files, uid_t actor) {
  make(type::directory, "d", 0777);
  make(type::directory, "free", 0777);
  for (type t : every_type()) {
    // What of the types is written by a rename of a directory: its entry "..".
    make(t, entry_of(t), 0777, of_files, 77);
    make(t, entry_of(t) + "_mine", 0777, actor, 77);
  }
  MUST(chown("d", of_dir, 77));
  MUST(chmod("d", mode));
}

int perform(act a, type t) {
  const std::string entry = entry_of(t);
  switch (a) {
    case act::removal:
      return t == type::directory ? rmdir(entry.c_str()) : unlink(entry.c_str());
    case act::rename_within:
      return rename(entry.c_str(), (entry + "_new").c_str());
    case act::rename_out:
      return rename(entry.c_str(), ("free" + entry.substr(1)).c_str());
    case act::replacement:
      return rename((entry + "_mine").c_str(), entry.c_str());
  }
  return -1;
}

void check_acts(bool may, act a) {
  for (type t : every_type()) {
    context of{name_of(t)};
    if (may) {
      WORKS(perform(a, t));
    } else {
      FAILS_EITHER(EPERM, EACCES, perform(a, t));
      CHECK(exists(entry_of(t)));
    }
  }
}

ROOT_CASE(sticky, who_may_remove_and_rename) {
  for (mode_t mode : {0777u, 01777u, 03777u}) {
    for (uid_t of_dir : {0u, owner.uid, stranger.uid}) {
      for (uid_t of_files : {0u, owner.uid, fellow.uid}) {
        for (const user& actor : actors) {
          for (auto [a, name] : acts) {
            context which{name,        ", directory of ", of_dir,  " and mode ",
                          octal(mode), ", files of ",     of_files};
            set_up(mode, of_dir, of_files, actor.uid);
            bool may = !(mode & S_ISVTX) || actor.uid == of_dir || actor.uid == of_files;
            const unsigned of_dir_times = may ? both : nothing;
            watch({{"d", of_dir_times}}, [&] { as(actor, [&] { check_acts(may, a); }); });
            CHECK(remove_tree("d"));
            CHECK(remove_tree("free"));
          }
        }
      }
    }
  }
}

ROOT_CASE(sticky, root_may_all) {
  for (auto [a, name] : acts) {
    context which{name};
    set_up(01777, stranger.uid, owner.uid, fellow.uid);
    check_acts(true, a);
    CHECK(remove_tree("d"));
    CHECK(remove_tree("free"));
  }
}

// The bit is about names; content and modes are as ever, and new names are for all.
ROOT_CASE(sticky, does_not_matter_for_the_rest) {
  make(type::directory, "d", 01777, owner.uid, shared);
  make(type::regular, "d/f", 0666, owner.uid, shared);
  for (const user& u : actors) {
    as(u, [&] {
      int fd = open("d/f", O_RDWR | O_TRUNC);
      WORKS(fd);
      EQUAL(write(fd, "x", 1), 1);
      close(fd);
      const std::string name = std::string("d/of_") + std::to_string(u.uid);
      write_file(name, "");
      WORKS(mkdir((name + "_dir").c_str(), 0755));
      WORKS(rename(name.c_str(), (name + "_too").c_str()));
      WORKS(unlink((name + "_too").c_str()));
      WORKS(rmdir((name + "_dir").c_str()));
    });
  }
}

// The bit of the directory itself is what matters, not that of the ones above.
ROOT_CASE(sticky, is_not_inherited) {
  make(type::directory, "d", 01777, owner.uid, shared);
  make(type::directory, "d/e", 0777, owner.uid, shared);
  make(type::regular, "d/e/f", 0666, owner.uid, shared);
  as(stranger, [] {
    WORKS(unlink("d/e/f"));
    FAILS_EITHER(EPERM, EACCES, rmdir("d/e"));
    WORKS(mkdir("d/g", 0755));
    EQUAL(octal(mode_of("d/g")), "0755");
  });
}

}  // namespace
}  // namespace posix
