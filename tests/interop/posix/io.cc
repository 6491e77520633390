// Reading and writing regular files.
#include <limits.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <limits>
#include <random>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

int open_new(const char* path, int more = 0) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | more, 0644);
  MUST(fd);
  return fd;
}

CASE(io, moves_times) {
  int fd = open_new("f");
  watch({{"f", both}, {".", nothing}}, [&] { EQUAL(write(fd, "abc", 3), 3); });
  watch({{"f", both}}, [&] { EQUAL(pwrite(fd, "x", 1, 1), 1); });
  watch({{"f", both}}, [&] { EQUAL(pwrite(fd, "x", 1, 1), 1); });
  watch({{"f", both}}, [&] { EQUAL(pwrite(fd, "x", 1, 1000), 1); });
  watch({{"f", nothing}}, [&] {
    char bytes[8];
    EQUAL(write(fd, "", 0), 0);
    EQUAL(pread(fd, bytes, 8, 0), 8);
    FAILS(EINVAL, pwrite(fd, "x", 1, -1));
    FAILS(EINVAL, pread(fd, bytes, 1, -1));
    WORKS(lseek(fd, 0, SEEK_END));
    WORKS(fsync(fd));
  });
  watch({{"f", nothing}}, [&] { close(fd); });
}

CASE(io, offsets) {
  int fd = open_new("f");
  EQUAL(write(fd, "0123456789", 10), 10);
  EQUAL(lseek(fd, 0, SEEK_CUR), 10);
  EQUAL(lseek(fd, 2, SEEK_SET), 2);
  char bytes[16];
  EQUAL(read(fd, bytes, 3), 3);
  EQUAL(std::string(bytes, 3), "234");
  EQUAL(lseek(fd, -1, SEEK_CUR), 4);
  EQUAL(lseek(fd, -3, SEEK_END), 7);
  EQUAL(read(fd, bytes, 16), 3);
  EQUAL(read(fd, bytes, 16), 0);
  FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
  FAILS(EINVAL, lseek(fd, -11, SEEK_END));
  FAILS(EINVAL, lseek(fd, 0, 1000));
  EQUAL(lseek(fd, 0, SEEK_CUR), 10);
  EQUAL(lseek(fd, 100, SEEK_SET), 100);
  EQUAL(look("f").st_size, 10);
  EQUAL(read(fd, bytes, 16), 0);
  EQUAL(write(fd, "end", 3), 3);
  EQUAL(look("f").st_size, 103);
  EQUAL(pread(fd, bytes, 4, 99), 4);
  EQUAL(std::string(bytes, 4), std::string("\0end", 4));
  int twin = dup(fd);
  EQUAL(lseek(twin, 5, SEEK_SET), 5);
  EQUAL(lseek(fd, 0, SEEK_CUR), 5);
  close(twin);
  close(fd);
}

CASE(io, append) {
  write_file("f", "start");
  int one = open("f", O_WRONLY | O_APPEND), two = open("f", O_RDWR | O_APPEND);
  std::string expected = "start";
  for (int i = 0; i < 20; ++i) {
    const std::string text = std::to_string(i) + ",";
    MUST(lseek(one, 0, SEEK_SET));
    EQUAL(write(i % 2 ? one : two, text.data(), text.size()), text.size());
    expected += text;
    EQUAL(look("f").st_size, expected.size());
  }
  EQUAL(read_file("f"), expected);
  MUST(truncate("f", 2));
  EQUAL(write(one, "end", 3), 3);
  EQUAL(read_file("f"), "stend");
  char bytes[8];
  EQUAL(pread(two, bytes, 8, 1), 4);
  close(one);
  close(two);
}

