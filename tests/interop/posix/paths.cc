// Paths that lead nowhere, for every call that takes one.
#include "tests/interop/posix/paths.h"

#include <limits.h>

namespace posix {
namespace {

constexpr int most_links = 40;  // that Linux follows in one path; POSIX asks for 8

std::string file_name(type t) { return "paths/type" + std::to_string(static_cast<int>(t)); }

void make_fixtures() {
  MUST(mkdir("paths", 0755));
  MUST(mkdir("paths/dir", 0755));
  for (type t : every_type_but({type::directory, type::symlink})) make(t, file_name(t));
  MUST(symlink("missing", "paths/dangling"));
  MUST(symlink(file_name(type::regular).substr(6).c_str(), "paths/to_file"));
  MUST(symlink("loop", "paths/loop"));
  MUST(symlink("pong", "paths/ping"));
  MUST(symlink("ping", "paths/pong"));
  for (int i = 0; i <= most_links; ++i) {
    std::string next = i == most_links ? "dir" : "chain" + std::to_string(i + 1);
    MUST(symlink(next.c_str(), ("paths/chain" + std::to_string(i)).c_str()));
  }
}

void through_no_directory(const path_call& c) {
  for (type t : every_type_but({type::directory, type::symlink})) {
    context of{"through ", name_of(t)};
    const std::string file = file_name(t);
    for (const char* rest : {"/x", "/.", "/..", "/x/y", "//x", "/../dir"}) {
      context path{file, rest};
      FAILS(ENOTDIR, c.run((file + rest).c_str()));
    }
    if (c.creates) continue;
    for (const char* rest : {"/", "//"}) {
      context path{file, rest};
      FAILS(ENOTDIR, c.run((file + rest).c_str()));
    }
  }
  FAILS(ENOTDIR, c.run("paths/to_file/x"));
  FAILS(ENOTDIR, c.run("paths/dir/../to_file/x"));
}

void through_nothing(const path_call& c) {
  FAILS(ENOENT, c.run(""));
  FAILS(ENOENT, c.run("paths/missing/x"));
  FAILS(ENOENT, c.run("paths/missing/x/y"));
  FAILS(ENOENT, c.run("paths/missing/../dir"));
  FAILS(ENOENT, c.run("paths/dangling/x"));
  FAILS(ENOENT, c.run("paths/dir/missing/x"));
  if (c.creates) return;
  FAILS(ENOENT, c.run("paths/missing"));
  FAILS(ENOENT, c.run("paths/missing/"));
  if (c.follows) FAILS(ENOENT, c.run("paths/dangling"));
}

void too_long(const path_call& c) {
  const std::string name(static_cast<std::size_t>(name_max()) + 1, 'n');
  FAILS(ENAMETOOLONG, c.run(name.c_str()));
  FAILS(ENAMETOOLONG, c.run(("paths/dir/" + name).c_str()));
  FAILS(ENAMETOOLONG, c.run((name + "/x").c_str()));
  FAILS(ENAMETOOLONG, c.run(("paths/dir/" + name + "/x").c_str()));
  // PATH_MAX counts the NUL.
  std::string path = "paths/missing/x";
  while (path.size() + 2 < PATH_MAX) path = "./" + path;
  if (path.size() + 1 < PATH_MAX) path = "./" + path.replace(0, 2, "/");
  std::string longest = path.substr(path.size() - (PATH_MAX - 1));
  FAILS(ENOENT, c.run(longest.c_str()));
  FAILS(ENAMETOOLONG, c.run(("/" + longest).c_str()));
  path.assign(PATH_MAX + 1, '/');
  path.back() = 'x';
  FAILS(ENAMETOOLONG, c.run(path.c_str()));
  FAILS(ENAMETOOLONG, c.run(std::string(3 * PATH_MAX, 'p').c_str()));
}

void in_circles(const path_call& c) {
  FAILS(ELOOP, c.run("paths/loop/x"));
  FAILS(ELOOP, c.run("paths/ping/x"));
  FAILS(ELOOP, c.run("paths/pong/dir/x"));
  FAILS(ELOOP, c.run("paths/chain0/x"));
  FAILS(ENOENT, c.run("paths/chain1/missing/x"));
  FAILS(ENOENT, c.run("paths/chain33/missing/x"));
  if (!c.follows) return;
  FAILS(ELOOP, c.run("paths/loop"));
  FAILS(ELOOP, c.run("paths/ping"));
  FAILS(ELOOP, c.run("paths/chain0"));
}

}  // namespace

void check_bad_paths(const std::vector<path_call>& calls) {
  make_fixtures();
  watch({{".", nothing}, {"paths", nothing}, {"paths/dir", nothing}}, [&] {
    for (const auto& c : calls) {
      context name{c.name};
      through_no_directory(c);
      through_nothing(c);
      too_long(c);
      in_circles(c);
    }
  });
}

void check_read_only(const std::vector<path_call>& calls) {
  if (given().read_only.empty()) return skip("no --read-only");
  for (const auto& c : calls) {
    context name{c.name};
    FAILS(EROFS, c.run((given().read_only + (c.creates ? "/posix_suite_new" : "")).c_str()));
  }
}

}  // namespace posix
