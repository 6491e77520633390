// sfskey with users and revocations, as their users see it.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <termios.h>

#include "examples/sfsd/users/agent.h"
#include "examples/sfsd/users/revocation.h"
#include "examples/sfsd/users/table_lines.h"
#include "tests/sfsd/server_support.h"
#include "tests/sfsd/users_support.h"

namespace sfs::test {
namespace {

class sfskey : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return scratch.path() / name; }
  static finished run(std::vector<std::string> words) {
    words.insert(words.begin(), "sfskey");
    return run_program(std::move(words));
  }
  // What it prints when it succeeds, without the newline.
  static std::string good(const std::vector<std::string>& words) {
    const finished f = run(words);
    EXPECT_EQ(f.status, 0) << f.errors;
    return f.output.substr(0, f.output.find_last_not_of('\n') + 1);
  }
  static std::string bad(int status, const std::vector<std::string>& words) {
    const finished f = run(words);
    EXPECT_EQ(f.status, status) << f.errors;
    EXPECT_EQ(f.output, "");
    return f.errors;
  }
  std::string content(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const scratch_directory scratch;
};

TEST_F(sfskey, makes_a_users_key_and_shows_its_public_line) {
  const std::string line = good({"gen", "--user", "--comment", "me@my laptop", path("key")});
  const auto parsed = public_line::parse(line);
  ASSERT_TRUE(parsed) << parsed.why();
  EXPECT_EQ(parsed->comment, "me@my laptop");
  EXPECT_EQ(good({"show", path("key")}), line);
  scratch.file("public", line + "\n");
  EXPECT_EQ(good({"show", path("public")}), line);
  EXPECT_TRUE(user_key::load(path("key")));
  EXPECT_TRUE(has(bad(1, {"gen", "--user", path("key")}), "File exists"));
  bad(2, {"gen", "--user"});
  bad(2, {"gen", "--user", "--location", "host", path("other")});
  bad(2, {"gen", "--user", "--comment", "two\nlines", path("other")});
  bad(2, {"gen", "--comment", "x", path("other")});
  bad(2, {"what", "gen"});
  EXPECT_FALSE(std::filesystem::exists(path("other")));
}

TEST_F(sfskey, encrypts_a_users_key_with_a_passphrase_from_a_file) {
  const std::string secret = private_file(scratch, "passphrase", "open sesame\nanother line\n");
  const std::string line = good({"gen", "--user", "--passphrase-file", secret, path("key")});
  EXPECT_EQ(good({"show", path("key")}), line);
  EXPECT_FALSE(user_key::load(path("key")));
  EXPECT_TRUE(user_key::load(path("key"), [] { return secret_text("open sesame"); }));
  ::chmod(secret.c_str(), 0644);
  EXPECT_TRUE(
      has(bad(1, {"gen", "--user", "--passphrase-file", secret, path("other")}), "chmod 600"));
  private_file(scratch, "empty", "\n");
  EXPECT_TRUE(has(bad(1, {"gen", "--user", "--passphrase-file", path("empty"), path("other")}),
                  "there is no passphrase"));
  bad(2, {"gen", "--user", "--passphrase", "--passphrase-file", secret, path("other")});
  EXPECT_FALSE(std::filesystem::exists(path("other")));
}

TEST_F(sfskey, enters_a_key_in_the_table_and_revokes_it) {
  const std::string line = good({"gen", "--user", "--comment", "two words", path("key")});
  const std::string table = path("users");
  EXPECT_EQ(good({"register", "--users", table, "--user", "root", line}), "");
  EXPECT_EQ(content("users"), "root " + line + "\n");
  bad(1, {"register", "--users", table, "--user", "root", path("key")});
  const std::string other = good({"gen", "--user", path("other")});
  const std::string key = other.substr(other.find(' ') + 1);
  EXPECT_EQ(good({"register", "--users", table, "--user", "root", "--expires", "2099-12-31",
                  "sfs-ed25519", key, "in", "words"}),
            "");
  EXPECT_TRUE(has(content("users"), "root " + other + " expires=2099-12-31 in words\n"));
  const std::string revoked = good({"revoke", "--users", table, path("key")});
  const auto entry = parse_table(revoked, "what it prints");
  ASSERT_TRUE(entry && entry->size() == 1) << revoked;
  EXPECT_TRUE(entry->front().revoked);
  EXPECT_EQ(entry->front().user, "root");
  EXPECT_EQ(entry->front().key.text(), line);
  EXPECT_TRUE(
      has(bad(1, {"register", "--users", table, "--user", "root", line}), "was revoked on"));
  EXPECT_EQ(good({"revoke", "--users", table, line}), revoked);
}

TEST_F(sfskey, says_what_is_wrong_with_an_entry) {
  const std::string line = good({"gen", "--user", path("key")});
  const std::string table = path("users");
  bad(2, {"register", "--user", "root", line});
  bad(2, {"register", "--users", table, line});
  bad(2, {"register", "--users", table, "--user", "root"});
  bad(2, {"register", "--users", table, "--user", "ro ot", line});
  bad(2, {"register", "--users", table, "--user", "root", "--expires", "soon", line});
  bad(2, {"register", "--users", table, "--user", "root", line.substr(0, 30)});
  bad(2, {"register", "--users", table, "--user", "root", path("key"), "more"});
  bad(1, {"register", "--users", table, "--user", "root", path("missing")});
  bad(1, {"register", "--users", path("no/such/table"), "--user", "root", line});
  EXPECT_TRUE(has(bad(1, {"revoke", "--users", table, line}), "No such file"));
  EXPECT_FALSE(std::filesystem::exists(table));
  const finished f = run({"register", "--users", table, "--user", "no-such.account", line});
  EXPECT_EQ(f.status, 0);
  EXPECT_TRUE(has(f.errors, "there is no account no-such.account")) << f.errors;
  EXPECT_TRUE(has(bad(1, {"revoke", "--users", table, good({"gen", "--user", path("other")})}),
                  "this key is not in it"));
}

TEST_F(sfskey, makes_a_certificate_that_revokes_a_server) {
  const auto server =
      self_certifying_path::parse(good({"gen", "--location", "host.example%99", path("key")}));
  ASSERT_TRUE(server);
  const std::string text = good({"revoke", path("key")}) + "\n";
  const auto certificate = revocation::parse(text);
  ASSERT_TRUE(certificate) << certificate.why();
  EXPECT_EQ(certificate->path().text(), server->text());
  const std::string file = path(server->id.text());
  EXPECT_EQ(good({"revoke", "-o", file, path("key")}), "");
  EXPECT_EQ(content(server->id.text()), text);
  EXPECT_EQ(check_revocation(server->id, {scratch.path()}).state, standing::is::revoked);
  EXPECT_EQ(good({"show", file}), "revoked: " + server->text());
  EXPECT_TRUE(has(bad(1, {"revoke", "-o", file, path("key")}), "File exists"));
  good({"gen", "--user", path("user")});
  EXPECT_TRUE(has(bad(1, {"revoke", path("user")}), "this is a user's key"));
  bad(2, {"revoke"});
}

TEST_F(sfskey, shows_no_file_that_it_did_not_make) {
  std::string broken = revocation::of(new_key()).text();
  broken[broken.size() - 10] = broken[broken.size() - 10] == 'a' ? 'b' : 'a';
  for (const std::string& text :
       {std::string(), std::string("hello\n"), broken, std::string(100'000, 'x'),
        std::string("sfs-ed25519 aaaa\n"), std::string("User: \n"), std::string("Location: \n")}) {
    private_file(scratch, "file", text);
    EXPECT_TRUE(has(bad(1, {"show", path("file")}), path("file") + ": ")) << text;
  }
}

// A program on a terminal of its own.
class on_a_terminal {
 public:
  explicit on_a_terminal(std::vector<std::string> words)
      : ours_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (!ours_ || ::grantpt(ours_.get()) < 0 || ::unlockpt(ours_.get()) < 0) std::abort();
    const std::string name = ::ptsname(ours_.get());
    words[0] = program(words[0]);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::setsid();
    const int terminal = ::open(name.c_str(), O_RDWR);  // becomes the controlling one
    for (int fd : {0, 1, 2}) ::dup2(terminal, fd);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  // Everything that is shown until this is, or until the program ends.
  std::string read_to(std::string_view end) {
    std::string shown;
    for (char c; shown.find(end) == std::string::npos && ::read(ours_.get(), &c, 1) == 1;)
      shown += c;
    return shown;
  }
  void type(std::string_view text) {
    if (::write(ours_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      std::abort();
  }
  bool echoes() const {
    termios now;
    return ::tcgetattr(ours_.get(), &now) == 0 && (now.c_lflag & ECHO) != 0;
  }
  int status() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  fd_owner ours_;
  pid_t pid_ = -1;
};

TEST_F(sfskey, asks_for_a_new_passphrase_twice_and_does_not_show_it) {
  on_a_terminal t({"sfskey", "gen", "--user", "--passphrase", path("key")});
  std::string shown;
  for (const char* typed : {"open sesame\n", "open sesam\n", "open sesame\n", "open sesame\n"}) {
    shown += t.read_to(": ");
    t.type(typed);
  }
  shown += t.read_to("nothing like this");
  EXPECT_EQ(t.status(), 0) << shown;
  EXPECT_TRUE(has(shown, "sfs-ed25519 ")) << shown;
  EXPECT_TRUE(has(shown, "(again): ")) << shown;
  EXPECT_FALSE(has(shown, "sesam")) << shown;
  EXPECT_TRUE(user_key::load(path("key"), [] { return secret_text("open sesame"); }));
}

TEST_F(sfskey, is_ended_by_a_signal_while_it_asks_and_leaves_the_terminal_as_it_was) {
  on_a_terminal t({"sfskey", "gen", "--user", "--passphrase", path("key")});
  t.read_to(": ");
  EXPECT_FALSE(t.echoes());
  t.type("half a pass\x03");
  EXPECT_EQ(t.status(), 128 + SIGINT);
  EXPECT_TRUE(t.echoes());
  EXPECT_FALSE(std::filesystem::exists(path("key")));
}

TEST_F(sfskey, does_not_go_on_with_an_empty_passphrase) {
  on_a_terminal t({"sfskey", "gen", "--user", "--passphrase", path("key")});
  t.read_to(": ");
  t.type("\n");
  EXPECT_TRUE(has(t.read_to("nothing like this"), "there is no passphrase"));
  EXPECT_EQ(t.status(), 1);
  EXPECT_FALSE(std::filesystem::exists(path("key")));
}

TEST_F(sfskey, makes_keys_that_an_agent_unlocks_at_the_terminal) {
  private_file(scratch, "passphrase", "open sesame\n");
  const std::string line =
      good({"gen", "--user", "--passphrase-file", path("passphrase"), path("key")});
  on_a_terminal t({"sfsagent", "--background", "--socket", path("agent"), path("key")});
  EXPECT_TRUE(has(t.read_to(": "), "Passphrase of " + path("key")));
  t.type("open sesam\n");
  EXPECT_TRUE(has(t.read_to("wrong"), "the passphrase is wrong"));
  EXPECT_EQ(t.status(), 1);

  // The agent outlives the process that was started; so that it does not outlive the test, it is
  // made to be the test's own child then.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  on_a_terminal again({"sfsagent", "--background", "--socket", path("agent"), path("key")});
  again.read_to(": ");
  again.type("open sesame\n");
  EXPECT_TRUE(has(again.read_to("agent\r\n"), path("agent")));
  EXPECT_EQ(again.status(), 0);
  const auto signers = agent_signers(path("agent"));
  ASSERT_TRUE(signers) << signers.why();
  ASSERT_EQ(signers->size(), 1u);
  EXPECT_EQ((*signers)[0]->who().text(), line);
  pid_t agent = 0;
  std::ifstream("/proc/self/task/" + std::to_string(::getpid()) + "/children") >> agent;
  ASSERT_GT(agent, 0);
  EXPECT_EQ(::kill(agent, SIGTERM), 0);
  int status = -1;
  EXPECT_EQ(::waitpid(agent, &status, 0), agent);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(std::filesystem::exists(path("agent")));
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace sfs::test
