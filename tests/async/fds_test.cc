// fdcb and the settings of fds: DESIGN section 4 and guarantees 7 and 8, as far as fds go.
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "tests/async/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

class fds : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(fds);

TEST_P(fds, a_readable_fd_calls_its_callback) {
  test_pipe p;
  int got = 0;
  fdcb(p.in(), selread, wrap([&] {
         got = p.get();
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  p.put('a');
  run();
  EXPECT_EQ(got, 'a');
}

TEST_P(fds, a_writable_fd_calls_its_callback_once_there_is_room) {
  test_pipe p;
  p.fill();
  bool drained = false, written = false;
  fdcb(p.out(), selwrite, wrap([&] {
         EXPECT_TRUE(drained);
         written = true;
         fdcb(p.out(), selwrite, nullptr);
         stop();
       }));
  post(color(), [&] {
    drained = true;
    p.drain();
  });
  run();
  EXPECT_TRUE(written);
}

TEST_P(fds, reading_and_writing_one_fd_have_a_callback_each) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  int reads = 0, writes = 0;
  const auto done = [&] {
    if (reads > 0 && writes > 0) stop();
  };
  fdcb(ends[0], selread, wrap([&] {
         ++reads;
         fdcb(ends[0], selread, nullptr);
         done();
       }));
  fdcb(ends[0], selwrite, wrap([&] {
         ++writes;
         fdcb(ends[0], selwrite, nullptr);
         done();
       }));
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  run();
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(writes, 1);
  close(ends[0]);
  close(ends[1]);
}

TEST_P(fds, an_fd_that_stays_readable_calls_again_until_all_is_read) {
  test_pipe p;
  for (int i = 0; i < 100; ++i) p.put();
  int calls = 0;
  fdcb(p.in(), selread, wrap([&] {
         EXPECT_EQ(p.get(), 'x');
         if (++calls < 100) return;
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  run();
  EXPECT_EQ(calls, 100);
}

// The watch is stopped by the second event, and armed again after the callback.
TEST_P(fds, an_fd_that_is_ready_while_its_callback_waits_is_watched_again_afterwards) {
  test_pipe p;
  int calls = 0;
  fdcb(p.in(), selread, wrap([&] {
         EXPECT_EQ(p.get(), 'x');
         if (++calls < 3) {
           post(color(), [&] { p.put(); });
           return;
         }
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  p.put();
  for (int i = 0; i < 4; ++i) select_waiter().poll();
  EXPECT_EQ(run().ran, 5u) << "queued once, however often it was found ready";
  EXPECT_EQ(calls, 3);
}

TEST_P(fds, the_end_of_a_file_is_readable) {
  test_pipe p;
  bool ended = false;
  fdcb(p.in(), selread, wrap([&] {
         ended = p.get() < 0;
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  post(color(), [&] { p.close_out(); });
  run();
  EXPECT_TRUE(ended);
}

TEST_P(fds, a_callback_that_clears_itself_is_not_freed_under_itself) {
  test_pipe p;
  int alive = 0;
  p.put();
  fdcb(p.in(), selread, wrap([&, value = counted_value(alive)] {
         fdcb(p.in(), selread, nullptr);
         EXPECT_EQ(alive, 1);
         post(color(), [&] {
           EXPECT_EQ(alive, 0) << "and it is freed when it is done";
           stop();
         });
       }));
  run();
  EXPECT_EQ(alive, 0);
}

TEST_P(fds, a_callback_that_replaces_itself_is_not_freed_under_itself) {
  test_pipe p;
  int alive = 0, second = 0;
  p.put();
  fdcb(p.in(), selread, wrap([&, value = counted_value(alive)] {
         fdcb(p.in(), selread, wrap([&] {
                ++second;
                fdcb(p.in(), selread, nullptr);
                stop();
              }));
         EXPECT_EQ(alive, 1);
       }));
  run();
  EXPECT_EQ(second, 1);
  EXPECT_EQ(alive, 0);
}

TEST(fds_idle, a_cleared_callback_is_freed_at_once_if_its_event_is_not_queued) {
  test_pipe p;
  int alive = 0;
  EXPECT_FALSE(fdcb(p.in(), selread, wrap([value = counted_value(alive)] {})));
  EXPECT_EQ(alive, 1);
  EXPECT_FALSE(fdcb(p.in(), selread, nullptr));
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(fdcb(p.in(), selread, nullptr)) << "clearing twice is no error";
}

// What is bound may itself use fdcb when it is destroyed.
TEST(fds_idle, destructors_of_cleared_callbacks_may_call_fdcb) {
  test_pipe p, q;
  struct clears {
    explicit clears(int fd) : fd_(fd) {}
    clears(clears&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~clears() {
      if (fd_ >= 0) fdcb(fd_, selread, nullptr);
    }
    int fd_;
  };
  fdcb(q.in(), selread, wrap([] {}));
  fdcb(p.in(), selread, wrap([](clears&) {}, clears(q.in())));
  fdcb(p.in(), selread, nullptr);
}

TEST_P(fds, closing_an_fd_and_getting_the_same_number_again_works_at_once) {
  auto first = std::make_unique<test_pipe>();
  std::unique_ptr<test_pipe> second;
  const int number = first->in();
  int old_calls = 0, new_calls = 0;
  first->put();
  fdcb(number, selread, wrap([&] {
         ++old_calls;
         fdcb(number, selread, nullptr);
         first.reset();
         second = std::make_unique<test_pipe>();
         ASSERT_EQ(second->in(), number);
         fdcb(number, selread, wrap([&] {
                ++new_calls;
                EXPECT_EQ(second->get(), 'n');
                fdcb(number, selread, nullptr);
                stop();
              }));
         second->put('n');
       }));
  run();
  EXPECT_EQ(old_calls, 1);
  EXPECT_EQ(new_calls, 1);
}

// The old file lives on in a duplicate, as it does in a forked child, so the kernel goes on
// reporting it under the number that is another file's now.
TEST_P(fds, a_reused_number_gets_no_events_of_the_old_file) {
  auto first = std::make_unique<test_pipe>();
  const int number = first->in(), duplicate = dup(number);
  fdcb(number, selread, wrap([] {}));
  select_waiter().poll();  // the kernel knows it now
  fdcb(number, selread, nullptr);
  const int writer = dup(first->out());
  first.reset();
  test_pipe second;
  ASSERT_EQ(second.in(), number);
  int calls = 0;
  fdcb(number, selread, wrap([&] {
         ++calls;
         EXPECT_EQ(second.get(), 'n');
         fdcb(number, selread, nullptr);
         stop();
       }));
  ASSERT_EQ(write(writer, "o", 1), 1);
  for (int i = 0; i < 10; ++i) select_waiter().poll();
  second.put('n');
  run();
  EXPECT_EQ(calls, 1);
  close(duplicate);
  close(writer);
}

TEST_P(fds, a_number_that_was_closed_without_clearing_works_again_from_its_next_fdcb) {
  auto first = std::make_unique<test_pipe>();
  const int number = first->in();
  int old_calls = 0, new_calls = 0;
  fdcb(number, selread, wrap([&] { ++old_calls; }));
  select_waiter().poll();  // the kernel knows it now
  first.reset();
  test_pipe second;
  ASSERT_EQ(second.in(), number);
  fdcb(number, selread, wrap([&] {
         ++new_calls;
         fdcb(number, selread, nullptr);
         stop();
       }));
  second.put();
  run();
  EXPECT_EQ(old_calls, 0);
  EXPECT_EQ(new_calls, 1);
}

TEST(fds_death, closing_an_fd_that_was_just_registered_names_the_callback) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        test_pipe p;
        fdcb(p.in(), selread, wrap([] {}));
        p.close_in();
        select_waiter().poll();
      },
      "fds_test.cc:[0-9]+: the fd of this callback was closed");
}

TEST(fds_idle, a_registration_that_fails_says_why_and_never_calls_back) {
  int alive = 0;
  EXPECT_EQ(fdcb(closed_fd(), selread, wrap([value = counted_value(alive)] { FAIL(); })),
            std::errc::bad_file_descriptor);
  EXPECT_EQ(fdcb(-1, selwrite, wrap([value = counted_value(alive)] { FAIL(); })),
            std::errc::bad_file_descriptor);
  EXPECT_EQ(fdcb(-1, selwrite, nullptr), std::errc::bad_file_descriptor);
  EXPECT_FALSE(fdcb(1 << 30, selread, nullptr)) << "nothing to clear";
  EXPECT_EQ(alive, 0);
  test_pipe again;  // gets the number
  again.put();
  select_waiter().poll();
  EXPECT_EQ(fdcb(STDIN_FILENO, static_cast<selop>(7), wrap([] {})).value(), EINVAL);
}

TEST_P(fds, a_regular_file_is_always_ready) {
  const auto path =
      std::filesystem::temp_directory_path() / ("async_fds_test." + std::to_string(getpid()));
  std::ofstream(path) << "abc";
  const int file = open(path.c_str(), O_RDONLY);
  ASSERT_GE(file, 0);
  std::string text;
  ASSERT_FALSE(fdcb(file, selread, wrap([&] {
                      char c;
                      if (read(file, &c, 1) == 1) {
                        text += c;
                      } else {
                        fdcb(file, selread, nullptr);
                        stop();
                      }
                    })));
  run();
  EXPECT_EQ(text, "abc");
  close(file);
  // And the number is good for other files afterwards.
  test_pipe p;
  int calls = 0;
  ASSERT_EQ(p.in(), file);
  fdcb(p.in(), selread, wrap([&] {
         ++calls;
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  p.put();
  run();
  EXPECT_EQ(calls, 1);
  std::filesystem::remove(path);
}

TEST_P(fds, callbacks_run_under_their_colors) {
  test_pipe p;
  const color mine = color::fresh();
  bool right = false;
  p.put();
  fdcb(p.in(), selread, cwrap(mine, [&] {
         right = mine.is_current();
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  run();
  EXPECT_TRUE(right);
}

TEST_P(fds, an_event_that_the_stop_destroyed_comes_again_in_the_next_runtime) {
  test_pipe p;
  p.put();
  int calls = 0;
  fdcb(p.in(), selread, wrap([&] {
         ++calls;
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  post(color(), [] { stop(); });  // comes first
  select_waiter().poll();         // queues the event
  select_waiter().poll();         // and stops its watch
  EXPECT_EQ(run().destroyed, 1u);
  EXPECT_EQ(calls, 0);
  run();
  EXPECT_EQ(calls, 1);
}

TEST_P(fds, interrupted_system_calls_are_no_errors) {
  // A handler without SA_RESTART, so that the leader's sleep is really interrupted.
  struct sigaction action {
  }, before;
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, &before);
  test_pipe p;
  baton first;
  int calls = 0;
  fdcb(p.in(), selread, wrap([&] {
         p.drain();
         if (++calls == 1) return first.post();
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  std::thread interrupter([&, sleeper = pthread_self()] {
    p.put();
    for (int i = 0; i < 2000; ++i) pthread_kill(sleeper, SIGUSR1);
    first.wait();
    p.put();
  });
  run();
  interrupter.join();
  EXPECT_EQ(calls, 2);
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace async::test