// No line of several processes gets lost or torn.
CASE(io, append_by_several_processes) {
  constexpr int writers = 4, lines = 100;
  write_file("f", "");
  for (int w = 0; w < writers; ++w) {
    pid_t child = fork();
    if (child) continue;
    int fd = open("f", O_WRONLY | O_APPEND);
    for (int i = 0; i < lines; ++i) {
      const std::string line(9, static_cast<char>('a' + w));
      if (write(fd, (line + "\n").data(), 10) != 10) _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  for (int w = 0; w < writers; ++w) CHECK(wait(&status) > 0 && status == 0);
  const std::string all = read_file("f");
  EQUAL(all.size(), writers * lines * 10);
  int counts_of[writers]{};
  for (std::size_t at = 0; at + 10 <= all.size(); at += 10) {
    const char c = all[at];
    bool whole = all.substr(at, 10) == std::string(9, c) + "\n" && c >= 'a' && c < 'a' + writers;
    if (whole) ++counts_of[c - 'a'];
  }
  for (int n : counts_of) EQUAL(n, lines);
}

CASE(io, vectors) {
  int fd = open_new("f");
  char a[] = "one", b[] = "two2", c[] = "three";
  iovec out[3]{{a, 3}, {b, 4}, {c, 5}};
  EQUAL(writev(fd, out, 3), 12);
  EQUAL(read_file("f"), "onetwo2three");
  char in[12];
  iovec pieces[3]{{in, 1}, {in + 1, 0}, {in + 1, 11}};
  EQUAL(preadv(fd, pieces, 3, 0), 12);
  EQUAL(std::string(in, 12), "onetwo2three");
  EQUAL(pwritev(fd, out + 1, 1, 100), 4);
  EQUAL(look("f").st_size, 104);
  close(fd);
}

CASE(io, holes_read_as_zeros) {
  int fd = open_new("f");
  for (off_t at : {1L << 12, 1L << 16, 1L << 20, (1L << 24) + 5}) {
    context offset{at};
    EQUAL(pwrite(fd, "data", 4, at), 4);
    EQUAL(look("f").st_size, at + 4);
    char bytes[64];
    EQUAL(pread(fd, bytes, 64, at - 64), 64);
    EQUAL(std::string(bytes, 64), std::string(64, '\0'));
    EQUAL(pread(fd, bytes, 64, at), 4);
    EQUAL(std::string(bytes, 4), "data");
  }
  if (!lacks(feature::sparse)) {
    MUST(fsync(fd));
    CHECK(look("f").st_blocks * 512L < 1L << 23);
    MUST(ftruncate(fd, 1L << 30));
    CHECK(look("f").st_blocks * 512L < 1L << 23);
  }
  close(fd);
}

CASE(io, more_than_4_gib) {
  if (lacks(feature::big_files) || lacks(feature::sparse)) return;
  int fd = open_new("f");
  constexpr off_t gib = 1L << 30;
  for (off_t at : {2 * gib - 2, 4 * gib - 2, 5 * gib, 9 * gib + 1}) {
    context offset{at};
    EQUAL(pwrite(fd, "data", 4, at), 4);
    EQUAL(look("f").st_size, at + 4);
    char bytes[8];
    EQUAL(pread(fd, bytes, 8, at), 4);
    EQUAL(std::string(bytes, 4), "data");
    EQUAL(pread(fd, bytes, 4, at - 4), 4);
    EQUAL(std::string(bytes, 4), std::string(4, '\0'));
    EQUAL(lseek(fd, 0, SEEK_END), at + 4);
  }
  // 5 GiB and 1 GiB are the same modulo 2^32.
  char bytes[4];
  EQUAL(pread(fd, bytes, 4, gib), 4);
  EQUAL(std::string(bytes, 4), std::string(4, '\0'));
  close(fd);
  fd = open("f", O_RDWR | O_APPEND);
  EQUAL(write(fd, "end", 3), 3);
  EQUAL(look("f").st_size, 9 * gib + 8);
  WORKS(truncate("f", 5 * gib + 2));
  EQUAL(pread(fd, bytes, 4, 5 * gib), 2);
  EQUAL(std::string(bytes, 2), "da");
  WORKS(truncate("f", 6 * gib));
  EQUAL(pread(fd, bytes, 4, 5 * gib), 4);
  EQUAL(std::string(bytes, 4), std::string("da\0\0", 4));
  close(fd);
}

CASE(io, ends_of_the_offsets) {
  int fd = open_new("f");
  constexpr off_t last = std::numeric_limits<off_t>::max();
  FAILS_EITHER(EFBIG, EINVAL, pwrite(fd, "xy", 2, last));
  char bytes[4];
  long result = pread(fd, bytes, 4, last - 4);
  CHECK(result == 0 || errno == EINVAL || errno == EOVERFLOW);
  EQUAL(look("f").st_size, 0);
  close(fd);
}

// Writes and reads at places and of sizes that a seeded generator draws, beside a model in memory.
CASE(io, as_a_model_says) {
  std::mt19937 draw(20240229);
  constexpr std::size_t most = 300000;
  std::string model;
  int fd = open_new("f"), reader = open("f", O_RDONLY);
  for (int step = 0; step < 1500; ++step) {
    const std::size_t at = draw() % most, size = draw() % (step % 3 ? 5000 : 70000) + 1;
    const unsigned what = draw() % 8;
    context which{"step ", step, ", at ", at, ", size ", size};
    if (what < 4) {
      const std::string piece(size, static_cast<char>('a' + step % 26));
      EQUAL(pwrite(fd, piece.data(), size, static_cast<off_t>(at)), size);
      if (model.size() < at + size) model.resize(at + size);
      model.replace(at, size, piece);
    } else if (what == 4) {
      const std::size_t end = draw() % most;
      WORKS(draw() % 2 ? ftruncate(fd, static_cast<off_t>(end))
                       : truncate("f", static_cast<off_t>(end)));
      model.resize(end);
    } else {
      std::string found(size, '#');
      const ssize_t n = pread(what % 2 ? fd : reader, found.data(), size, static_cast<off_t>(at));
      found.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
      CHECK(found == (at < model.size() ? model.substr(at, size) : ""));
    }
    if (step % 50 == 0) EQUAL(look("f").st_size, model.size());
  }
  close(fd);
  close(reader);
  CHECK(read_file("f") == model);
}

// What one process has written, another reads at once.
CASE(io, between_processes) {
  int fd = open_new("f");
  int to_child[2], to_parent[2];
  MUST(pipe(to_child));
  MUST(pipe(to_parent));
  pid_t child = fork();
  if (child == 0) {
    int own = open("f", O_RDWR);
    int n;
    while (read(to_child[0], &n, sizeof n) == sizeof n) {
      int found = -1;
      if (pread(own, &found, sizeof found, n * 1000L) != sizeof found || found != n) _exit(1);
      ++found;
      if (pwrite(own, &found, sizeof found, n * 1000L) != sizeof found) _exit(2);
      if (write(to_parent[1], &n, sizeof n) != sizeof n) _exit(3);
      if (n == 99) _exit(0);
    }
    _exit(4);
  }
  for (int n = 0; n < 100; ++n) {
    EQUAL(pwrite(fd, &n, sizeof n, n * 1000L), sizeof n);
    int answer = -1, found = -1;
    MUST(write(to_child[1], &n, sizeof n));
    MUST(read(to_parent[0], &answer, sizeof answer) == sizeof answer ? 0 : -1);
    EQUAL(pread(fd, &found, sizeof found, n * 1000L), sizeof found);
    EQUAL(found, n + 1);
  }
  int status = -1;
  MUST(waitpid(child, &status, 0));
  EQUAL(status, 0);
  close(fd);
}

}  // namespace
}  // namespace posix
