// Sealed file handles, and the table of nodes behind them.
#include "examples/sfsd/nfs/handles.h"

#include <gtest/gtest.h>

#include <set>

#include "examples/sfsd/nfs/nodes.h"
#include "examples/sfsd/nfs/protocol.h"
#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

static_assert(max_sealed_handle <= NFS3_FHSIZE);

inner_handle inner(std::uint32_t type, std::string_view bytes) {
  inner_handle h;
  h.type = type;
  h.bytes = decltype(h.bytes)(as_bytes(bytes));
  return h;
}

const inner_handle some = inner(1, "8 bytes."), next = inner(1, "8 bytes,");

TEST(a_sealed_handle, is_the_same_for_the_same_file_and_shows_nothing) {
  const handle_sealer sealer(secret_of(1));
  EXPECT_EQ(sealer.seal(some), sealer.seal(some));
  const sealed_handle a = sealer.seal(some), b = sealer.seal(next);
  int equal = 0;
  for (std::size_t i = 0; i < a.size; ++i) equal += a.held[i] == b.held[i];
  EXPECT_LT(equal, 10) << "neighbouring files have unrelated handles";
  for (const inner_handle& h : {some, next, inner(0xffffffff, ""), inner(7, std::string(40, 'x'))})
    EXPECT_EQ(sealer.open(sealer.seal(h).view()), h);
}

TEST(a_sealed_handle, cannot_be_changed_in_any_bit) {
  const handle_sealer sealer(secret_of(1));
  const sealed_handle good = sealer.seal(some);
  for (std::size_t bit = 0; bit < good.size * 8; ++bit) {
    sealed_handle bad = good;
    bad.held[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_EQ(sealer.open(bad.view()), std::nullopt) << bit;
  }
}

TEST(a_sealed_handle, of_another_length_or_key_or_out_of_thin_air_is_refused) {
  const handle_sealer sealer(secret_of(1)), other(secret_of(2));
  const sealed_handle h = sealer.seal(some);
  EXPECT_EQ(other.open(h.view()), std::nullopt);
  auto random = async::test::make_prng();
  for (std::size_t size = 0; size <= NFS3_FHSIZE; ++size) {
    byte_string wrong(h.held, h.held + h.size);
    wrong.resize(size);
    EXPECT_EQ(sealer.open(wrong).has_value(), size == h.size);
    EXPECT_EQ(sealer.open(random_bytes(random, size)), std::nullopt);
  }
}

file_identity file(std::uint64_t number) { return {1, number, 0}; }

TEST(the_node_table, finds_a_path_again_and_follows_a_file_that_was_moved) {
  node_table t(file(1), 100);
  const node_id a = *t.remember(t.root_id, "a", file(2));
  const node_id b = *t.remember(a, "b", file(3));
  const node_id c = *t.remember(b, "c", file(4));
  EXPECT_EQ(t.find(t.root_id)->path, "");
  EXPECT_EQ(t.find(c)->path, "a/b/c");
  EXPECT_EQ(t.find(c)->parent, b);
  EXPECT_EQ(t.remember(t.root_id, "moved", file(3)), b) << "the same file keeps its number";
  EXPECT_EQ(t.find(c)->path, "moved/c");
  EXPECT_EQ(t.find(99), std::nullopt);
}

TEST(the_node_table, makes_no_circle_of_directories) {
  node_table t(file(1), 100);
  const node_id a = *t.remember(t.root_id, "a", file(2));
  const node_id b = *t.remember(a, "b", file(3));
  EXPECT_EQ(t.remember(b, "a again", file(2)), a);
  EXPECT_EQ(t.remember(b, "root", file(1)), t.root_id);
  EXPECT_EQ(t.find(b)->path, "a/b");
}

TEST(the_node_table, forgets_the_leaf_used_longest_ago_and_never_gives_its_number_again) {
  node_table t(file(1), 4);
  const node_id a = *t.remember(t.root_id, "a", file(2));
  const node_id b = *t.remember(a, "b", file(3));
  const node_id c = *t.remember(t.root_id, "c", file(4));
  (void)t.find(b);
  std::set<node_id> seen{t.root_id, a, b, c};
  const node_id d = *t.remember(t.root_id, "d", file(5));
  EXPECT_TRUE(seen.insert(d).second);
  EXPECT_EQ(t.find(c), std::nullopt) << "a is older, but has a child";
  EXPECT_TRUE(t.find(b));
  EXPECT_TRUE(seen.insert(*t.remember(t.root_id, "c", file(4))).second);
  EXPECT_EQ(t.size(), 4u);
}

TEST(the_node_table, stays_consistent_under_random_use) {
  auto random = async::test::make_prng();
  node_table t(file(0), 50);
  std::vector<node_id> known{t.root_id};
  for (int i = 0; i < 20000; ++i) {
    const node_id parent = known[random() % known.size()];
    if (const auto id = t.remember(parent, std::to_string(random() % 10), file(random() % 200)))
      known.push_back(*id);
    if (known.size() > 100) known.erase(known.begin() + 1, known.begin() + 50);
    (void)t.find(known[random() % known.size()]);
    ASSERT_LE(t.size(), 50u);
  }
}

}  // namespace
}  // namespace sfs::test
