// Specification of output and input, over a directed kernel: what is accounted, in which status.
//
// Serves stage 6 (output).
#include <algorithm>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "tests/suio/fake_kernel.h"
#include "tests/suio/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

struct suio_output : testing::Test {
  std::mt19937_64 random = make_prng(1);
  fake_kernel kernel{random};
};
using suio_input = suio_output;

TEST_F(suio_output, writes_all_in_as_many_short_writes_as_it_takes) {
  kernel.short_transfers = 100;
  suio s;
  for (std::size_t i = 0; i < 20; ++i) s.print(pattern(1000, i));
  const std::string expected = contents(s);
  io_result r = kernel.output(s);
  EXPECT_EQ(r.bytes, 20000u);
  EXPECT_EQ(r.status, io_status::done);
  EXPECT_FALSE(r.error);
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(kernel.taken, expected);
  EXPECT_GT(kernel.calls, 1u);
}

TEST_F(suio_output, of_nothing_makes_no_system_call) {
  suio s;
  EXPECT_EQ(kernel.output(s).status, io_status::done);
  s.copy("abc");
  EXPECT_EQ(kernel.output(s, 0).status, io_status::done);
  EXPECT_EQ(kernel.calls, 0u);
  EXPECT_EQ(contents(s), "abc");
}

TEST_F(suio_output, writes_no_more_than_it_was_told_wherever_that_ends) {
  for (std::size_t max = 1; max <= 41; ++max) {
    suio s;
    for (std::size_t i = 0; i < 4; ++i) print_owned(s, make_owner(pattern(10, 10 * i), [] {}));
    kernel.taken.clear();
    const std::size_t expected = std::min<std::size_t>(max, 40);
    EXPECT_EQ(kernel.output(s, max).bytes, expected);
    EXPECT_EQ(kernel.taken, pattern(expected));
    EXPECT_EQ(contents(s), pattern(40 - expected, expected));
    expect_consistent(s);
  }
}

TEST_F(suio_output, stops_when_the_kernel_would_block_and_keeps_the_rest) {
  kernel.would_blocks = 100;
  suio s;
  s.copy("abc");
  s.iovcb(wrap([] { FAIL() << "nothing was written"; }));
  io_result r = kernel.output(s);
  EXPECT_EQ(r.status, io_status::would_block);
  EXPECT_EQ(r.bytes, 0u);
  EXPECT_FALSE(r.error);
  EXPECT_EQ(contents(s), "abc");
  s.clear();
}

TEST_F(suio_output, reports_an_error_and_keeps_the_rest) {
  kernel.errors = 100;
  suio s;
  s.copy("abc");
  io_result r = kernel.output(s, 2);
  EXPECT_EQ(r.status, io_status::error);
  EXPECT_EQ(r.error, std::errc::io_error);
  EXPECT_EQ(r.bytes, 0u);
  EXPECT_EQ(contents(s), "abc");
}

TEST_F(suio_output, accounts_exactly_what_was_taken_whatever_happens) {
  kernel.interrupts = kernel.would_blocks = kernel.errors = 20;
  for (int round = 0; round < 300; ++round) {
    suio s;
    std::string expected;
    std::vector<std::size_t> due;  // the positions of callbacks that have been called
    std::vector<std::size_t> marks;
    for (std::size_t i = 0; i < 10; ++i) {
      std::string piece = pattern(1 + random() % 100, random() % 89);
      expected += piece;
      print_owned(s, make_owner(piece, [] {}));
      marks.push_back(expected.size());
      s.iovcb(wrap([&due, at = expected.size()] { due.push_back(at); }));
    }
    kernel.taken.clear();
    while (!s.empty()) {
      const std::size_t before = kernel.taken.size();
      io_result r = kernel.output(s);
      ASSERT_EQ(kernel.taken.size() - before, r.bytes);
      ASSERT_EQ(contents(s), expected.substr(kernel.taken.size()));
      ASSERT_NE(r.error, std::errc::interrupted);
      ASSERT_EQ(r.status == io_status::error, kernel.last_error == EIO);
      ASSERT_EQ(r.status == io_status::would_block, kernel.last_error == EAGAIN);
      std::erase_if(marks, [&](std::size_t at) { return at <= kernel.taken.size(); });
      ASSERT_EQ(due.size() + marks.size(), 10u);
    }
    ASSERT_EQ(kernel.taken, expected);
    ASSERT_TRUE(std::is_sorted(due.begin(), due.end()));
  }
}

TEST_F(suio_output, offers_the_kernel_at_most_IOV_MAX_ranges_at_a_time) {
  kernel.short_transfers = 0;
  suio s;
  std::string expected;
  const std::string bytes = pattern(10000);
  for (std::size_t i = 0; i < 5000; ++i) {
    s.print(bytes.data() + 2 * i, 1);
    expected += bytes[2 * i];
  }
  ASSERT_EQ(s.iov().size(), 5000u);
  EXPECT_EQ(kernel.output(s, 4500).bytes, 4500u);
  EXPECT_EQ(kernel.output(s).bytes, 500u);
  EXPECT_EQ(kernel.taken, expected);
  EXPECT_EQ(kernel.calls, 5u + 1u);
}

TEST_F(suio_output, calls_callbacks_once_all_that_could_be_written_is) {
  kernel.most = 700;
  suio s;
  std::vector<std::size_t> left;
  for (int i = 0; i < 3; ++i) {
    s.print(pattern(1000));
    s.iovcb(wrap([&] { left.push_back(s.resid()); }));
  }
  kernel.output(s, 2500);
  EXPECT_EQ(left, (std::vector<std::size_t>{500, 500}));
}

