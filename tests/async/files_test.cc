// Files: each test with io_uring, where there is one, and with the pool.
#include "async/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "async/detail/file_operation.h"
#include "tests/async/helpers.h"

namespace async::test {
namespace {

using detail::file_engine_kind;

class files : public testing::TestWithParam<std::tuple<unsigned, file_engine_kind>> {
 protected:
  void SetUp() override {
    if (!detail::use_file_engine(std::get<1>(GetParam()))) {
      GTEST_SKIP() << "there is no io_uring on this machine, or it is forbidden";
    }
    // Not in /tmp, which may be memory.
    std::string name = (build_dir() / "files-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory = name;
  }
  void TearDown() override {
    if (fd >= 0) close(fd);
    std::filesystem::remove_all(directory);
  }
  run_summary run() { return amain({.cpus = std::get<0>(GetParam())}); }

  std::string path(const char* name = "file") const { return (directory / name).string(); }
  // Makes `fd` a file with these bytes; forgets them, where that can be done, so that the disk has
  // to be asked.
  void make(const std::string& bytes, bool forget = true) {
    fd = ::open(path().c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    if (!forget) return;
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  }
  std::string contents() const {
    std::string all(std::filesystem::file_size(path()), '\0');
    EXPECT_EQ(pread(fd, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
    return all;
  }
  static std::string text(suio& s) { return {s.pullup(s.resid()), s.resid()}; }

  std::filesystem::path directory;
  int fd = -1;
};

INSTANTIATE_TEST_SUITE_P(each, files,
                         testing::Combine(testing::ValuesIn(cpu_counts),
                                          testing::Values(file_engine_kind::uring,
                                                          file_engine_kind::pool)),
                         [](const auto& info) {
                           return std::to_string(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) == file_engine_kind::uring ? "_uring"
                                                                                      : "_pool");
                         });

std::string pattern(std::size_t bytes) {
  std::string made(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<char>(i * 7 + i / 251);
  return made;
}

TEST_P(files, are_opened_under_the_color_of_the_callback_and_closed_on_exec) {
  make("x");
  const color c = color::fresh();
  int opened = -1;
  ASSERT_FALSE(file_open(path(), O_RDONLY, 0, cwrap(c, [&](int got) {
                           EXPECT_TRUE(c.is_current());
                           opened = got;
                           stop();
                         })));
  run();
  ASSERT_GE(opened, 0);
  EXPECT_NE(fcntl(opened, F_GETFD) & FD_CLOEXEC, 0);
  close(opened);
}

TEST_P(files, that_can_not_be_opened_say_why) {
  int error = 0;
  const cbi cb = wrap([&](int got) {
    error = errno;
    EXPECT_EQ(got, -1);
    stop();
  });
  ASSERT_FALSE(file_open(path("none"), O_RDONLY, 0, cb));
  run();
  EXPECT_EQ(error, ENOENT);
  ASSERT_FALSE(file_open(directory, O_WRONLY, 0, cb));
  run();
  EXPECT_EQ(error, EISDIR);
  EXPECT_EQ(file_open(std::string("a\0b", 3), O_RDONLY, 0, cb), std::errc::invalid_argument);
}

TEST_P(files, that_are_fifos_hold_up_nobody) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  int opened = -1;
  ASSERT_FALSE(file_open(path("fifo"), O_RDONLY, 0, wrap([&](int got) {
                           opened = got;
                           stop();
                         })));
  run();
  EXPECT_GE(opened, 0);
  close(opened);
}

TEST_P(files, are_read_at_an_offset_from_the_disk_and_from_memory) {
  const std::string bytes = pattern(300'000);
  for (const bool forget : {true, false}) {
    make(bytes, forget);
    std::string buffer(200'000, '\0');
    io_result result;
    bool returned = false;
    ASSERT_FALSE(file_read(fd, 5000, buffer.data(), buffer.size(), wrap([&](io_result r) {
                             EXPECT_TRUE(returned) << "never from within the call";
                             result = r;
                             stop();
                           })));
    returned = true;
    run();
    EXPECT_EQ(result.status, io_status::done);
    EXPECT_EQ(result.bytes, buffer.size());
    EXPECT_EQ(buffer, bytes.substr(5000, 200'000));
    close(std::exchange(fd, -1));
  }
}

TEST_P(files, end_where_they_end) {
  make("0123456789");
  char buffer[100];
  io_result result;
  const auto cb = wrap([&](io_result r) {
    result = r;
    stop();
  });
  ASSERT_FALSE(file_read(fd, 4, buffer, sizeof buffer, cb));
  run();
  EXPECT_EQ(result.status, io_status::done);
  EXPECT_EQ(std::string(buffer, result.bytes), "456789");
  ASSERT_FALSE(file_read(fd, 10, buffer, sizeof buffer, cb));
  run();
  EXPECT_EQ(result.status, io_status::eof);
  ASSERT_FALSE(file_read(fd, 0, buffer, 0, cb));
  run();
  EXPECT_EQ(result.status, io_status::done);
  EXPECT_EQ(result.bytes, 0u);
}

TEST_P(files, are_read_into_a_suio_behind_what_is_there) {
  const std::string bytes = pattern(100'000);
  make(bytes);
  suio to;
  to.copy("head");
  ASSERT_FALSE(file_read(fd, 10, 1'000'000, to, wrap([&](io_result r) {
                           EXPECT_EQ(r.status, io_status::done);
                           EXPECT_EQ(r.bytes, bytes.size() - 10);
                           stop();
                         })));
  EXPECT_EQ(to.resid(), 4u);
  run();
  EXPECT_EQ(text(to), "head" + bytes.substr(10));
}

TEST_P(files, are_written_at_an_offset_and_flushed) {
  make("0123456789");
  const std::string bytes = "abc";
  ASSERT_FALSE(file_write(fd, 8, bytes.data(), bytes.size(), wrap([&](io_result r) {
                            EXPECT_EQ(r.status, io_status::done);
                            EXPECT_EQ(r.bytes, 3u);
                            ASSERT_FALSE(
                                file_sync(fd, file_sync_kind::data, wrap([](std::error_code error) {
                                            EXPECT_FALSE(error);
                                            stop();
                                          })));
                          })));
  run();
  EXPECT_EQ(contents(), "01234567abc");
}

// In more ranges than one system call takes.
TEST_P(files, are_written_from_a_suio_whose_completions_come_first) {
  make("");
  suio from;
  std::string expected;
  std::vector<std::string> pieces;
  for (int i = 0; i < 3000; ++i) pieces.push_back(pattern(static_cast<std::size_t>(i % 7 + 1)));
  for (const std::string& piece : pieces) {
    from.print(piece.data(), piece.size());
    expected += piece;
  }
  bool completed = false;
  from.iovcb(wrap([&] { completed = true; }));
  ASSERT_FALSE(file_write(fd, 0, from, wrap([&](io_result r) {
                            EXPECT_TRUE(completed);
                            EXPECT_EQ(r.bytes, expected.size());
                            stop();
                          })));
  EXPECT_TRUE(from.empty());
  run();
  EXPECT_EQ(contents(), expected);
}

// Offsets that the kernel takes for the fd's own position are refused.
TEST_P(files, have_no_position) {
  make("0123456789");
  lseek(fd, 3, SEEK_SET);
  char bytes[4];
  suio to, from;
  from.print("abc", 3);
  const auto nothing = wrap([](io_result) { FAIL(); });
  for (const std::uint64_t offset : {UINT64_MAX, std::uint64_t{1} << 63}) {
    EXPECT_EQ(file_read(fd, offset, bytes, sizeof bytes, nothing), std::errc::invalid_argument);
    EXPECT_EQ(file_read(fd, offset, sizeof bytes, to, nothing), std::errc::invalid_argument);
    EXPECT_EQ(file_write(fd, offset, "abc", 3, nothing), std::errc::invalid_argument);
    EXPECT_EQ(file_write(fd, offset, from, nothing), std::errc::invalid_argument);
  }
  EXPECT_EQ(text(from), "abc");
  ASSERT_FALSE(file_read(fd, 0, bytes, sizeof bytes, wrap([&](io_result) { stop(); })));
  run();
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 3);
  EXPECT_EQ(contents(), "0123456789");
}

TEST_P(files, that_fail_say_why) {
  make("x");
  const int read_only = ::open(path().c_str(), O_RDONLY | O_CLOEXEC);
  const int closed = closed_fd();
  char buffer[10];
  std::error_code error;
  const auto cb = wrap([&](io_result r) {
    EXPECT_EQ(r.status, io_status::error);
    error = r.error;
    stop();
  });
  ASSERT_FALSE(file_read(closed, 0, buffer, sizeof buffer, cb));
  run();
  EXPECT_EQ(error.value(), EBADF);
  ASSERT_FALSE(file_write(read_only, 0, buffer, sizeof buffer, cb));
  run();
  EXPECT_EQ(error.value(), EBADF);
  ASSERT_FALSE(file_sync(closed, file_sync_kind::all, wrap([&](std::error_code e) {
                           error = e;
                           stop();
                         })));
  run();
  EXPECT_EQ(error.value(), EBADF);
  close(read_only);
}

TEST_P(files, tell_their_size_by_fd_and_by_path) {
  make("0123456789");
  int told = 0;
  const file_stat_callback::ref cb = wrap([&](std::error_code error, struct statx what) {
    EXPECT_FALSE(error);
    EXPECT_EQ(what.stx_size, 10u);
    if (++told == 2) stop();
  });
  ASSERT_FALSE(file_stat(fd, cb));
  ASSERT_FALSE(file_stat(path(), cb));
  run();
  std::error_code error;
  ASSERT_FALSE(file_stat(path("none"), wrap([&](std::error_code e, struct statx) {
                           error = e;
                           stop();
                         })));
  run();
  EXPECT_EQ(error.value(), ENOENT);
}

TEST_P(files, may_be_read_many_times_at_once) {
  const std::string bytes = pattern(400'000);
  make(bytes);
  constexpr std::size_t count = 400, size = 1000;
  std::vector<suio> parts(count);
  std::size_t done = 0;
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_FALSE(file_read(fd, i * size, size, parts[i], wrap([&, i](io_result r) {
                             EXPECT_EQ(r.bytes, size);
                             EXPECT_EQ(text(parts[i]), bytes.substr(i * size, size));
                             if (++done == count) stop();
                           })));
  }
  run();
}

// The read is over, and its callback posted, when its color cancels it.
TEST_P(files, that_are_cancelled_by_their_color_do_not_call_back) {
  make("0123456789");
  int alive = 0;
  const color c = color::fresh();
  suio to;
  post(c, [&] {
    blocking_t read, opened;
    ASSERT_FALSE(file_read(fd, 0, 10, to,
                           cwrap(c, [value = counted_value(alive)](io_result) { FAIL(); }), &read));
    ASSERT_FALSE(file_open(path(), O_RDONLY, 0,
                           cwrap(c, [value = counted_value(alive)](int) { FAIL(); }), &opened));
    blocking_cancel(read);
    blocking_cancel(opened);
  });
  const std::function<void()> look = [&] {
    if (alive == 0 && to.empty()) return stop();
    post(c, look);
  };
  post(c, look);
  amain({.cpus = 1});
  EXPECT_EQ(alive, 0);
}

TEST_P(files, whose_operations_are_under_way_when_amain_returns_are_done_with) {
  make(pattern(400'000));
  int alive = 0;
  {
    std::string buffer(400'000, '\0');  // is gone after this
    for (std::size_t i = 0; i < 100; ++i) {
      ASSERT_FALSE(file_read(fd, i * 4000, buffer.data() + i * 4000, 4000,
                             wrap([value = counted_value(alive)](io_result) {})));
    }
    post(color(), [] { stop(); });
    run();
  }
  post(color(), [] { stop(); });  // for a result that came just then
  run();
  EXPECT_EQ(alive, 0);
}

TEST_P(files, that_are_opened_when_amain_returns_are_closed) {
  make("0123456789");
  ASSERT_FALSE(file_sync(fd, file_sync_kind::all, wrap([](std::error_code) { stop(); })));
  run();  // what the engine keeps open is there now
  const auto before = open_fds();
  for (int i = 0; i < 100; ++i) {
    ASSERT_FALSE(file_open(path(), O_RDONLY, 0, wrap([](int opened) { close(opened); })));
  }
  post(color(), [] { stop(); });
  run();
  post(color(), [] { stop(); });  // for a result that came just then
  run();
  EXPECT_EQ(open_fds(), before);
}

TEST_P(files, are_the_childs_own_after_fork) {
  if (under_tsan) GTEST_SKIP() << "ThreadSanitizer does not support threads in forked children";
  make("0123456789");
  // The engine is in use.
  ASSERT_FALSE(file_sync(fd, file_sync_kind::all, wrap([](std::error_code) { stop(); })));
  run();
  const auto sync = [&] {
    bool synced = false;
    const bool refused =
        static_cast<bool>(file_sync(fd, file_sync_kind::all, wrap([&](std::error_code error) {
                                      synced = !error;
                                      stop();
                                    })));
    amain({.cpus = 1});
    return !refused && synced;
  };
  const pid_t pid = fork();
  if (pid == 0) _exit(sync() ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(sync());
}

}  // namespace
}  // namespace async::test
