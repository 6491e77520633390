// What reference counts promise when several threads hold the object (wrap/refcnt.h). Meant for
// ThreadSanitizer above all: the object's own fields are plain, and only the count orders them.
//
// Serves no stage of the data flow.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/support.h"
#include "wrap/callback.h"
#include "wrap/refcnt.h"
#include "wrap/wrap.h"

#if !defined(ASYNC_UNIPROCESSOR)

namespace {

using namespace async;

constexpr int threads = 4;
constexpr int rounds = 2000;

// Each thread writes its own place before it drops its handle; finalize() reads them all.
class shared : public refcount {
 public:
  explicit shared(std::atomic<int>& finalized, std::atomic<int>& complete)
      : finalized_(finalized), complete_(complete) {}
  void finalize() override {
    finalized_.fetch_add(1);
    int sum = 0;
    for (int written : written_) sum += written;
    complete_.fetch_add(sum == threads);
    delete this;
  }
  int written_[threads] = {};

 private:
  std::atomic<int>& finalized_;
  std::atomic<int>& complete_;
};

// In each round every thread gets a handle of its own; `use(handle, thread)` is to drop it.
template <class Handle, class Make, class Use>
void share_and_drop(Make make, Use use) {
  std::vector<ptr<typename Handle::element_type>> given(threads);
  std::barrier turn(threads + 1);
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; t++) {
    workers.emplace_back([&, t] {
      for (int i = 0; i < rounds; i++) {
        turn.arrive_and_wait();
        use(Handle(std::move(given[t])), t);
        turn.arrive_and_wait();
      }
    });
  }
  for (int i = 0; i < rounds; i++) {
    {
      Handle made = make();
      for (auto& slot : given) slot = made;
    }
    turn.arrive_and_wait();
    turn.arrive_and_wait();
  }
  for (auto& worker : workers) worker.join();
}

TEST(RefThreads, TheLastOfSeveralThreadsFinalizesOnceAndSeesWhatTheOthersDid) {
  std::atomic<int> finalized = 0;
  std::atomic<int> complete = 0;
  share_and_drop<ref<shared>>([&] { return make_ref<shared>(finalized, complete); },
                              [](ref<shared> mine, int t) { mine->written_[t] = 1; });
  EXPECT_EQ(finalized, rounds);
  EXPECT_EQ(complete, rounds);
}

TEST(RefThreads, HandlesOfOneObjectAreCopiedAndDroppedByAllThreadsAtOnce) {
  std::atomic<int> finalized = 0;
  std::atomic<int> complete = 0;
  share_and_drop<ref<shared>>([&] { return make_ref<shared>(finalized, complete); },
                              [](ref<shared> mine, int t) {
                                for (int i = 0; i < 20; i++) {
                                  ref<shared> copy = mine;
                                  ptr<refcount> base = copy;
                                  ref<shared> again = mkref(copy.get());
                                  copy = std::move(again);
                                }
                                mine->written_[t] = 1;
                              });
  EXPECT_EQ(finalized, rounds);
  EXPECT_EQ(complete, rounds);
}

TEST(RefThreads, NoCopyAndNoDropIsLostFromTheCount) {
  struct plain : refcount {};
  ref<plain> held = make_ref<plain>();
  std::atomic<int> arrived = 0;
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; t++) {
    workers.emplace_back([&arrived, mine = held] {
      arrived.fetch_add(1);
      while (arrived.load() < threads) std::this_thread::yield();
      for (int i = 0; i < 100'000; i++) ref<plain> copy = mine;
    });
  }
  for (auto& worker : workers) worker.join();
  workers.clear();
  EXPECT_EQ(held->use_count(), 1u);
}

TEST(RefThreads, ACallbackAndWhatItHoldsAreDestroyedByWhicheverThreadDropsThemLast) {
  std::atomic<int> finalized = 0;
  std::atomic<int> complete = 0;
  share_and_drop<callback<void, int>::ref>(
      [&]() -> callback<void, int>::ref {
        return wrap([](const ref<shared>& s, int t) { s->written_[t] = 1; },
                    make_ref<shared>(finalized, complete));
      },
      [](callback<void, int>::ref mine, int t) {
        callback<void, int>::ptr copy = mine;
        mine(t);
      });
  EXPECT_EQ(finalized, rounds);
  EXPECT_EQ(complete, rounds);
}

// Both threads drop at once, again and again: the fast path for the only holder must not be taken
// by two, nor by none.
TEST(RefThreads, OfTwoThreadsThatDropAtOnceExactlyOneFinalizes) {
  std::atomic<int> deaths = 0;
  struct counted : refcount {
    explicit counted(std::atomic<int>& deaths) : deaths_(deaths) {}
    ~counted() override { deaths_.fetch_add(1, std::memory_order_relaxed); }
    std::atomic<int>& deaths_;
  };
  constexpr int batches = 1000;
  constexpr int batch = 100;
  std::vector<ptr<counted>> made(batches * batch);
  for (auto& p : made) p = make_ref<counted>(deaths);
  auto other = made;
  std::atomic<int> arrived = 0;
  auto drop_all = [&arrived](std::vector<ptr<counted>>& mine) {
    for (int i = 0; i < batches; i++) {
      arrived.fetch_add(1);
      while (arrived.load() < 2 * (i + 1)) std::this_thread::yield();
      for (int j = 0; j < batch; j++) mine[i * batch + j] = nullptr;
    }
  };
  std::thread thread([&] { drop_all(other); });
  drop_all(made);
  thread.join();
  EXPECT_EQ(deaths, batches * batch);
}

}  // namespace

#endif
