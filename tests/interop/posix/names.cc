// Names: of any bytes and of each length, in every call that makes or finds one.
#include <algorithm>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

std::vector<std::string> odd_names() {
  std::vector<std::string> all{"...",      "....",      " ",        "  ",       "a b",
                               "-rf",      "*",         "?",        "\\",       "a\nb",
                               "\n",       "\t",        "\x01",     "\x7f",     "~",
                               "\xc3\xa9", "e\xcc\x81", "\xff",     "\xc0\x80", "\xed\xa0\x80",
                               "\xfe\xff", ":",         "a:b",      "con",      "a.",
                               ".hidden",  "a\rb",      "\"'`$;&|", "%s%n",     "\xe2\x80\xae"};
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/') continue;
    all.push_back(std::string("n") + static_cast<char>(byte));
  }
  return all;
}

CASE(names, of_any_bytes) {
  if (lacks(feature::any_bytes)) return;
  MUST(mkdir("d", 0755));
  for (type t : every_type()) {
    for (const auto& name : odd_names()) {
      context of{name_of(t), " named ", name};
      const std::string path = "d/" + name;
      make(t, path);
      EQUAL(look(path).st_mode & S_IFMT, format_of(t));
      const auto found = names_in("d");
      EQUAL(found.size(), 1u);
      CHECK(found.size() == 1 && found[0] == name);
      unmake(t, path);
    }
  }
}

CASE(names, of_any_bytes_all_at_once) {
  if (lacks(feature::any_bytes)) return;
  MUST(mkdir("d", 0755));
  auto names = odd_names();
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const auto& name : names) write_file("d/" + name, name);
  CHECK(names_in("d") == names);
  for (const auto& name : names) {
    context of{name};
    EQUAL(read_file("d/" + name), name);
    WORKS(rename(("d/" + name).c_str(), ("d/" + name + "\xff").c_str()));
    FAILS(ENOENT, access(("d/" + name).c_str(), F_OK));
    EQUAL(read_file("d/" + name + "\xff"), name);
    WORKS(unlink(("d/" + name + "\xff").c_str()));
  }
  EQUAL(names_in("d").size(), 0u);
}

CASE(names, of_each_length) {
  const long most = name_max();
  MUST(mkdir("d", 0755));
  for (type t : every_type()) {
    for (long size = 1; size <= most; size += size < 8 || size > most - 5 ? 1 : 13) {
      context of{name_of(t), ", ", size, " bytes"};
      const std::string path = "d/" + std::string(static_cast<std::size_t>(size), 'n');
      make(t, path);
      EQUAL(look(path).st_mode & S_IFMT, format_of(t));
      const auto found = names_in("d");
      CHECK(found.size() == 1 && "d/" + found[0] == path);
      std::string other = path;
      other.back() = 'm';
      WORKS(rename(path.c_str(), other.c_str()));
      CHECK(!exists(path));
      unmake(t, other);
    }
  }
  EQUAL(look("d").st_mode & S_IFMT, S_IFDIR);
}

CASE(names, that_are_too_long_make_nothing) {
  const std::string name(static_cast<std::size_t>(name_max()) + 1, 'n');
  struct stat s;
  watch({{".", nothing}}, [&] {
    FAILS(ENAMETOOLONG, mkdir(name.c_str(), 0755));
    FAILS(ENAMETOOLONG, open(name.c_str(), O_RDWR | O_CREAT, 0644));
    FAILS(ENAMETOOLONG, symlink("x", name.c_str()));
    FAILS(ENAMETOOLONG, mkfifo(name.c_str(), 0644));
    FAILS(ENAMETOOLONG, lstat(name.c_str(), &s));
    FAILS(ENAMETOOLONG, lstat((name + "n").c_str(), &s));
    FAILS(ENAMETOOLONG, lstat((name + name + name + name + name).c_str(), &s));
  });
  EQUAL(names_in(".").size(), 0u);
}

CASE(names, differ_in_case) {
  write_file("name", "small");
  write_file("NAME", "large");
  WORKS(mkdir("Name", 0755));
  EQUAL(read_file("name"), "small");
  EQUAL(read_file("NAME"), "large");
  EQUAL(names_in(".").size(), 3u);
  WORKS(rename("name", "nAME"));
  CHECK(!exists("name") && exists("nAME"));
}

// The same letters in two normal forms of Unicode are two names.
CASE(names, are_not_normalized) {
  if (lacks(feature::any_bytes)) return;
  write_file("\xc3\xa9", "composed");
  write_file("e\xcc\x81", "decomposed");
  EQUAL(read_file("\xc3\xa9"), "composed");
  EQUAL(read_file("e\xcc\x81"), "decomposed");
}

CASE(names, slashes_and_dots) {
  MUST(mkdir("d", 0755));
  write_file("d/f", "content");
  const auto number = look("d/f").st_ino;
  for (const char* path : {"d//f", "./d/f", "d/./f", ".//d//.//f", "d/../d/f", "d/./../d/f"}) {
    context of{path};
    EQUAL(look(path).st_ino, number);
  }
  for (const char* path : {"d/", "d//", "d/.", "d/./", "./d", "d/../d"}) {
    context of{path};
    EQUAL(look(path).st_ino, look("d").st_ino);
  }
}

// A deep path of long names, whose whole is as long as a path may be.
CASE(names, deep_paths) {
  const std::string name(200, 'd');
  std::string path = name;
  while (path.size() + 1 + name.size() < 4095) {
    MUST(mkdir(path.c_str(), 0755));
    path += "/" + name;
  }
  MUST(mkdir(path.c_str(), 0755));
  const std::string file = path + "/" + std::string(4095 - path.size() - 1, 'f');
  if (file.size() == 4095 && file.back() == 'f') {
    write_file(file, "content");
    EQUAL(read_file(file), "content");
    FAILS(ENAMETOOLONG, open((file + "f").c_str(), O_RDONLY));
    FAILS(ENAMETOOLONG, mkdir((file + "f").c_str(), 0755));
    WORKS(unlink(file.c_str()));
  }
  // Deeper than any path can tell: step by step.
  int dir = open(path.c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < 20; ++i) {
    MUST(mkdirat(dir, name.c_str(), 0755));
    int next = openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY);
    MUST(next);
    close(dir);
    dir = next;
  }
  WORKS(mkdirat(dir, "last", 0755));
  WORKS(faccessat(dir, "last/..", F_OK, 0));
  close(dir);
}

}  // namespace
}  // namespace posix
