// truncate(), ftruncate().
#include <signal.h>
#include <sys/resource.h>

#include <limits>

#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

std::vector<path_call> calls() {
  return {{"truncate", [](const char* p) { return truncate(p, 0); }}};
}

CASE(truncate, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(truncate, search_permission) { check_search(calls()); }

using truncate_call = int (*)(const char*, off_t);

int by_descriptor(const char* path, off_t size) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return fd;
  int result = ftruncate(fd, size);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

const std::vector<std::pair<const char*, truncate_call>> functions{{"truncate", truncate},
                                                                   {"ftruncate", by_descriptor}};

std::string pattern(std::size_t size) {
  std::string all;
  for (std::size_t i = 0; i < size; ++i) all += static_cast<char>('A' + i % 53);
  return all;
}

CASE(truncate, from_each_size_to_each) {
  const std::vector<std::size_t> sizes{0, 1, 511, 4095, 4096, 4097, 8192, 65536, 70001};
  for (const auto& [name, run] : functions) {
    for (std::size_t before : sizes) {
      for (std::size_t after : sizes) {
        context which{name, " from ", before, " to ", after};
        write_file("f", pattern(before));
        WORKS(run("f", static_cast<off_t>(after)));
        std::string expected = pattern(before);
        expected.resize(after);
        EQUAL(look("f").st_size, static_cast<off_t>(after));
        CHECK(read_file("f") == expected);
        MUST(unlink("f"));
      }
    }
  }
}

// What was cut off does not come back.
CASE(truncate, shrunk_and_grown_reads_zeros) {
  for (off_t cut : {0, 1, 100, 4096, 5000}) {
    context at{cut};
    write_file("f", pattern(20000));
    WORKS(truncate("f", cut));
    WORKS(truncate("f", 20000));
    std::string expected = pattern(20000);
    expected.replace(static_cast<std::size_t>(cut), std::string::npos,
                     20000 - static_cast<std::size_t>(cut), '\0');
    CHECK(read_file("f") == expected);
    WORKS(truncate("f", cut));
    int fd = open("f", O_WRONLY);
    EQUAL(pwrite(fd, "end", 3, 10000), 3);
    close(fd);
    expected.resize(10000);
    CHECK(read_file("f") == expected + "end");
  }
}

CASE(truncate, moves_times) {
  for (const auto& [name, run] : functions) {
    context call{name};
    write_file("f", "content");
    watch({{"f", both}, {".", nothing}}, [&] { WORKS(run("f", 3)); });
    watch({{"f", both}}, [&] { WORKS(run("f", 100)); });
    watch({{"f", both}}, [&] { WORKS(run("f", 0)); });
    watch({{"f", nothing}}, [&] { FAILS(EINVAL, run("f", -1)); });
  }
}

CASE(truncate, bad_sizes) {
  write_file("f", "content");
  for (const auto& [name, run] : functions) {
    context call{name};
    watch({{"f", nothing}}, [&] {
      FAILS(EINVAL, run("f", -1));
      FAILS(EINVAL, run("f", std::numeric_limits<off_t>::min()));
    });
    int result = run("f", std::numeric_limits<off_t>::max());  // some file systems can
    CHECK(result == 0 || errno == EFBIG || errno == EINVAL);
    WORKS(run("f", 7));
  }
}

CASE(truncate, past_the_limit_of_the_process) {
  write_file("f", "content");
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  MUST(getrlimit(RLIMIT_FSIZE, &limit));
  limit.rlim_cur = 1000;
  MUST(setrlimit(RLIMIT_FSIZE, &limit));
  watch({{"f", nothing}}, [] {
    for (const auto& [name, run] : functions) FAILS(EFBIG, run("f", 1001));
  });
  WORKS(truncate("f", 1000));
  EQUAL(look("f").st_size, 1000);
  int fd = open("f", O_WRONLY);
  FAILS(EFBIG, pwrite(fd, "x", 1, 1000));
  EQUAL(pwrite(fd, "xyz", 3, 998), 2);
  close(fd);
}

CASE(truncate, other_types) {
  for (type t : every_type_but({type::regular, type::symlink})) {
    context of{name_of(t)};
    make(t, "f", 0666);
    watch({{"f", nothing}},
          [&] { FAILS((t == type::directory ? EISDIR : EINVAL), truncate("f", 0)); });
    unmake(t, "f");
  }
  FAILS(EISDIR, truncate(".", 0));
  FAILS(EBADF, ftruncate(-1, 0));
  int fd = open(".", O_RDONLY);
  FAILS_EITHER(EINVAL, EBADF, ftruncate(fd, 0));
  close(fd);
}

CASE(truncate, follows_links) {
  write_file("f", "content");
  MUST(symlink("f", "l"));
  watch({{"f", both}, {"l", nothing}}, [] { WORKS(truncate("l", 3)); });
  EQUAL(read_file("f"), "con");
  EQUAL(look("l").st_size, 1);
  MUST(symlink("missing", "dangling"));
  FAILS(ENOENT, truncate("dangling", 3));
  CHECK(!exists("missing"));
}

ROOT_CASE(truncate, needs_write_permission) {
  for (const user& u : four_users) {
    for (mode_t m = 0; m < 01000; m += 7) {
      context mode{octal(m)};
      write_file("f", "content");
      MUST(chown("f", owner.uid, shared));
      MUST(chmod("f", m));
      const bool may = bits_for(u, m) & 2;
      watch({{"f", may ? both : nothing}}, [&] {
        as(u, [&] {
          int result = truncate("f", 2);
          CHECK(may ? result == 0 : result < 0 && errno == EACCES);
        });
      });
      EQUAL(look("f").st_size, may ? 2 : 7);
      MUST(unlink("f"));
    }
  }
}

// It is the descriptor that counts, not the mode at the time of the call.
ROOT_CASE(truncate, by_a_descriptor_that_was_opened_before) {
  make(type::regular, "f", 0666, owner.uid, shared);
  for (const user& u : four_users) {
    MUST(chmod("f", 0666));
    int fd = open("f", O_RDWR);
    MUST(chmod("f", 0));
    as(u, [&] { WORKS(ftruncate(fd, 100)); });
    EQUAL(look("f").st_size, 100);
    as(u, [&] { WORKS(ftruncate(fd, 0)); });
    close(fd);
  }
}

}  // namespace
}  // namespace posix
