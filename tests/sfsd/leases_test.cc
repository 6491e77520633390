// The table of leases: who was shown a file is told when another changes it, at made-up times.
#include "examples/sfsd/server/leases.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/support.h"

namespace sfs::test {
namespace {

using namespace std::chrono_literals;
using time_point = lease_table::clock::time_point;

sealed_handle handle_of(unsigned n) {
  std::uint8_t bytes[24] = {};
  store_be32(bytes + 4, n);
  return sealed_handle(bytes);
}
unsigned number_of(const sealed_handle& h) { return load_be32(h.held + 4); }

struct client final : lease_table::holder {
  void leases_ended(std::span<const sealed_handle> files) override {
    ++messages;
    for (const sealed_handle& f : files) told.push_back(number_of(f));
  }
  std::vector<unsigned> take() { return std::exchange(told, {}); }
  std::vector<unsigned> told;
  int messages = 0;
};

using file_numbers = std::vector<unsigned>;

class a_lease : public testing::Test {
 protected:
  a_lease() {
    for (client* c : {&a, &b, &c}) table.join(*c);
  }
  ~a_lease() override {
    for (client* c : {&a, &b, &c}) table.leave(*c);
  }
  // A look that began just now.
  void show(client& c, const file_numbers& files) { show(c, files, table.last_change()); }
  void show(client& c, const file_numbers& files, std::uint64_t seen) {
    table.show(c, handles(files), seen, now);
  }
  void change(const file_numbers& files, const client* by) {
    table.change(handles(files), by, now);
  }
  static std::vector<sealed_handle> handles(const file_numbers& files) {
    std::vector<sealed_handle> all;
    for (unsigned n : files) all.push_back(handle_of(n));
    return all;
  }

