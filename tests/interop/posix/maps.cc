// mmap() of files: what is written through one way is seen through the others.
#include <sys/mman.h>
#include <sys/wait.h>

#include <cstring>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

constexpr std::size_t size = 3 * 4096;

char* map(int fd, int protection, int flags) {
  void* all = mmap(nullptr, size, protection, flags, fd, 0);
  MUST(all == MAP_FAILED ? -1 : 0);
  return static_cast<char*>(all);
}

int new_file(const char* path) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
  MUST(fd);
  MUST(ftruncate(fd, size));
  return fd;
}

CASE(maps, written_map_is_read) {
  if (lacks(feature::shared_maps)) return;
  int fd = new_file("f");
  char* m = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  for (std::size_t at : {std::size_t{0}, std::size_t{4095}, std::size_t{4096}, size - 4}) {
    memcpy(m + at, "data", 4);
    char bytes[4];
    EQUAL(pread(fd, bytes, 4, static_cast<off_t>(at)), 4);
    EQUAL(std::string(bytes, 4), "data");
  }
  WORKS(msync(m, size, MS_SYNC));
  EQUAL(read_file("f").substr(4096, 4), "data");
  munmap(m, size);
  close(fd);
  EQUAL(read_file("f").substr(size - 4), "data");
}

CASE(maps, written_file_is_in_the_map) {
  if (lacks(feature::shared_maps)) return;
  int fd = new_file("f");
  char* m = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  char* reading = map(fd, PROT_READ, MAP_SHARED);
  for (std::size_t at : {std::size_t{0}, std::size_t{4094}, std::size_t{8192}, size - 4}) {
    CHECK(m[at] == 0);
    EQUAL(pwrite(fd, "data", 4, static_cast<off_t>(at)), 4);
    EQUAL(std::string(m + at, 4), "data");
    EQUAL(std::string(reading + at, 4), "data");
    m[at] = 'D';
    EQUAL(std::string(reading + at, 4), "Data");
  }
  munmap(m, size);
  munmap(reading, size);
  close(fd);
}

CASE(maps, private_maps_stay_private) {
  int fd = new_file("f");
  EQUAL(pwrite(fd, "data", 4, 0), 4);
  char* m = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  EQUAL(std::string(m, 4), "data");
  memcpy(m, "mine", 4);
  EQUAL(read_file("f").substr(0, 4), "data");
  munmap(m, size);
  EQUAL(read_file("f").substr(0, 4), "data");
  close(fd);
}

CASE(maps, between_processes) {
  if (lacks(feature::shared_maps)) return;
  int fd = new_file("f");
  char* m = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  pid_t child = fork();
  if (child == 0) {
    int own = open("f", O_RDWR);
    char* its = map(own, PROT_READ | PROT_WRITE, MAP_SHARED);
    memcpy(its + 5000, "child", 5);
    _exit(0);
  }
  int status = -1;
  MUST(waitpid(child, &status, 0));
  EQUAL(status, 0);
  EQUAL(std::string(m + 5000, 5), "child");
  EQUAL(read_file("f").substr(5000, 5), "child");
  munmap(m, size);
  close(fd);
}

CASE(maps, outlive_descriptor_and_name) {
  if (lacks(feature::shared_maps)) return;
  int fd = new_file("f");
  if (has(feature::links)) MUST(link("f", "g"));
  char* m = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  close(fd);
  memcpy(m, "data", 4);
  WORKS(unlink("f"));
  EQUAL(std::string(m, 4), "data");
  memcpy(m + 4096, "more", 4);
  WORKS(msync(m, size, MS_SYNC));
  munmap(m, size);
  if (!has(feature::links)) return;
  EQUAL(read_file("g").substr(0, 4), "data");
  EQUAL(read_file("g").substr(4096, 4), "more");
}

// The rest of the last page is zeros, and what is written there does not make the file longer.
CASE(maps, end_inside_a_page) {
  if (lacks(feature::shared_maps)) return;
  write_file("f", "short");
  int fd = open("f", O_RDWR);
  char* m = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  EQUAL(std::string(m, 6), std::string("short\0", 6));
  m[100] = 'x';
  m[0] = 'S';
  WORKS(msync(m, 4096, MS_SYNC));
  EQUAL(look("f").st_size, 5);
  EQUAL(read_file("f"), "Short");
  munmap(m, size);
  close(fd);
  EQUAL(look("f").st_size, 5);
}

CASE(maps, truncation_is_seen) {
  if (lacks(feature::shared_maps)) return;
  int fd = new_file("f");
  char* m = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  memset(m, 'x', size);
  MUST(ftruncate(fd, 100));
  EQUAL(std::string(m, 101), std::string(100, 'x') + '\0');
  MUST(ftruncate(fd, size));
  EQUAL(std::string(m + 100, 5000), std::string(5000, '\0'));
  munmap(m, size);
  close(fd);
}

CASE(maps, protection_needs_the_access_mode) {
  write_file("f", "content");
  auto fails_to_map = [](int flags, int protection, int kind) {
    int fd = open("f", flags);
    void* m = mmap(nullptr, 4096, protection, kind, fd, 0);
    const bool refused = m == MAP_FAILED && errno == EACCES;
    if (m != MAP_FAILED) munmap(m, 4096);
    close(fd);
    return refused;
  };
  CHECK(fails_to_map(O_RDONLY, PROT_READ | PROT_WRITE, MAP_SHARED));
  CHECK(fails_to_map(O_WRONLY, PROT_READ, MAP_SHARED));
  CHECK(fails_to_map(O_WRONLY, PROT_READ, MAP_PRIVATE));
  CHECK(!fails_to_map(O_RDONLY, PROT_READ | PROT_WRITE, MAP_PRIVATE));
  CHECK(!fails_to_map(O_RDONLY, PROT_READ, MAP_PRIVATE));
}

}  // namespace
}  // namespace posix
