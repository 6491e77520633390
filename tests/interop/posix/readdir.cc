// Reading directories: every name exactly once, whatever happens meanwhile.
#include <dirent.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

struct closes {
  void operator()(DIR* dir) const { closedir(dir); }
};
using directory = std::unique_ptr<DIR, closes>;

directory open_directory(const char* path) {
  directory dir(opendir(path));
  MUST(dir ? 0 : -1);
  return dir;
}

// How often each name comes until the end.
std::map<std::string, int> rest_of(DIR* dir) {
  std::map<std::string, int> all;
  errno = 0;
  while (dirent* entry = readdir(dir)) ++all[entry->d_name];
  EQUAL(errno, 0);
  return all;
}

std::string name_of(long i) { return "entry_with_a_longer_name_" + std::to_string(i); }

void fill(const char* path, long entries) {
  for (long i = 0; i < entries; ++i) {
    MUST(symlink("x", (std::string(path) + "/" + name_of(i)).c_str()));
  }
}

void check_once(const std::map<std::string, int>& found, long from, long to) {
  long wrong = 0;
  for (long i = from; i < to; ++i) {
    auto it = found.find(name_of(i));
    if (it == found.end() || it->second != 1) ++wrong;
  }
  EQUAL(wrong, 0);
}

CASE(readdir, dots_exactly_once) {
  MUST(mkdir("d", 0755));
  for (long entries : {0L, 1L, 10L, 100L, 1000L}) {
    context of{entries, " entries"};
    fill("d", entries);
    auto found = rest_of(open_directory("d").get());
    EQUAL(found["."], 1);
    EQUAL(found[".."], 1);
    EQUAL(static_cast<long>(found.size()), entries + 2);
    check_once(found, 0, entries);
    for (long i = 0; i < entries; ++i) MUST(unlink(("d/" + name_of(i)).c_str()));
  }
}

CASE(readdir, large_directories) {
  MUST(mkdir("d", 0755));
  const long entries = given().entries;
  fill("d", entries);
  directory dir = open_directory("d");
  for (int round = 0; round < 3; ++round) {
    auto found = rest_of(dir.get());
    EQUAL(static_cast<long>(found.size()), entries + 2);
    check_once(found, 0, entries);
    rewinddir(dir.get());
  }
  for (long i = 0; i < entries; i += 2) MUST(unlink(("d/" + name_of(i)).c_str()));
  rewinddir(dir.get());
  EQUAL(static_cast<long>(rest_of(dir.get()).size()), entries - (entries + 1) / 2 + 2);
  for (long i = 1; i < entries; i += 2) MUST(unlink(("d/" + name_of(i)).c_str()));
  EQUAL(static_cast<long>(names_in("d").size()), 0);
  WORKS(rmdir("d"));
}

CASE(readdir, long_names) {
  MUST(mkdir("d", 0755));
  const auto size = static_cast<std::size_t>(name_max());
  std::set<std::string> names;
  for (int i = 0; i < 300; ++i) {
    std::string name = std::to_string(i);
    name.resize(size, static_cast<char>('a' + i % 26));
    names.insert(name);
    MUST(symlink("x", ("d/" + name).c_str()));
  }
  const auto found = names_in("d");
  CHECK(std::ranges::equal(found, names));
}

CASE(readdir, types_and_numbers) {
  MUST(mkdir("d", 0755));
  for (type t : every_type()) make(t, "d/" + std::to_string(static_cast<int>(t)));
  directory dir = open_directory("d");
  while (dirent* entry = readdir(dir.get())) {
    const std::string name = entry->d_name;
    context of{name};
    struct stat s = look("d/" + name);
    CHECK(entry->d_type == DT_UNKNOWN || DTTOIF(entry->d_type) + 0u == (s.st_mode & S_IFMT));
    if (!lacks(feature::entry_numbers)) EQUAL(entry->d_ino, s.st_ino);
  }
}

CASE(readdir, every_place_can_be_found_again) {
  if (lacks(feature::seekdir)) return;
  MUST(mkdir("d", 0755));
  fill("d", 500);
  directory dir = open_directory("d");
  std::vector<std::pair<long, std::string>> places;
  for (;;) {
    long place = telldir(dir.get());
    dirent* entry = readdir(dir.get());
    if (!entry) break;
    places.emplace_back(place, entry->d_name);
  }
  EQUAL(places.size(), 502u);
  // Each place, in an order that jumps to and fro; 211 and 502 have no common divisor.
  for (std::size_t i = 0, at = 0; i < places.size(); ++i, at = (at + 211) % places.size()) {
    seekdir(dir.get(), places[at].first);
    dirent* entry = readdir(dir.get());
    CHECK(entry && places[at].second == entry->d_name);
    if (at + 1 == places.size()) continue;
    entry = readdir(dir.get());
    CHECK(entry && places[at + 1].second == entry->d_name);
  }
  seekdir(dir.get(), places[250].first);
  EQUAL(rest_of(dir.get()).size(), 252u);
  rewinddir(dir.get());
  EQUAL(rest_of(dir.get()).size(), 502u);
}

