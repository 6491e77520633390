// utimensat(), futimens(), utimes().
#include <sys/time.h>

#include "tests/interop/posix/paths.h"

namespace posix {
namespace {

constexpr timespec now{0, UTIME_NOW}, omit{0, UTIME_OMIT};

int set_times(const char* path, timespec accessed, timespec modified_at, int flags = 0) {
  const timespec both_times[2]{accessed, modified_at};
  return utimensat(AT_FDCWD, path, both_times, flags);
}

std::vector<path_call> calls() {
  const timespec t{1000, 0};
  return {{"utimensat", [=](const char* p) { return set_times(p, t, t); }},
          {"utimensat, no follow",
           [=](const char* p) { return set_times(p, t, t, AT_SYMLINK_NOFOLLOW); }, false, false},
          {"utimensat to now", [](const char* p) { return utimensat(AT_FDCWD, p, nullptr, 0); }},
          {"utimes", [](const char* p) { return utimes(p, nullptr); }}};
}

CASE(utimensat, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(utimensat, search_permission) { check_search(calls()); }
CASE(utimensat, read_only) { check_read_only(calls()); }

void check_times(const std::string& path, const timespec& accessed, const timespec& modified_at) {
  struct stat s = look(path);
  EQUAL(s.st_atim.tv_sec, accessed.tv_sec);
  EQUAL(s.st_atim.tv_nsec, accessed.tv_nsec);
  EQUAL(s.st_mtim.tv_sec, modified_at.tv_sec);
  EQUAL(s.st_mtim.tv_nsec, modified_at.tv_nsec);
}

CASE(utimensat, sets_times_of_each_type) {
  const std::vector<timespec> times{{0, 0},
                                    {0, 1},
                                    {1, 999999999},
                                    {1000000000, 123456789},
                                    {1234567890, 100},
                                    {2147483647, 999999999}};
  for (type t : every_type()) {
    context of{name_of(t)};
    make(t, "f");
    for (const timespec& a : times) {
      for (const timespec& m : times) {
        WORKS(set_times("f", a, m, AT_SYMLINK_NOFOLLOW));
        check_times("f", a, m);
      }
    }
    watch({{".", nothing}, {"f", both}}, [] {
      WORKS(set_times("f", {5, 6}, {7, 8}, AT_SYMLINK_NOFOLLOW));
    });
    unmake(t, "f");
  }
}

CASE(utimensat, far_times) {
  write_file("f", "");
  if (!lacks(feature::post_2038)) {
    for (time_t second : {2147483648LL, 4294967295LL}) {
      WORKS(set_times("f", {second, 5}, {second - 1, 999999999}));
      check_times("f", {second, 5}, {second - 1, 999999999});
    }
  }
  if (!lacks(feature::pre_1970)) {
    for (time_t second : {-1LL, -2LL, -86400LL, -2147483647LL}) {
      WORKS(set_times("f", {second, 5}, {second, 0}));
      check_times("f", {second, 5}, {second, 0});
    }
  }
}

CASE(utimensat, by_descriptor) {
  for (type t : {type::regular, type::directory, type::fifo}) {
    context of{name_of(t)};
    make(t, "f");
    int fd = open("f", O_RDONLY | O_NONBLOCK);
    const timespec times[2]{{1000, 1}, {2000, 2}};
    watch({{fd, both}}, [&] { WORKS(futimens(fd, times)); });
    check_times("f", times[0], times[1]);
    watch({{fd, both}}, [&] { WORKS(futimens(fd, nullptr)); });
    close(fd);
    FAILS(EBADF, futimens(fd, times));
    unmake(t, "f");
  }
}

CASE(utimensat, now_and_omit) {
  const timespec old{1000, 500}, other{2000, 700};
  for (type t : every_type()) {
    context of{name_of(t)};
    make(t, "f");
    auto start = [&] { MUST(set_times("f", old, other, AT_SYMLINK_NOFOLLOW)); };
    auto set = [](timespec a, timespec m) { return set_times("f", a, m, AT_SYMLINK_NOFOLLOW); };
    start();
    watch({{"f", changed}}, [&] { WORKS(set({3000, 1}, omit)); });
    check_times("f", {3000, 1}, other);
    start();
    watch({{"f", both}}, [&] { WORKS(set(omit, {3000, 1})); });
    check_times("f", old, {3000, 1});
    start();
    watch({{"f", changed}}, [&] { WORKS(set(now, omit)); });
    struct stat s = look("f");
    CHECK(s.st_atim.tv_sec > 1000000000);
    CHECK(same(s.st_mtim, other));
    start();
    watch({{"f", both}}, [&] { WORKS(set(omit, now)); });
    s = look("f");
    CHECK(s.st_mtim.tv_sec > 1000000000);
    CHECK(same(s.st_atim, old));
    start();
    WORKS(set(now, {3000, 1}));
    s = look("f");
    CHECK(s.st_atim.tv_sec > 1000000000);
    CHECK(same(s.st_mtim, timespec{3000, 1}));
    start();
    watch({{"f", both}}, [&] { WORKS(set(now, now)); });
    s = look("f");
    CHECK(s.st_atim.tv_sec > 1000000000 && s.st_mtim.tv_sec > 1000000000);
    start();
    watch({{"f", nothing}}, [&] { WORKS(set(omit, omit)); });
    check_times("f", old, other);
    unmake(t, "f");
  }
}

// "Now" is the file system's clock, as it is for a file that is made at the same time.
CASE(utimensat, now_is_between_before_and_after) {
  write_file("f", "");
  write_file("before", "");
  wait_past(look("before").st_ctim);
  for (int way = 0; way < 3; ++way) {
    MUST(set_times("f", {1, 0}, {1, 0}));
    WORKS(way == 0   ? utimensat(AT_FDCWD, "f", nullptr, 0)
          : way == 1 ? set_times("f", now, now)
                     : utimes("f", nullptr));
    struct stat s = look("f");
    wait_past(s.st_mtim);
    make(type::regular, "after");
    auto later = [](timespec a, timespec b) {
      return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
    };
    CHECK(later(s.st_mtim, look("before").st_mtim));
    CHECK(later(look("after").st_mtim, s.st_mtim));
    CHECK(!later(s.st_mtim, s.st_ctim));
    MUST(unlink("after"));
  }
}

CASE(utimensat, follows_links_or_not) {
  write_file("f", "");
  MUST(symlink("f", "l"));
  MUST(set_times("f", {1, 0}, {2, 0}));
  WORKS(set_times("l", {10, 1}, {20, 2}, AT_SYMLINK_NOFOLLOW));
  check_times("l", {10, 1}, {20, 2});
  check_times("f", {1, 0}, {2, 0});
  WORKS(set_times("l", {30, 3}, {40, 4}));
  check_times("f", {30, 3}, {40, 4});
  EQUAL(look("l").st_mtim.tv_sec, 20);
}

CASE(utimensat, bad_times) {
  write_file("f", "");
  watch({{"f", nothing}}, [] {
    for (long nanoseconds : {-1L, 1000000000L, 2000000000L, -1000000000L}) {
      context ns{nanoseconds};
      FAILS(EINVAL, set_times("f", {1, nanoseconds}, {1, 0}));
      FAILS(EINVAL, set_times("f", {1, 0}, {1, nanoseconds}));
      FAILS(EINVAL, set_times("f", omit, {1, nanoseconds}));
    }
    FAILS(EINVAL, set_times("f", {1, 0}, {1, 0}, 0x40000000));
  });
}

enum class wish { now_null, now_both, now_one, other_time, nothing_at_all };

long ask(wish w) {
  switch (w) {
    case wish::now_null:
      return utimensat(AT_FDCWD, "f", nullptr, 0);
    case wish::now_both:
      return set_times("f", now, now);
    case wish::now_one:
      return set_times("f", now, omit);
    case wish::other_time:
      return set_times("f", {1000, 0}, {2000, 0});
    case wish::nothing_at_all:
      return set_times("f", omit, omit);
  }
  return -1;
}

// The owner may all; who may write may set both times to now; nobody else may anything.
int expected(const user& u, mode_t mode, wish w) {
  if (u.uid == owner.uid || w == wish::nothing_at_all) return 0;
  if (w == wish::now_one || w == wish::other_time) return EPERM;
  return bits_for(u, mode) & 2 ? 0 : EACCES;
}

ROOT_CASE(utimensat, who_may) {
  for (type t : every_type_but({type::symlink})) {
    for (mode_t m : {0u, 0222u, 0444u, 0200u, 0020u, 0002u, 0775u, 0757u}) {
      make(t, "f", m, owner.uid, shared);
      for (const user& u : four_users) {
        for (wish w : {wish::now_null, wish::now_both, wish::now_one, wish::other_time,
                       wish::nothing_at_all}) {
          context which{name_of(t), ", mode ", octal(m), ", wish ", static_cast<int>(w)};
          const int error = expected(u, m, w);
          unsigned moved = error || w == wish::nothing_at_all ? nothing : both;
          if (!error && w == wish::now_one) moved = changed;
          MUST(set_times("f", {5, 5}, {6, 6}));
          watch({{"f", moved}}, [&] {
            as(u, [&] {
              if (error) {
                FAILS(error, ask(w));
              } else {
                WORKS(ask(w));
              }
            });
          });
        }
      }
      unmake(t, "f");
    }
  }
}

}  // namespace
}  // namespace posix
