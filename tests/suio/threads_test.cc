// Suios of different threads that share blocks: one appends where another reads and lets go.
// Run with ThreadSanitizer, this shows that free space has one owner.
//
// Serves stage 6 (output).
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "tests/suio/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

// Suios on their way from one thread to another.
class channel {
 public:
  void send(suio s) {
    {
      std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(s));
    }
    sent_.post();
  }
  suio receive() {
    sent_.wait();
    std::lock_guard lock(mutex_);
    suio s = std::move(waiting_.front());
    waiting_.pop_front();
    return s;
  }

 private:
  std::mutex mutex_;
  std::deque<suio> waiting_;  // guarded by mutex_
  baton sent_;
};

TEST(suio_threads, may_share_blocks_while_one_appends_and_the_others_read_append_and_let_go) {
  constexpr std::size_t pieces = 4000;
  auto random = make_prng(3);
  std::string sent;
  channel channels[2];
  std::string received[2];
  auto receiver = [&](int i) {
    suio all;
    for (std::size_t n = 0; n < pieces; ++n) {
      suio piece = channels[i].receive();
      const std::string bytes = contents(piece);
      received[i] += bytes;
      piece.copy(".");
      EXPECT_EQ(contents(piece), bytes + ".");
      all.take(piece);
      if (n % 7 == 0) all.rembytes(all.resid());
    }
  };
  std::thread first(receiver, 0);
  std::thread second(receiver, 1);
  suio from;
  std::string expected[2];
  std::string queued;
  for (std::size_t n = 0; n < 2 * pieces; ++n) {
    const std::string bytes = pattern(1 + random() % 200, n);
    from.copy(bytes);
    queued += bytes;
    suio part;
    const std::size_t part_size = n % 5 == 0 ? from.resid() : 1 + random() % from.resid();
    part.take(from, part_size);
    expected[n % 2] += queued.substr(0, part_size);
    queued.erase(0, part_size);
    channels[n % 2].send(std::move(part));
  }
  first.join();
  second.join();
  EXPECT_EQ(received[0], expected[0]);
  EXPECT_EQ(received[1], expected[1]);
  EXPECT_EQ(contents(from), queued);
}

}  // namespace
}  // namespace async::test