// Two readers of one directory do not disturb each other.
CASE(readdir, several_readers) {
  MUST(mkdir("d", 0755));
  fill("d", 300);
  directory one = open_directory("d"), two = open_directory("d");
  std::map<std::string, int> of_one, of_two;
  for (int i = 0; i < 302; ++i) {
    dirent* entry = readdir(one.get());
    if (entry) ++of_one[entry->d_name];
    if (i % 2) continue;
    entry = readdir(two.get());
    if (entry) ++of_two[entry->d_name];
  }
  CHECK(!readdir(one.get()));
  for (const auto& [name, n] : rest_of(two.get())) of_two[name] += n;
  check_once(of_one, 0, 300);
  check_once(of_two, 0, 300);
}

// Those that stay come exactly once; those that go, at most once.
CASE(readdir, while_entries_are_removed) {
  for (long entries : {50L, 2000L}) {
    context of{entries, " entries"};
    MUST(mkdir("d", 0755));
    fill("d", entries);
    directory dir = open_directory("d");
    std::map<std::string, int> found;
    for (long i = 0; i < entries / 4; ++i) ++found[readdir(dir.get())->d_name];
    for (long i = 0; i < entries; i += 3) MUST(unlink(("d/" + name_of(i)).c_str()));
    for (const auto& [name, n] : rest_of(dir.get())) found[name] += n;
    long wrong = 0, twice = 0;
    for (long i = 0; i < entries; ++i) {
      const int n = found.contains(name_of(i)) ? found[name_of(i)] : 0;
      if (i % 3 && n != 1) ++wrong;
      if (n > 1) ++twice;
    }
    EQUAL(wrong, 0);
    EQUAL(twice, 0);
    CHECK(remove_tree("d"));
  }
}

CASE(readdir, while_entries_are_added) {
  for (long entries : {50L, 2000L}) {
    context of{entries, " entries"};
    MUST(mkdir("d", 0755));
    fill("d", entries);
    directory dir = open_directory("d");
    std::map<std::string, int> found;
    for (long i = 0; i < entries / 4; ++i) ++found[readdir(dir.get())->d_name];
    for (long i = entries; i < 2 * entries; ++i) {
      MUST(symlink("x", ("d/" + name_of(i)).c_str()));
    }
    for (const auto& [name, n] : rest_of(dir.get())) found[name] += n;
    check_once(found, 0, entries);
    long twice = 0;
    for (const auto& [name, n] : found) twice += n > 1;
    EQUAL(twice, 0);
    rewinddir(dir.get());
    check_once(rest_of(dir.get()), 0, 2 * entries);
    CHECK(remove_tree("d"));
  }
}

// As `rm -r` does: each entry is removed as soon as it is read.
CASE(readdir, removing_what_was_read) {
  MUST(mkdir("d", 0755));
  fill("d", 3000);
  directory dir = open_directory("d");
  long removed = 0;
  while (dirent* entry = readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    MUST(unlink(("d/" + name).c_str()));
    ++removed;
  }
  EQUAL(removed, 3000);
  WORKS(rmdir("d"));
}

CASE(readdir, rewind_sees_changes) {
  MUST(mkdir("d", 0755));
  fill("d", 3);
  directory dir = open_directory("d");
  EQUAL(rest_of(dir.get()).size(), 5u);
  write_file("d/new", "");
  MUST(unlink(("d/" + name_of(0)).c_str()));
  MUST(rename(("d/" + name_of(1)).c_str(), "d/renamed"));
  rewinddir(dir.get());
  auto found = rest_of(dir.get());
  EQUAL(found.size(), 5u);
  CHECK(found.contains("new") && found.contains("renamed"));
  CHECK(!found.contains(name_of(0)) && !found.contains(name_of(1)));
  EQUAL(names_in("d").size(), 3u);
}

// What was changed is in the next listing, every time.
CASE(readdir, each_change_is_seen_at_once) {
  MUST(mkdir("d", 0755));
  for (int i = 0; i < 50; ++i) {
    const std::string name = "d/" + std::to_string(i);
    write_file(name, "");
    EQUAL(names_in("d").size(), static_cast<unsigned>(i) + 1);
    CHECK(exists(name));
  }
  for (int i = 0; i < 50; ++i) {
    MUST(unlink(("d/" + std::to_string(i)).c_str()));
    EQUAL(names_in("d").size(), 49u - static_cast<unsigned>(i));
  }
}

CASE(readdir, errors) {
  for (type t : every_type_but({type::directory, type::symlink})) {
    context of{posix::name_of(t)};
    make(t, "f");
    CHECK(!opendir("f") && errno == ENOTDIR);
    unmake(t, "f");
  }
  CHECK(!opendir("f") && errno == ENOENT);
  CHECK(!opendir("") && errno == ENOENT);
  MUST(mkdir("d", 0755));
  watch({{"d", nothing}}, [] { rest_of(open_directory("d").get()); });
}

}  // namespace
}  // namespace posix
