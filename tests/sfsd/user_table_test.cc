// The server's table of users: what it says is what is done, and what it does not say clearly is an
// error that names its line.
#include "examples/sfsd/users/user_table.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include "examples/sfsd/base/base32.h"
#include "tests/sfsd/users_support.h"

namespace sfs::test {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::system_clock;

// Accounts that are the same on every machine.
outcome<std::optional<user>> two_accounts(const std::string& name) {
  if (name == "ann") return std::optional(user{name, 1001, 100, {100, 27}});
  if (name == "bob") return std::optional(user{name, 1002, 100, {100}});
  if (name == "lost") return failure{"the directory does not answer"};
  return std::optional<user>();
}

const system_clock::time_point now = *parse_date("2030-06-15") + std::chrono::hours(12);

std::string key_text(const user_key& key) { return "sfs-ed25519 " + base32(key.who().key); }

class the_table : public testing::Test {
 protected:
  const user_key a = new_user_key(), b = new_user_key(), c = new_user_key();

  static std::shared_ptr<const user_table> read(const std::string& text) {
    const auto table = user_table::parse(text, "users", two_accounts);
    if (table) return *table;
    ADD_FAILURE() << table.why();
    return *user_table::parse("", "users", two_accounts);
  }
  static std::string why(const std::string& text) {
    const auto table = user_table::parse(text, "users", two_accounts);
    return table ? std::string() : table.why();
  }
};

TEST_F(the_table, finds_the_account_of_a_key) {
  const auto table = read("# who may\n\n  \t# this too\nann " + key_text(a) + "\n\tbob \t " +
                          key_text(b) + "\t\nann " + key_text(c) + " her laptop");
  EXPECT_EQ(table->size(), 3u);
  EXPECT_TRUE(table->warnings().empty());
  const lookup found = table->find(a.who().key, now);
  ASSERT_TRUE(found.who);
  EXPECT_EQ(found.why, refusal::none);
  EXPECT_EQ(found.who->name, "ann");
  EXPECT_EQ(found.who->uid, 1001u);
  EXPECT_EQ(found.who->gid, 100u);
  EXPECT_EQ(found.who->groups, (std::vector<gid_t>{100, 27}));
  EXPECT_EQ(table->find(b.who().key, now).who->name, "bob");
  EXPECT_EQ(table->find(c.who().key, now).who, found.who) << "one user, whatever his keys";
  EXPECT_EQ(table->find(new_user_key().who().key, now).who, nullptr);
  EXPECT_EQ(table->find(new_user_key().who().key, now).why, refusal::unknown);
}

TEST_F(the_table, knows_a_key_to_the_end_of_its_last_day) {
  const auto table = read("ann " + key_text(a) + " expires=2030-06-15 her old one\n");
  const system_clock::time_point end = *parse_date("2030-06-16");
  EXPECT_TRUE(table->find(a.who().key, now).who);
  EXPECT_TRUE(table->find(a.who().key, end - seconds(1)).who);
  EXPECT_EQ(table->find(a.who().key, end).who, nullptr);
  EXPECT_EQ(table->find(a.who().key, end).why, refusal::expired);
  EXPECT_TRUE(read("ann " + key_text(a) + " expires=9999-12-31\n")->find(a.who().key, now).who);
}

TEST_F(the_table, refuses_a_key_that_was_revoked_at_any_time) {
  const auto table = read("ann " + key_text(a) + " revoked=2030-06-20\nnobody " + key_text(b) +
                          " expires=2031-01-01 revoked=2030-06-01 lost it\n");
  EXPECT_TRUE(table->warnings().empty()) << "a revoked key needs no account";
  for (const user_key* key : {&a, &b}) {
    EXPECT_EQ(table->find(key->who().key, now).who, nullptr);
    EXPECT_EQ(table->find(key->who().key, now).why, refusal::revoked);
  }
}

TEST_F(the_table, goes_on_without_the_accounts_that_are_not_there) {
  const auto table = read("eve " + key_text(a) + "\nbob " + key_text(b) + "\nlost " + key_text(c));
  ASSERT_EQ(table->warnings().size(), 2u);
  EXPECT_TRUE(table->warnings()[0].starts_with("users:1: eve: there is no such account"));
  EXPECT_EQ(table->warnings()[1], "users:3: lost: the directory does not answer");
  EXPECT_EQ(table->find(a.who().key, now).why, refusal::unknown);
  EXPECT_TRUE(table->find(b.who().key, now).who);
  EXPECT_EQ(table->find(c.who().key, now).who, nullptr);
}

TEST_F(the_table, remembers_accounts_of_which_nobody_can_tell_now) {
  bool answers = true;
  const auto accounts = [&](const std::string& name) -> outcome<std::optional<user>> {
    if (!answers) return failure{"the directory does not answer"};
    return two_accounts(name);
  };
  const std::string text = "ann " + key_text(a) + "\nbob " + key_text(b) + "\n";
  const auto before = read("ann " + key_text(a) + "\nnobody " + key_text(c) + "\n");
  answers = false;
  const auto table = user_table::parse(text, "users", user_table::remembering(before, accounts));
  ASSERT_TRUE(table);
  ASSERT_TRUE((*table)->find(a.who().key, now).who);
  EXPECT_EQ((*table)->find(a.who().key, now).who->uid, 1001u);
  EXPECT_FALSE((*table)->find(b.who().key, now).who) << "he was not known";
  answers = true;
  EXPECT_TRUE((*user_table::parse(text, "users", user_table::remembering(before, accounts)))
                  ->find(b.who().key, now)
                  .who);
}

TEST_F(the_table, names_the_line_that_makes_no_sense) {
  const std::string good = "ann " + key_text(a);
  EXPECT_EQ(why(good + "\n# fine\n" + good), "users:3: this key is also in line 1");
  EXPECT_EQ(why(good + "\nbob " + key_text(a)), "users:2: this key is also in line 1");
  EXPECT_EQ(why(good + " revoked=2030-01-01\n" + good), "users:2: this key is also in line 1");
  EXPECT_EQ(why(good + "\r\n"), "users:1: it ends in CR LF; lines end in LF alone");
  EXPECT_EQ(why("#\r\n"), "users:1: it ends in CR LF; lines end in LF alone");
  EXPECT_EQ(why("\n" + good + std::string("\0", 1)), "users:2: a control character");
  EXPECT_EQ(why(std::string("an\0n", 4) + good), "users:1: a control character");
  EXPECT_EQ(why(good + " \x1b[2J"), "users:1: a control character");
  EXPECT_EQ(why(std::string(1025, '#')), "users:1: longer than 1024 bytes");
  EXPECT_EQ(why(std::string(1024, '#')), "");
  for (const std::string& line :
       std::vector<std::string>{"ann",
                                "ann " + key_text(a).substr(12),
                                "ann sfs-ed25519",
                                key_text(a),
                                "a/b " + good,
                                "-x" + good,
                                std::string(65, 'a') + " " + key_text(a),
                                good.substr(0, good.size() - 1),
                                good + "a",
                                "ann sfs-ed25519 " + std::string(52, 'a'),
                                "ann ssh-ed25519 " + good,
                                good + " expires=",
                                good + " expires=tomorrow",
                                good + " expires=2030-02-30",
                                good + " expires=2030-1-1",
                                good + " expires=2030-01-01x",
                                good + " expires=02030-1-01",
                                good + " expires=-030-01-01",
                                good + " expires=2030-01-01 expires=2030-01-02",
                                good + " Expires=2030-01-01",
                                good + " expire=2030-01-01",
                                good + " revoke=yes",
                                good + " revoked=yes",
                                good + " revoked=2030-01-01 revoked=2030-01-01",
                                good + " a comment \xff",
                                good + " " + std::string(129, 'x')})
    EXPECT_TRUE(why("# first\n" + line + "\n").starts_with("users:2: ")) << line;
}

TEST_F(the_table, is_bounded) {
  std::string text;
  for (std::size_t i = 0; i < 40'000; ++i) text += "#" + std::string(100, 'x') + "\n";
  EXPECT_EQ(why(text), "");
  const scratch_directory scratch;
  const auto file = scratch.file("users", text + text);
  const auto loaded = user_table::load(file, two_accounts);
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(has(loaded.why(), "longer than")) << loaded.why();
}

// Whatever bytes there are, it is a table or one line that is wrong.
TEST_F(the_table, takes_any_bytes_at_all) {
  auto random = async::test::make_prng();
  const std::string good =
      "ann " + key_text(a) + " expires=2030-06-15 x\nbob " + key_text(b) + "\n";
  for (int i = 0; i < 3000; ++i) {
    std::string text = good;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes)
      text[random() % text.size()] = static_cast<char>(random());
    const auto table = user_table::parse(text, "users", two_accounts);
    if (!table) {
      EXPECT_TRUE(table.why().starts_with("users:")) << table.why();
    }
  }
}

TEST(a_table_file, is_read_only_if_nobody_else_may_write_it) {
  const scratch_directory scratch;
  const user_key key = new_user_key();
  const std::string path = scratch.file("users", "ann " + key_text(key) + "\n");
  const auto table = user_table::load(path, two_accounts);
  ASSERT_TRUE(table) << table.why();
  EXPECT_TRUE((*table)->find(key.who().key, now).who);
  for (const mode_t mode : {0664u, 0646u, 0666u}) {
    ::chmod(path.c_str(), mode);
    EXPECT_TRUE(has(user_table::load(path, two_accounts).why(), "chmod go-w"));
  }
  ::chmod(path.c_str(), 0600);
  EXPECT_TRUE(user_table::load(path, two_accounts));
  EXPECT_FALSE(user_table::load(scratch.path() / "missing", two_accounts));
  EXPECT_FALSE(user_table::load(scratch.path(), two_accounts));
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  EXPECT_TRUE(has(user_table::load(path, two_accounts).why(), "belongs to another user"));
}

TEST(a_table_file, that_was_changed_is_stale) {
  const scratch_directory scratch;
  const std::string path = scratch.file("users", "# one\n");
  const auto table = user_table::load(path, two_accounts);
  ASSERT_TRUE(table);
  EXPECT_FALSE((*table)->is_stale());
  scratch.file("new", "# two\n");
  std::filesystem::rename(scratch.path() / "new", path);
  EXPECT_TRUE((*table)->is_stale());
  const auto again = user_table::load(path, two_accounts);
  EXPECT_FALSE((*again)->is_stale());
  scratch.file("users", "# longer\n");
  EXPECT_TRUE((*again)->is_stale());
  std::filesystem::remove(path);
  EXPECT_TRUE((*again)->is_stale());
}

TEST(a_date, is_one_of_the_calendar) {
  for (const char* good : {"2030-01-01", "2028-02-29", "0001-01-01", "9999-12-31", "1969-12-31"}) {
    ASSERT_TRUE(parse_date(good)) << good;
    EXPECT_EQ(text_of(*parse_date(good)), good);
  }
  for (const char* wrong : {"", "2030", "2030-13-01", "2030-00-01", "2030-01-00", "2030-04-31",
                            "2029-02-29", "2030/01/01", "+030-01-01", "2030-01-1 ", "2030-01-011"})
    EXPECT_FALSE(parse_date(wrong)) << wrong;
}

TEST(a_system_account, is_what_the_system_says) {
  const passwd* const me = ::getpwuid(::geteuid());
  ASSERT_TRUE(me) << "who runs this test has an account";
  const auto found = system_account(me->pw_name);
  ASSERT_TRUE(found) << found.why();
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->uid, ::geteuid());
  EXPECT_EQ((*found)->gid, me->pw_gid);
  EXPECT_TRUE(std::ranges::count((*found)->groups, me->pw_gid));
  const auto nobody = system_account("no-such.account-here");
  ASSERT_TRUE(nobody) << nobody.why();
  EXPECT_FALSE(*nobody);
}

}  // namespace
}  // namespace sfs::test
