// How evenly clients were served, as bench/papers says it.
#include "bench/papers/shares.h"

#include <gtest/gtest.h>

namespace papers {
namespace {

shares of(std::initializer_list<std::uint64_t> all) {
  shares made;
  for (const std::uint64_t got : all) made.add(got);
  return made;
}

TEST(shares, are_even_if_all_got_the_same) {
  const shares even = of({7, 7, 7});
  EXPECT_DOUBLE_EQ(even.index(), 1);
  EXPECT_EQ(even.least(), 7u);
  EXPECT_EQ(even.most(), 7u);
  EXPECT_EQ(even.starved(), 0u);
  EXPECT_EQ(even.clients(), 3u);
}

TEST(shares, have_an_index_of_one_nth_if_one_of_n_got_everything) {
  const shares one = of({0, 12, 0, 0});
  EXPECT_DOUBLE_EQ(one.index(), 0.25);
  EXPECT_EQ(one.least(), 0u);
  EXPECT_EQ(one.most(), 12u);
  EXPECT_EQ(one.starved(), 3u);
}

TEST(shares, have_an_index_of_zero_if_nobody_got_anything) {
  EXPECT_EQ(of({0, 0}).index(), 0);
  EXPECT_EQ(of({}).index(), 0);
  EXPECT_EQ(of({}).least(), 0u);
}

}  // namespace
}  // namespace papers
