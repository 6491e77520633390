// File operations that io_uring does not take, or gives back: where there is an io_uring.
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "async/detail/file_operation.h"
#include "async/file.h"
#include "tests/async/helpers.h"

namespace async::test {
namespace {

class file_operations : public each_cpu_count {
 protected:
  void SetUp() override {
    if (!detail::use_file_engine(detail::file_engine_kind::uring)) {
      GTEST_SKIP() << "there is no io_uring on this machine, or it is forbidden";
    }
    std::string name = (build_dir() / "file_ring-XXXXXX").string();
    fd = mkostemp(name.data(), O_CLOEXEC);
    ASSERT_GE(fd, 0);
    unlink(name.c_str());
  }
  void TearDown() override {
    detail::use_file_submit(&io_uring_submit);
    if (fd >= 0) close(fd);
  }

  int fd = -1;
};
ASYNC_TEST_EACH_CPU_COUNT(file_operations);

// By more operations than its queue has entries.
TEST_P(file_operations, are_given_up_when_the_kernel_takes_none) {
  int alive = 0;
  const auto sync = [&] {
    return file_sync(fd, file_sync_kind::all,
                     wrap([value = counted_value(alive)](std::error_code error) {
                       EXPECT_FALSE(error);
                       stop();
                     }));
  };
  const auto refused = [&](int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(sync(), std::errc::resource_unavailable_try_again) << i;
      ASSERT_EQ(alive, 0) << i;
    }
  };
  detail::use_file_submit([](io_uring*) { return -EAGAIN; });
  refused(1);
  // As if it took one of two.
  detail::use_file_submit([](io_uring*) {
    static bool first = false;
    return std::exchange(first, !first) ? -EAGAIN : 1;
  });
  refused(1);
  detail::use_file_submit([](io_uring*) { return -EAGAIN; });
  refused(300);
  post(color(), [] { stop(); });
  run();  // waits for none of them

  detail::use_file_submit(&io_uring_submit);
  ASSERT_FALSE(sync());
  run();
  EXPECT_EQ(alive, 0);
}

// As some kernels do if the fd is O_NONBLOCK. Here the operation becomes another one on its way,
// which every kernel answers so.
TEST_P(file_operations, that_io_uring_does_not_wait_for_are_left_to_the_pool) {
  static int ends[2];
  static char nothing;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  detail::use_file_submit([](io_uring* ring) {
    io_uring_sq& queue = ring->sq;
    io_uring_sqe& last = queue.sqes[(queue.sqe_tail - 1) & queue.ring_mask];
    const auto data = last.user_data;
    io_uring_prep_recv(&last, ends[0], &nothing, 1, MSG_DONTWAIT);
    last.user_data = data;
    return io_uring_submit(ring);
  });
  bool synced = false;
  ASSERT_FALSE(file_sync(fd, file_sync_kind::all, wrap([&](std::error_code error) {
                           EXPECT_FALSE(error) << error.message();
                           synced = true;
                           stop();
                         })));
  run();
  EXPECT_TRUE(synced);
  for (const int end : ends) close(end);
}

}  // namespace
}  // namespace async::test
