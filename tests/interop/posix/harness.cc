// The harness of the POSIX suite: checks and how they are counted.
#include "tests/interop/posix/harness.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/interop/posix/runner.h"

namespace posix {
namespace {

std::vector<std::string>& contexts() {
  static std::vector<std::string> all;
  return all;
}

std::string name_of_errno(int error) {
  const char* name = error ? strerrorname_np(error) : nullptr;
  return name ? name : "errno " + std::to_string(error);
}

// One write() for each line: the lines of several processes do not mix.
void say(const std::string& line) {
  std::size_t done = 0;
  while (done < line.size()) {
    ssize_t n = write(STDOUT_FILENO, line.data() + done, line.size() - done);
    if (n < 0) _exit(2);
    done += static_cast<std::size_t>(n);
  }
}

bool count(bool held, const std::string& text, where at) {
  long number = ++counts().number;
  ++(held ? counts().passed : counts().failed);
  if (held && !given().verbose) return true;
  std::string_view file = at.file_name();
  std::ostringstream out;
  out << (held ? "ok " : "FAILED ") << number << ' ' << file.substr(file.rfind('/') + 1) << ':'
      << at.line() << ": " << printable(text);
  for (const auto& c : contexts()) out << " [" << printable(c) << ']';
  out << '\n';
  say(out.str());
  return held;
}

}  // namespace

tally& counts() {
  static tally* shared = [] {
    void* memory =
        mmap(nullptr, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    return new (memory) tally;
  }();
  return *shared;
}

void skip(const std::string& why) {
  ++counts().skipped;
  std::string all = counts().reasons;
  if (all.find(why) != std::string::npos) return;
  if (!all.empty()) all += "; ";
  all += why;
  snprintf(counts().reasons, sizeof counts().reasons, "%s", all.c_str());
}

bool lacks(feature f) {
  if (has(f)) return false;
  for (const auto& known : features()) {
    if (known.what == f) skip(std::string("without ") + known.name);
  }
  return true;
}

bool check(bool held, const char* text, where at) { return count(held, text, at); }

bool check_equal(bool equal, const std::string& left, const std::string& right, const char* text,
                 where at) {
  std::string all = text;
  if (!equal) all += ": " + left + " and " + right;
  return count(equal, all, at);
}

bool works(long result, const char* text, where at) {
  int error = errno;
  if (result >= 0) return count(true, text, at);
  return count(false, std::string(text) + ": " + name_of_errno(error), at);
}

bool fails(std::initializer_list<int> expected, long result, const char* text, where at) {
  int error = errno;
  bool held = false;
  std::string wanted;
  for (int e : expected) {
    held = held || (result < 0 && error == e);
    wanted += (wanted.empty() ? "" : " or ") + name_of_errno(e);
  }
  std::string all = std::string(text) + ": " + wanted;
  if (!held) all += " expected, " + (result < 0 ? name_of_errno(error) : "it succeeded");
  return count(held, all, at);
}

void must(bool held, const char* text, where at) {
  int error = errno;
  if (held) return;
  count(false, std::string(text) + ": " + name_of_errno(error) + "; the case ends here", at);
  throw stopped{};
}

void context::push(std::string text) { contexts().push_back(std::move(text)); }
context::~context() { contexts().pop_back(); }

std::string octal(unsigned mode) {
  char text[16];
  snprintf(text, sizeof text, "0%o", mode);
  return text;
}

std::string printable(const std::string& text) {
  std::string out;
  for (unsigned char byte : text) {
    char piece[8];
    bool plain = byte >= ' ' && byte < 0x7f;
    snprintf(piece, sizeof piece, plain ? "%c" : "\\x%02x", byte);
    out += piece;
  }
  return out.size() < 400 ? out : out.substr(0, 300) + "..." + out.substr(out.size() - 60);
}

}  // namespace posix
