// The memory behind callbacks and tasks: what holds in whatever order the blocks come back.
#include "wrap/detail/block_cache.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "tests/support/support.h"

namespace {

using async::detail::block_cache;
using async::detail::block_size;
using async::test::make_prng;

#if defined(ASYNC_HEAP_BLOCKS)
constexpr bool blocks_of_the_heap = true;
#else
constexpr bool blocks_of_the_heap = false;
#endif

// More than a depot's chunk of memory has of any size.
constexpr std::size_t many = 20'000;

std::uintptr_t address(const void* block) { return reinterpret_cast<std::uintptr_t>(block); }

class BlockCache : public testing::TestWithParam<block_size> {
 protected:
  static std::size_t size() { return static_cast<std::size_t>(GetParam()); }

  static std::vector<void*> allocate(std::size_t count) {
    std::vector<void*> blocks(count);
    for (void*& block : blocks) block = block_cache::allocate(GetParam());
    return blocks;
  }
  static void free(std::span<void* const> blocks) {
    for (void* block : blocks) block_cache::free(block, GetParam());
  }
  static void free_shuffled(std::vector<void*> blocks) {
    std::ranges::shuffle(blocks, make_prng());
    free(blocks);
  }
  static bool overlap(std::vector<void*> blocks) {
    std::ranges::sort(blocks);
    return std::ranges::adjacent_find(blocks, [](void* low, void* high) {
             return address(high) - address(low) < size();
           }) != blocks.end();
  }
  // How many of `blocks` lie below all or above all of `range`.
  static std::ptrdiff_t outside(const std::vector<void*>& range, const std::vector<void*>& blocks) {
    const auto ends = std::ranges::minmax(range);
    return std::ranges::count_if(blocks, [&](void* b) { return b < ends.min || b > ends.max; });
  }
};

TEST_P(BlockCache, GivesOutAlignedBlocksThatDoNotOverlap) {
  const std::size_t alignment = size() & (~size() + 1);  // the largest power of two in the size
  const std::vector<void*> blocks = allocate(many);
  for (void* block : blocks) {
    std::memset(block, 0xff, size());  // all of it is ours
    ASSERT_EQ(address(block) % alignment, 0u);
  }
  EXPECT_FALSE(overlap(blocks));
  free(blocks);
}

TEST_P(BlockCache, UsesTheSameMemoryAgainAfterBlocksComeBackInAnyOrder) {
  if (blocks_of_the_heap) GTEST_SKIP() << "blocks come from the heap";
  const std::vector<void*> first = allocate(many);
  free_shuffled(first);
  for (int round = 0; round < 20; ++round) {
    const std::vector<void*> blocks = allocate(many);
    EXPECT_FALSE(overlap(blocks));
    // The thread's cache may have held a few others when this began.
    EXPECT_LE(outside(first, blocks), 256);
    free_shuffled(blocks);
  }
}

TEST_P(BlockCache, GivesOutBlocksThatLieTogetherAfterTheyCameBackInAnyOrder) {
  if (blocks_of_the_heap) GTEST_SKIP() << "blocks come from the heap";
  free_shuffled(allocate(many));
  const std::vector<void*> kept = allocate(256);  // what the thread's cache holds, in any order
  const std::vector<void*> blocks = allocate(many / 2);
  std::set<std::uintptr_t> pages;
  for (void* block : blocks) pages.insert(address(block) / 4096);
  EXPECT_LE(pages.size(), 2 * blocks.size() * size() / 4096);
  free(blocks);
  free(kept);
}

TEST_P(BlockCache, GivesNoBlockToTwoThreads) {
  constexpr int threads = 4;
  constexpr int rounds = 200;
  std::atomic<int> stolen = 0;
  const auto churn = [&](std::uint64_t stream) {
    auto random = make_prng(stream);
    std::vector<void*> mine;
    for (int round = 0; round < rounds; ++round) {
      for (void* block : allocate(random() % 300)) {
        std::memcpy(block, &stream, sizeof stream);
        mine.push_back(block);
      }
      std::ranges::shuffle(mine, random);
      for (void* block : mine) stolen += std::memcmp(block, &stream, sizeof stream) != 0;
      const std::size_t kept = random() % (mine.size() + 1);
      free(std::span(mine).subspan(kept));
      mine.resize(kept);
    }
    free(mine);
  };
  {
    std::vector<std::jthread> running;
    for (std::uint64_t i = 1; i <= threads; ++i) running.emplace_back(churn, i);
  }
  EXPECT_EQ(stolen, 0);
}

TEST_P(BlockCache, TakesTheBlocksThatAThreadOnlyFreed) {
  if (blocks_of_the_heap) GTEST_SKIP() << "blocks come from the heap";
  const std::vector<void*> first = allocate(many);
  for (std::size_t i = 0; i < many; i += 50) {
    std::thread([&] { free(std::span(first).subspan(i, 50)); }).join();
  }
  const std::vector<void*> blocks = allocate(many);
  EXPECT_LE(outside(first, blocks), 256);
  free(blocks);
}

TEST_P(BlockCache, TakesTheBlocksOfAThreadThatEnds) {
  if (blocks_of_the_heap) GTEST_SKIP() << "blocks come from the heap";
  std::vector<void*> theirs;
  std::thread([&] {
    theirs = allocate(64);
    free(theirs);
  }).join();
  const std::vector<void*> blocks = allocate(many);
  EXPECT_TRUE(std::ranges::any_of(
      blocks, [&](void* b) { return std::ranges::find(theirs, b) != theirs.end(); }));
  free(blocks);
}

TEST_P(BlockCache, IsWholeInAChildForkedWhileOthersUseIt) {
  if (blocks_of_the_heap) GTEST_SKIP() << "the heap may be locked in the child";
  std::atomic<bool> done = false;
  std::jthread other([&] {
    while (!done) free_shuffled(allocate(300));
  });
  const int children = async::test::under_tsan ? 5 : 50;  // there a fork takes 0.4 s
  for (int i = 0; i < children; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);  // a child that hangs ends
      const std::vector<void*> blocks = allocate(many);
      _exit(overlap(blocks) ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  done = true;
}

INSTANTIATE_TEST_SUITE_P(Sizes, BlockCache,
                         testing::Values(block_size::small, block_size::moderate,
                                         block_size::medium, block_size::large),
                         [](const auto& info) {
                           return std::to_string(static_cast<std::size_t>(info.param));
                         });

}  // namespace