  time_point now{1000s};
  lease_table table{30s};
  client a, b, c;
};

TEST_F(a_lease, ends_when_another_changes_the_file_and_is_told_once) {
  show(a, {1, 2});
  show(c, {1});
  change({1}, &b);
  EXPECT_EQ(a.take(), file_numbers{1});
  EXPECT_EQ(c.take(), file_numbers{1});
  EXPECT_TRUE(b.take().empty()) << "he was shown nothing";
  change({1}, &b);
  EXPECT_TRUE(a.take().empty()) << "he knows that he knows nothing";
  change({2}, nullptr);
  EXPECT_EQ(a.take(), file_numbers{2}) << "whoever it was";
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(a_lease, does_not_end_when_its_holder_changes_the_file) {
  show(a, {1});
  show(b, {1});
  change({1}, &a);
  EXPECT_TRUE(a.take().empty());
  EXPECT_EQ(b.take(), file_numbers{1});
  change({1}, &b);
  EXPECT_EQ(a.take(), file_numbers{1}) << "he had it still";
}

TEST_F(a_lease, ends_by_itself_and_then_nobody_is_told) {
  show(a, {1});
  now += 29s;
  show(a, {2});
  show(b, {1});
  now += 1s;
  change({1}, &c);
  EXPECT_TRUE(a.take().empty()) << "30 seconds are over";
  EXPECT_EQ(b.take(), file_numbers{1});
  change({2}, &c);
  EXPECT_EQ(a.take(), file_numbers{2});
  now += 30s;
  show(a, {3});
  show(b, {3});
  EXPECT_EQ(table.size(), 1u) << "and nothing is kept of those that are over";
}

TEST_F(a_lease, begins_anew_each_time_the_file_is_shown) {
  show(a, {1, 2});
  now += 20s;
  show(a, {1});
  now += 20s;
  change({1, 2}, &b);
  EXPECT_EQ(a.take(), file_numbers{1});
}

TEST_F(a_lease, is_not_given_for_what_changed_between_the_look_and_the_note) {
  const std::uint64_t when_a_looked = table.last_change();
  change({1, 2}, &b);
  show(a, {1, 3}, when_a_looked);
  EXPECT_EQ(a.take(), file_numbers{1});
  change({1}, &b);
  EXPECT_TRUE(a.take().empty());
  change({3}, &b);
  EXPECT_EQ(a.take(), file_numbers{3});
  show(b, {2}, when_a_looked);
  EXPECT_TRUE(b.take().empty()) << "it was his own change";
  change({2}, &a);
  EXPECT_EQ(b.take(), file_numbers{2});
}

TEST_F(a_lease, is_not_given_when_the_changes_since_the_look_are_too_many_to_remember) {
  for (unsigned changes : {1023u, 1024u, 1025u, 3000u}) {
    const std::uint64_t when_a_looked = table.last_change();
    file_numbers others(changes);
    for (unsigned n = 0; n < changes; ++n) others[n] = 100 + n;
    change(others, &b);
    show(a, {1}, when_a_looked);
    change({1}, &b);
    EXPECT_EQ(a.take(), file_numbers{1}) << changes << ": either at once or by the change";
  }
  const std::uint64_t when_a_looked = table.last_change();
  file_numbers many(2000, 5);
  many[0] = 1;
  change(many, &b);
  show(a, {1}, when_a_looked);
  EXPECT_EQ(a.take(), file_numbers{1}) << "the change of it is forgotten, and that there were more";
}

TEST_F(a_lease, of_one_message_is_told_with_all_others) {
  show(a, {1, 2, 3});
  change({1, 2, 3}, &b);
  EXPECT_EQ(a.messages, 1);
  EXPECT_EQ(a.take(), (file_numbers{1, 2, 3}));
}

TEST_F(a_lease, is_the_oldest_that_goes_when_a_client_has_too_many) {
  for (unsigned n = 0; n < lease_table::max_leases; ++n) show(a, {n});
  EXPECT_TRUE(a.take().empty());
  show(a, {0});  // now 1 is the oldest
  show(a, {100'000, 100'001});
  EXPECT_EQ(a.take(), (file_numbers{1, 2})) << "and he is told that he must not rely on it";
  EXPECT_EQ(table.size(), lease_table::max_leases);
  change({0, 1, 2, 3}, &b);
  EXPECT_EQ(a.take(), (file_numbers{0, 3}));
}

TEST_F(a_lease, is_gone_with_its_holder) {
  EXPECT_TRUE(table.anyone());
  show(a, {1});
  show(b, {1});
  table.leave(a);
  table.leave(a);
  change({1}, &c);
  EXPECT_TRUE(a.take().empty());
  EXPECT_EQ(b.take(), file_numbers{1});
  show(a, {2});
  EXPECT_EQ(table.size(), 0u) << "who has left gets none";
  table.leave(b);
  EXPECT_TRUE(table.anyone());
  table.leave(c);
  EXPECT_FALSE(table.anyone());
}

TEST_F(a_lease, is_not_confused_when_a_new_holder_lies_where_an_old_one_lay) {
  const std::uint64_t before = table.last_change();
  change({1}, &a);
  table.leave(a);
  table.join(a);  // another client, as far as the table knows
  show(a, {1}, before);
  EXPECT_EQ(a.take(), file_numbers{1}) << "the change was the old one's";
}

// What must hold whatever happens: who was shown a file, and was not told since, may believe until
// his lease's end that nobody else has changed it since the look.
class lease_model {
 public:
  explicit lease_model(std::uint64_t stream) : random_(async::test::make_prng(stream)) {
    for (client& c : clients_) table_.join(c);
  }
  ~lease_model() {
    for (client& c : clients_) table_.leave(c);
  }
  void step() {
    now_ += std::chrono::milliseconds(random_() % 200);
    const std::size_t who = random_() % clients;
    switch (random_() % 8) {
      case 0:
      case 1:  // begins to look at some files, and goes on looking
        looks_[who].push_back(look(who));
        break;
      case 2:
      case 3:
      case 4:  // notes what it was shown
        if (!looks_[who].empty()) note(who);
        break;
      case 5:
        if (random_() % 20 == 0) come_back(who);
        break;
      default:
        change(who);
    }
    for (std::size_t c = 0; c < clients; ++c) hear(c);
  }
  int told() const { return told_; }
  int expected() const { return expected_; }

 private:
  static constexpr std::size_t clients = 4, files = 12;
  struct one_look {
    std::uint64_t seen;
    std::vector<std::pair<unsigned, int>> versions;  // of the files, as they were
  };
  struct belief {
    int version;
    time_point until;
  };

  one_look look(std::size_t) {
    one_look l{table_.last_change(), {}};
    for (std::size_t n = 1 + random_() % 3; n > 0; --n) {
      const auto f = static_cast<unsigned>(random_() % files);
      l.versions.emplace_back(f, version_[f]);
    }
    return l;
  }
  void note(std::size_t who) {
    const one_look l = looks_[who].front();
    looks_[who].erase(looks_[who].begin());
    std::vector<sealed_handle> shown;
    for (const auto& [f, version] : l.versions) {
      shown.push_back(handle_of(f));
      // Replies come in order; his own changes since then he knows of.
      beliefs_[who][f] = {version, now_ + 2s};
    }
    table_.show(clients_[who], shown, l.seen, now_);
  }
  void change(std::size_t who) {
    std::vector<sealed_handle> changed;
    std::set<unsigned> these;
    for (std::size_t n = 1 + random_() % 2; n > 0; --n)
      these.insert(static_cast<unsigned>(random_() % files));
    for (unsigned f : these) {
      by_others_[f].push_back(who);
      ++version_[f];
      changed.push_back(handle_of(f));
    }
    if (random_() % 50 == 0) changed.insert(changed.end(), 1500, handle_of(1000));
    table_.change(changed, &clients_[who], now_);
  }
  void come_back(std::size_t who) {
    table_.leave(clients_[who]);
    table_.join(clients_[who]);
    beliefs_[who].clear();
    looks_[who].clear();
    clients_[who].take();
  }
  void hear(std::size_t who) {
    for (unsigned f : clients_[who].take()) {
      ++told_;
      beliefs_[who].erase(f);
    }
    for (const auto& [f, b] : beliefs_[who]) {
      if (b.until <= now_) continue;
      for (int v = b.version; v < version_[f]; ++v)
        ASSERT_EQ(by_others_[f][static_cast<std::size_t>(v)], who)
            << "client " << who << " believes in file " << f << " as it was";
      ++expected_;
    }
  }

  async::test::prng random_;
  time_point now_{1000s};
  lease_table table_{2s};
  client clients_[clients];
  std::vector<one_look> looks_[clients];
  std::map<unsigned, belief> beliefs_[clients];
  int version_[files] = {};
  std::vector<std::size_t> by_others_[files];  // who made each version after the first
  int told_ = 0, expected_ = 0;
};

TEST(leases, let_nobody_believe_what_another_has_changed) {
  lease_model model(5);
  for (int i = 0; i < 30'000 && !testing::Test::HasFailure(); ++i) model.step();
  EXPECT_GT(model.told(), 1000) << "there was something to tell";
  EXPECT_GT(model.expected(), 10'000) << "and something to believe";
}

}  // namespace
}  // namespace sfs::test
