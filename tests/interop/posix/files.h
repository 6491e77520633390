// What the cases of the POSIX suite are made of: files of each type, users, and the times that a
// call moves. Serves no stage.
//
// Thread safety: one thread in each process.
// Invariant: what cannot be set up ends the case with a failure; no case passes without its files.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/interop/posix/harness.h"

namespace posix {

enum class type { regular, directory, fifo, socket, block, character, symlink };

// Those that may be made here: devices only by root.
std::vector<type> every_type();
std::vector<type> every_type_but(std::initializer_list<type> unwanted);

const char* name_of(type t);
mode_t format_of(type t);  // its S_IF...

// Makes one; a symbolic link points to "nowhere". With an owner if there is one.
void make(type t, const std::string& path, mode_t mode = 0644);
void make(type t, const std::string& path, mode_t mode, uid_t uid, gid_t gid);
// Removes a file of any type.
void unmake(type t, const std::string& path);

void write_file(const std::string& path, const std::string& content, mode_t mode = 0644);
std::string read_file(const std::string& path);
std::string read_link(const std::string& path);

// Of the link itself, if it is one. Ends the case on failure.
struct stat look(const std::string& path);
bool exists(const std::string& path);
mode_t mode_of(const std::string& path);  // the twelve bits
// The names in a directory, sorted, without "." and "..".
std::vector<std::string> names_in(const std::string& path);

// Without following links; also of what has no permissions. False if something is left.
bool remove_tree(const std::string& path);

struct user {
  const char* name;
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;  // the supplementary ones
};

// The files of the cases belong to `owner` and to the group `shared`. The others stand in the ways
// there are to it: the group is their own, one of their supplementary ones, or neither.
inline constexpr gid_t shared = 61001, elsewhere = 61009;
inline const user owner{"the owner", 61001, shared, {}};
inline const user fellow{"a group member", 61002, shared, {}};
inline const user associate{"a supplementary member", 61003, 61003, {61008, shared, 61007}};
inline const user stranger{"another", 61004, 61004, {61008}};
inline const std::vector<user> four_users{owner, fellow, associate, stranger};

// Which three of the permission bits count for the user, of a file of `owner` and `shared`, and
// these bits.
unsigned shift_of(const user& u);
unsigned bits_for(const user& u, mode_t mode);

// Runs `body` in a child that has become the user. Its checks count.
void as(const user& u, const std::function<void()>& body);

// Which of a file's times a call moves: its status change time, its modification time.
enum moves : unsigned { nothing = 0, changed = 1, modified = 2, both = 3 };

struct watched {
  watched(const char* path, unsigned what) : before(path), after(path), moves(what) {}
  watched(const std::string& path, unsigned what) : before(path), after(path), moves(what) {}
  // One that the call moves from a path to another.
  watched(const char* from, const char* to, unsigned what) : before(from), after(to), moves(what) {}
  watched(int descriptor, unsigned what) : fd(descriptor), moves(what) {}

  std::string before, after;
  int fd = -1;
  unsigned moves;
};

// Runs `call` when the file system's clock is past all the files' times, and checks that it moves
// their times as told, and no others.
void watch(const std::vector<watched>& files, const std::function<void()>& call,
           where at = where::current());

// Waits until the file system's clock is past this time.
void wait_past(const timespec& time);

bool same(const timespec& left, const timespec& right);

long name_max();

}  // namespace posix