TEST_F(suio_output, gives_the_right_result_when_a_callback_destroys_the_suio) {
  auto s = std::make_unique<suio>();
  s->copy("abc");
  s->iovcb(wrap([&] { s.reset(); }));
  s->copy("def");
  io_result r = kernel.output(*s, 4);
  EXPECT_EQ(s, nullptr);
  EXPECT_EQ(r.bytes, 4u);
  EXPECT_EQ(r.status, io_status::done);
}

TEST_F(suio_output, ends_when_the_end_of_an_owner_destroys_or_clears_the_suio) {
  for (bool destroy : {true, false}) {
    kernel.short_transfers = 0;
    kernel.taken.clear();
    auto s = std::make_unique<suio>();
    s->print("abc", 3, make_owner("", [&] { destroy ? s.reset() : s->clear(); }));
    s->copy("def");
    io_result r = kernel.output(*s, 3);
    EXPECT_EQ(r.bytes, 3u);
    EXPECT_EQ(kernel.taken, "abc");
    EXPECT_TRUE(s == nullptr || s->empty());
  }
}

TEST_F(suio_input, appends_what_was_read) {
  kernel.to_give = pattern(300000);
  suio s;
  s.copy("before ");
  for (;;) {
    const std::size_t before = s.resid();
    io_result r = kernel.input(s);
    EXPECT_EQ(s.resid(), before + r.bytes);
    if (r.status != io_status::done) {
      EXPECT_EQ(r.status, io_status::eof);
      break;
    }
    EXPECT_GT(r.bytes, 0u);
  }
  EXPECT_EQ(contents(s), "before " + pattern(300000));
  expect_consistent(s);
}

TEST_F(suio_input, reads_no_more_than_it_was_told) {
  for (std::size_t before : {0, 5, 1000, 1008}) {
    for (std::size_t max : {0, 1, 7, 8, 9, 1003, 9000, 100000}) {
      kernel.short_transfers = 0;
      kernel.to_give = pattern(200000);
      suio s;
      s.copy(pattern(before));
      io_result r = kernel.input(s, max);
      EXPECT_LE(r.bytes, max);
      EXPECT_GE(r.bytes, std::min<std::size_t>(max, 1000));
      EXPECT_EQ(contents(s), pattern(before) + pattern(r.bytes));
    }
  }
}

TEST_F(suio_input, changes_nothing_if_nothing_was_read) {
  const std::string before = pattern(100);
  for (int way = 0; way < 3; ++way) {
    kernel.would_blocks = way == 0 ? 100 : 0;
    kernel.errors = way == 1 ? 100 : 0;
    kernel.interrupts = 50;
    suio s;
    s.copy(before);
    io_result r = kernel.input(s);
    EXPECT_EQ(r.bytes, 0u);
    EXPECT_EQ(r.status, way == 0   ? io_status::would_block
                        : way == 1 ? io_status::error
                                   : io_status::eof);
    EXPECT_EQ(r.error, way == 1 ? std::make_error_code(std::errc::io_error) : std::error_code());
    EXPECT_EQ(contents(s), before);
    EXPECT_EQ(s.iov().size(), 1u);
    suio empty;
    EXPECT_EQ(kernel.input(empty).bytes, 0u);
    expect_consistent(empty);
  }
}

TEST_F(suio_input, retries_after_EINTR) {
  kernel.interrupts = 90;
  kernel.to_give = pattern(10);
  suio s;
  while (!kernel.to_give.empty()) ASSERT_EQ(kernel.input(s).status, io_status::done);
  EXPECT_EQ(contents(s), pattern(10));
}

TEST_F(suio_input, uses_one_block_for_many_small_reads) {
  suio s;
  for (int i = 0; i < 100; ++i) {
    kernel.to_give = "0123456789";
    while (!kernel.to_give.empty()) kernel.input(s);
  }
  EXPECT_EQ(s.iov().size(), 1u);
}

TEST_F(suio_input, reads_more_at_a_time_when_there_is_much_and_less_when_there_is_little) {
  kernel.short_transfers = 0;
  kernel.to_give = pattern(1000000);
  suio s;
  EXPECT_LE(kernel.input(s).bytes, 8192u);
  s.clear();
  for (int i = 0; i < 5; ++i) {
    kernel.input(s);
    s.clear();
  }
  EXPECT_GE(kernel.input(s).bytes, 65536u);
  s.clear();
  for (int i = 0; i < 5; ++i) {
    kernel.to_give = "little";
    kernel.input(s);
    s.clear();
  }
  kernel.to_give = pattern(1000000);
  EXPECT_LE(kernel.input(s).bytes, 8192u);
}

TEST_F(suio_input, what_was_read_can_be_taken_and_written_without_copying) {
  kernel.to_give = pattern(5000);
  suio in;
  while (!kernel.to_give.empty()) kernel.input(in);
  const void* const where_it_is = in.iov()[0].iov_base;
  suio out;
  out.take(in, 100);
  EXPECT_EQ(out.iov()[0].iov_base, where_it_is);
  kernel.to_give = "more";
  while (!kernel.to_give.empty()) kernel.input(in);
  EXPECT_EQ(contents(in), pattern(4900, 100) + "more");
  EXPECT_EQ(contents(out), pattern(100));
}

}  // namespace
}  // namespace async::test
