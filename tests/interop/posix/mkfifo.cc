// mkfifo().
#include "tests/interop/posix/create.h"

namespace posix {
namespace {

const maker by_mkfifo{"mkfifo", type::fifo, [](const char* p, mode_t m) { return mkfifo(p, m); }};

CASE(mkfifo, bad_paths) { check_bad_paths(path_calls(by_mkfifo)); }
ROOT_CASE(mkfifo, search_permission) { check_search(path_calls(by_mkfifo)); }
ROOT_CASE(mkfifo, parent_permission) { check_parent_of(by_mkfifo); }
CASE(mkfifo, read_only) { check_read_only(path_calls(by_mkfifo)); }
CASE(mkfifo, modes) { check_modes(by_mkfifo); }
CASE(mkfifo, existing) { check_existing(by_mkfifo); }
CASE(mkfifo, birth) { check_birth(by_mkfifo); }
ROOT_CASE(mkfifo, owners) { check_owners(by_mkfifo); }

CASE(mkfifo, carries_bytes) {
  WORKS(mkfifo("p", 0600));
  FAILS(ENXIO, open("p", O_WRONLY | O_NONBLOCK));
  int reader = open("p", O_RDONLY | O_NONBLOCK);
  WORKS(reader);
  int writer = open("p", O_WRONLY | O_NONBLOCK);
  WORKS(writer);
  char bytes[8];
  FAILS(EAGAIN, read(reader, bytes, sizeof bytes));
  EQUAL(write(writer, "hello", 5), 5);
  EQUAL(read(reader, bytes, sizeof bytes), 5);
  FAILS(ESPIPE, lseek(reader, 0, SEEK_SET));
  FAILS(ESPIPE, pread(reader, bytes, 1, 0));
  MUST(unlink("p"));
  EQUAL(write(writer, "again", 5), 5);
  EQUAL(read(reader, bytes, sizeof bytes), 5);
  close(writer);
  EQUAL(read(reader, bytes, sizeof bytes), 0);
}

}  // namespace
}  // namespace posix
