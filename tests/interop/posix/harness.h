// The harness of the POSIX suite: cases, checks, and how they are counted. Serves no stage.
//
//   CASE(rmdir, removes_an_empty_directory) {
//     MUST(mkdir("d", 0755));
//     WORKS(rmdir("d"));
//     FAILS(ENOENT, rmdir("d"));
//   }
//
// A case runs in a process and in an empty directory of its own, with umask 0. A check counts as
// passed or failed and lets the case go on; MUST counts only when it fails, and ends the case.
//
// Thread safety: one thread in each process. The counts are in memory that the processes share, so
// a check in any child of a case counts too.
// Invariant: errno, as a call left it, is read before anything else can change it.
#pragma once

#include <cerrno>
#include <concepts>
#include <source_location>
#include <sstream>
#include <string>
#include <utility>

#include "tests/interop/posix/settings.h"

namespace posix {

using where = std::source_location;

enum class needs { nothing, root };

struct registration {
  registration(const char* group, const char* name, needs what, void (*run)());
};

#define POSIX_CASE(group, name, what)                             \
  static void group##_##name();                                   \
  static const ::posix::registration group##_##name##_registered{ \
      #group, #name, ::posix::needs::what, group##_##name};       \
  static void group##_##name()

#define CASE(group, name) POSIX_CASE(group, name, nothing)
// One that makes files of other users or becomes them; skipped when not run by root.
#define ROOT_CASE(group, name) POSIX_CASE(group, name, root)

// Thrown by MUST, to end the case (or the child of as()).
struct stopped {};

bool check(bool held, const char* text, where at = where::current());
bool check_equal(bool equal, const std::string& left, const std::string& right, const char* text,
                 where at);
bool works(long result, const char* text, where at);
bool fails(std::initializer_list<int> expected, long result, const char* text, where at);
void must(bool held, const char* text, where at);

template <class T>
std::string words(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

template <class A, class B>
  requires std::integral<A> && std::integral<B>
bool equal(const A& left, const B& right, const char* text, where at) {
  return check_equal(std::cmp_equal(left, right), words(left), words(right), text, at);
}
inline bool equal(const std::string& left, const std::string& right, const char* text, where at) {
  return check_equal(left == right, left, right, text, at);
}

#define POSIX_HERE ::posix::where::current()
#define CHECK(...) ::posix::check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, POSIX_HERE)
#define EQUAL(left, right) ::posix::equal((left), (right), #left " == " #right, POSIX_HERE)
// The call must not return a negative number.
#define WORKS(...) ::posix::works((__VA_ARGS__), #__VA_ARGS__, POSIX_HERE)
// The call must return a negative number and leave this errno, or one of two.
#define FAILS(error, ...) ::posix::fails({error}, (__VA_ARGS__), #__VA_ARGS__, POSIX_HERE)
#define FAILS_EITHER(error, another, ...) \
  ::posix::fails({error, another}, (__VA_ARGS__), #__VA_ARGS__, POSIX_HERE)
#define MUST(...) ::posix::must((__VA_ARGS__) >= 0, #__VA_ARGS__, POSIX_HERE)

// Counts one skipped check and remembers why.
void skip(const std::string& why);

// If the file system is said to lack the feature: skips, and returns true.
bool lacks(feature f);

// Says with each failure, while it lives, of which combination it is.
class context {
 public:
  template <class... Parts>
  explicit context(const Parts&... parts) {
    std::ostringstream out;
    (out << ... << parts);
    push(out.str());
  }
  ~context();
  context(const context&) = delete;
  context& operator=(const context&) = delete;

 private:
  static void push(std::string text);
};

std::string octal(unsigned mode);

// The text with \xNN for what is not printable ASCII.
std::string printable(const std::string& text);

// Runs the chosen cases; returns the exit status. Call it once.
int run_suite();
void list_groups();
bool is_group(const std::string& name);

// A descriptor of a file that is there only to read the file system's clock.
int clock_file();

}  // namespace posix
