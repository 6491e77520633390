// The permissions along a path, and of the directory that a call changes.
#include <fcntl.h>

#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

// Modes in which a user's own three bits are `bits`: the other six are all set, or none is, so
// that a file system which looks at the wrong ones is found.
struct mode_case {
  unsigned bits;
  mode_t mode;
  std::string dir;
};

std::vector<mode_case> modes_for(const user& u) {
  std::vector<mode_case> all;
  for (unsigned bits = 0; bits < 8; ++bits) {
    for (mode_t rest : {0777u & ~(7u << shift_of(u)), 0u}) {
      mode_t mode = bits << shift_of(u) | rest;
      all.push_back({bits, mode, octal(mode)});
    }
  }
  return all;
}

void free_directory(const std::string& path) { make(type::directory, path, 0777); }

void check_parent_as(const entry_call& c, const user& u) {
  const std::string top = "parents";
  free_directory(top);
  const auto modes = modes_for(u);
  std::vector<watched> unmoved;
  for (const auto& m : modes) {
    const std::string dir = top + "/" + m.dir;
    free_directory(dir);
    free_directory(dir + "_free");
    c.prepare(dir, dir + "_free", u);
    MUST(chown(dir.c_str(), owner.uid, shared));
    MUST(chmod(dir.c_str(), m.mode));
    if ((m.bits & 3) != 3) unmoved.push_back({dir, nothing});
  }
  watch(unmoved, [&] {
    as(u, [&] {
      for (const auto& m : modes) {
        context mode{"directory of mode ", m.dir};
        const std::string dir = top + "/" + m.dir;
        if ((m.bits & 3) == 3) {
          WORKS(c.run(dir, dir + "_free"));
        } else {
          FAILS(EACCES, c.run(dir, dir + "_free"));
        }
      }
    });
  });
  CHECK(remove_tree(top));
}

}  // namespace

void check_search(const std::vector<path_call>& calls) {
  for (const user& u : four_users) {
    const std::string top = "search" + std::to_string(u.uid);
    MUST(mkdir(top.c_str(), 0755));
    const auto modes = modes_for(u);
    for (const auto& m : modes) make(type::directory, top + "/" + m.dir, m.mode, owner.uid, shared);
    as(u, [&] {
      for (const auto& c : calls) {
        for (const auto& m : modes) {
          context which{c.name, ", directory of mode ", m.dir};
          const std::string path = top + "/" + m.dir + "/missing/x";
          FAILS((m.bits & 1 ? ENOENT : EACCES), c.run(path.c_str()));
        }
      }
    });
  }
}

void check_parent(const std::vector<entry_call>& calls) {
  for (const auto& c : calls) {
    for (const user& u : four_users) {
      context name{c.name};
      check_parent_as(c, u);
    }
  }
}

}  // namespace posix
