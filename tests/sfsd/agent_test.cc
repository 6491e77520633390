// The agent: it signs logins and nothing else, for its own user, and no client can keep it from
// the others.
#include "examples/sfsd/users/agent.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "async/net.h"
#include "examples/sfsd/users/agent_protocol.h"
#include "tests/sfsd/server_support.h"
#include "tests/sfsd/users_support.h"

namespace sfs::test {
namespace {

const_bytes behind_length(const std::string& message) { return as_bytes(message).subspan(4); }

login_statement some_statement() { return {"host.example", new_key().id(), session_of(5), 77}; }

TEST(an_agent_question, is_decoded_as_it_was_encoded) {
  const agent_login login{new_user_key().who().key, some_statement()};
  const auto back = decode_question(behind_length(encode(agent_question(login))));
  ASSERT_TRUE(back);
  const auto* got = std::get_if<agent_login>(&*back);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->key, login.key);
  EXPECT_TRUE(std::ranges::equal(login_message(got->statement).bytes(),
                                 login_message(login.statement).bytes()));
  const auto list = decode_question(behind_length(encode(agent_question(agent_list{}))));
  ASSERT_TRUE(list);
  EXPECT_TRUE(std::holds_alternative<agent_list>(*list));
}

TEST(an_agent_question, that_is_cut_or_longer_or_of_another_type_is_none) {
  const agent_login login{new_user_key().who().key, some_statement()};
  const std::string good = encode(agent_question(login)).substr(4);
  constexpr std::size_t fixed = 1 + 32 + 32 + 32 + 4;
  for (std::size_t size = 0; size <= fixed; ++size)
    EXPECT_FALSE(decode_question(as_bytes(good).first(size))) << size;
  for (int type = 0; type < 256; ++type) {
    std::string other = good;
    other[0] = static_cast<char>(type);
    EXPECT_EQ(decode_question(as_bytes(other)).has_value(), type == 2) << type;
    EXPECT_EQ(decode_question(as_bytes(other).first(1)).has_value(), type == 1) << type;
  }
  const auto with_location = [&](const std::string& location) {
    return decode_question(as_bytes(good.substr(0, fixed) + location)).has_value();
  };
  EXPECT_TRUE(with_location(std::string(255, 'a')));
  EXPECT_FALSE(with_location(std::string(256, 'a')));
  EXPECT_FALSE(with_location(std::string(100'000, 'a')));
  EXPECT_FALSE(with_location("a b"));
  EXPECT_FALSE(with_location(std::string("a\0b", 3)));
}

TEST(an_agent_answer, is_decoded_as_it_was_encoded) {
  const std::vector<public_line> keys{new_user_key("one").who(), new_user_key("").who()};
  const auto lines = decode_answer(behind_length(encode(agent_answer(keys))));
  ASSERT_TRUE(lines && std::holds_alternative<std::vector<public_line>>(*lines));
  const auto& got = std::get<std::vector<public_line>>(*lines);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].text(), keys[0].text());
  EXPECT_EQ(got[1].text(), keys[1].text());
  const auto why = decode_answer(behind_length(encode(agent_answer(agent_refused{"no"}))));
  EXPECT_EQ(std::get<agent_refused>(*why).why, "no");
}

TEST(an_agent_answer, with_all_keys_that_there_may_be_has_room) {
  const public_line longest{new_user_key().who().key, std::string(max_comment, 'x')};
  const agent_answer full(std::vector<public_line>(max_agent_keys, longest));
  EXPECT_LE(encode(full).size(), max_agent_answer);
  EXPECT_TRUE(decode_answer(behind_length(encode(full))));
  const agent_answer over(std::vector<public_line>(max_agent_keys + 1, longest));
  EXPECT_FALSE(decode_answer(behind_length(encode(over))));
}

TEST(an_agent_message, of_any_bytes_is_decoded_or_refused) {
  auto random = async::test::make_prng();
  const std::string question =
      encode(agent_question(agent_login{new_user_key().who().key, some_statement()})).substr(4);
  const std::string answer =
      encode(agent_answer(std::vector<public_line>{new_user_key("a").who(), new_user_key().who()}))
          .substr(4);
  for (int i = 0; i < 3000; ++i) {
    for (std::string text : {question, answer}) {
      text[random() % text.size()] = static_cast<char>(random());
      text.resize(random() % (text.size() + 1));
      (void)decode_question(as_bytes(text));
      (void)decode_answer(as_bytes(text));
    }
  }
  std::size_t used = 9;
  EXPECT_TRUE(next_agent_message(from_hex("0000"), 10, used));
  EXPECT_EQ(used, 0u);
  EXPECT_TRUE(next_agent_message(from_hex("0000000a01"), 10, used));
  EXPECT_EQ(used, 0u);
  EXPECT_FALSE(next_agent_message(from_hex("0000000b01"), 10, used));
  EXPECT_FALSE(next_agent_message(from_hex("ffffffff01"), 10, used));
  EXPECT_FALSE(next_agent_message(from_hex("00000000"), 10, used));
  EXPECT_EQ(next_agent_message(from_hex("00000001070000"), 10, used)->size(), 1u);
  EXPECT_EQ(used, 5u);
}

TEST(a_signer, with_a_key_signs_what_the_key_would) {
  user_key key = new_user_key("me");
  const public_line who = key.who();
  const login_statement said = some_statement();
  const auto signer = signer_with(std::move(key));
  EXPECT_EQ(signer->who().text(), who.text());
  const auto signature = signer->sign(said);
  ASSERT_TRUE(signature);
  EXPECT_TRUE(verify_login(who.key, said, *signature));
}

// An agent that runs as a process of its own.
class the_agent : public testing::Test {
 protected:
  // Clients have so much time that it is not what ends them.
  void start(const std::vector<std::string>& options = {"--client-timeout", "3600"}) {
    ASSERT_EQ(one.save(scratch.path() / "one"), "");
    ASSERT_EQ(two.save(scratch.path() / "two", "open sesame"), "");
    private_file(scratch, "passphrase", "open sesame\n");
    std::vector<std::string> words{program("sfsagent"), "--socket", socket, "--passphrase-file",
                                   scratch.path() / "passphrase"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {scratch.path() / "one", scratch.path() / "two"});
    agent = std::make_unique<child_process>(words);
    ASSERT_EQ(agent->read_line(), socket);
  }
  fd_owner connect() const { return fd_owner(async::unixsocket_connect(socket)); }
  bool answers() const {
    const auto signers = agent_signers(socket);
    return signers && signers->size() == 2;
  }
  // What the agent says to these bytes before it hangs up, if it does within 30 seconds.
  static bool is_hung_up_on(int fd, const std::string& bytes) {
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    return is_closed_by_peer(fd);
  }

  const scratch_directory scratch;
  const std::string socket = scratch.path() / "agent";
  const user_key one = new_user_key("first"), two = new_user_key("second");
  std::unique_ptr<child_process> agent;
};

TEST_F(the_agent, signs_logins_with_each_of_its_keys) {
  start();
  auto signers = agent_signers(socket);
  ASSERT_TRUE(signers) << signers.why();
  ASSERT_EQ(signers->size(), 2u);
  EXPECT_EQ((*signers)[0]->who().text(), one.who().text());
  EXPECT_EQ((*signers)[1]->who().text(), two.who().text());
  const login_statement said = some_statement();
  for (const auto& signer : *signers) {
    const auto signature = signer->sign(said);
    ASSERT_TRUE(signature) << signature.why();
    EXPECT_TRUE(verify_login(signer->who().key, said, *signature));
  }
  login_statement nonsense = said;
  nonsense.location = "not a location";
  EXPECT_TRUE(has((*signers)[0]->sign(nonsense).why(), "it hung up"));
}

TEST_F(the_agent, is_for_its_user_alone_and_gone_when_it_ends) {
  start();
  struct stat st;
  ASSERT_EQ(::stat(socket.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  auto signers = agent_signers(socket);
  ASSERT_TRUE(signers);
  ::kill(agent->pid(), SIGTERM);
  const finished f = agent->finish();
  EXPECT_EQ(f.status, 0) << f.errors;
  EXPECT_FALSE(std::filesystem::exists(socket));
  EXPECT_FALSE((*signers)[0]->sign(some_statement()));
  const auto none = agent_signers(socket);
  ASSERT_TRUE(none) << none.why();
  EXPECT_TRUE(none->empty());
}

TEST_F(the_agent, takes_the_place_of_one_that_was_killed_and_of_no_other) {
  start();
  EXPECT_EQ(run_program({"sfsagent", "--socket", socket, scratch.path() / "one"}).status, 1);
  EXPECT_TRUE(answers());
  ::kill(agent->pid(), SIGKILL);
  agent->finish();
  ASSERT_TRUE(std::filesystem::exists(socket));
  std::filesystem::remove(scratch.path() / "one");
  std::filesystem::remove(scratch.path() / "two");
  start();
  EXPECT_TRUE(answers());
  const std::string file = scratch.file("precious", "data");
  const finished f = run_program({"sfsagent", "--socket", file, scratch.path() / "one"});
  EXPECT_EQ(f.status, 1);
  EXPECT_EQ(std::filesystem::file_size(file), 4u);
}

TEST_F(the_agent, hangs_up_on_nonsense_and_goes_on) {
  start();
  auto random = async::test::make_prng();
  for (int i = 0; i < 50; ++i) {
    byte_string bytes = random_bytes(random, 600);
    bytes[0] |= 1;  // a length of 16 MiB or more
    EXPECT_TRUE(is_hung_up_on(connect().get(), std::string(bytes.begin(), bytes.end())));
  }
  for (const std::string& bytes :
       {std::string(4, '\0'), std::string("\0\0\0\1\7", 5), std::string("\0\0\0\2\1\1", 6),
        std::string("\0\0\2\1", 4), std::string("\0\0\0\5\2abcd", 9)})
    EXPECT_TRUE(is_hung_up_on(connect().get(), bytes));
  EXPECT_TRUE(answers());
}

TEST_F(the_agent, answers_questions_that_come_in_pieces_or_together) {
  start();
  const fd_owner fd = connect();
  const std::string list = encode(agent_question(agent_list{}));
  const std::string expected = encode(agent_answer(std::vector<public_line>{one.who(), two.who()}));
  std::string sent;
  for (int i = 0; i < 20; ++i) sent += list;
  for (const char c : sent) ASSERT_EQ(::send(fd.get(), &c, 1, MSG_NOSIGNAL), 1);
  ASSERT_EQ(::send(fd.get(), sent.data(), sent.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(sent.size()));
  std::string got(40 * expected.size(), '\0');
  std::size_t filled = 0;
  while (filled < got.size()) {
    pollfd p{fd.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&p, 1, 30'000), 1);
    const ssize_t n = ::recv(fd.get(), got.data() + filled, got.size() - filled, 0);
    ASSERT_GT(n, 0);
    filled += static_cast<std::size_t>(n);
  }
  for (std::size_t i = 0; i < 40; ++i)
    EXPECT_EQ(got.substr(i * expected.size(), expected.size()), expected);
}

TEST_F(the_agent, does_not_read_on_from_a_client_that_takes_no_answers) {
  start();
  const fd_owner fd = connect();
  const std::string list = encode(agent_question(agent_list{}));
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += list;
  // Until neither the agent nor the kernel takes more. Were the agent only slow, this would end too
  // early, and find nothing: it never fails wrongly.
  const auto takes_more = [&fd] {
    pollfd p{fd.get(), POLLOUT, 0};
    return ::poll(&p, 1, 200) == 1;
  };
  for (std::size_t sent = 0; takes_more();) {
    const ssize_t n = ::send(fd.get(), many.data(), many.size(), MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<std::size_t>(n);
    ASSERT_LT(sent, 4u << 20) << "the agent takes everything";
  }
  EXPECT_TRUE(answers());
}

TEST_F(the_agent, lets_silent_and_too_many_clients_go) {
  start({"--client-timeout", "1"});
  std::vector<fd_owner> clients;
  for (int i = 0; i < 70; ++i) clients.push_back(connect());
  for (const fd_owner& fd : clients) EXPECT_TRUE(is_closed_by_peer(fd.get()));
  EXPECT_TRUE(answers());
}

// Whom the kernel names as the other side, whatever the socket's mode says.
TEST_F(the_agent, and_its_clients_deal_with_no_other_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  start();
  ::chmod(socket.c_str(), 0666);
  ASSERT_EQ(::seteuid(12345), 0);
  const fd_owner fd = connect();
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_TRUE(fd);
  EXPECT_TRUE(is_closed_by_peer(fd.get()));
  EXPECT_TRUE(answers());

  const std::string path = scratch.path() / "others";
  std::filesystem::permissions(scratch.path(), std::filesystem::perms(0777));
  ASSERT_EQ(::seteuid(12345), 0);
  const fd_owner another{async::unixsocket_listen(path)};
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_TRUE(another);
  EXPECT_TRUE(has(agent_signers(path).why(), "it is another user's"));
}

// A file in the place of the agent, and an agent that never answers.
TEST(a_client_of_an_agent, does_not_wait_for_ever) {
  const scratch_directory scratch;
  const std::string path = scratch.path() / "agent";
  const fd_owner silent{async::unixsocket_listen(path)};
  ASSERT_TRUE(silent);
  const auto signers = agent_signers(path, std::chrono::milliseconds(20));
  ASSERT_FALSE(signers);
  EXPECT_TRUE(has(signers.why(), "timed out")) << signers.why();
  EXPECT_TRUE(agent_signers(scratch.path() / "missing")->empty());
  EXPECT_TRUE(agent_signers(scratch.file("file", "x"))->empty());
  EXPECT_FALSE(agent_signers(path + std::string(200, 'x')));
}

// An agent that says anything but what it was asked for.
TEST(a_client_of_an_agent, believes_no_answer_that_it_has_not_checked) {
  const scratch_directory scratch;
  const std::string path = scratch.path() / "agent";
  const user_key key = new_user_key("me"), other = new_user_key();
  const fd_owner door{async::unixsocket_listen(path)};
  ASSERT_TRUE(door);
  const auto when_answered = [&](const std::string& answer, auto question) {
    std::thread agent([&] {
      for (bool asked = false; !asked;) {  // the client looks first whether somebody listens
        pollfd p{door.get(), POLLIN, 0};
        ::poll(&p, 1, 30'000);
        const fd_owner fd{::accept(door.get(), nullptr, nullptr)};
        char byte;
        asked = ::recv(fd.get(), &byte, 1, 0) == 1;
        if (asked) (void)!::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        if (asked) is_closed_by_peer(fd.get());
      }
    });
    auto result = question();
    agent.join();
    return result;
  };
  const auto list = [&] { return agent_signers(path); };
  for (const std::string& nonsense :
       {std::string(4, '\xff'), std::string("\0\0\0\1\7", 5), std::string("\0\0\0\3\1ab", 7),
        encode(agent_answer(ed25519_signature{}))})
    EXPECT_FALSE(when_answered(nonsense, list));
  auto signers = when_answered(encode(agent_answer(std::vector<public_line>{key.who()})), list);
  ASSERT_TRUE(signers) << signers.why();
  ASSERT_EQ(signers->size(), 1u);
  const login_statement said = some_statement();
  const auto sign = [&] { return (*signers)[0]->sign(said); };
  login_statement another = said;
  another.sequence ^= 1;
  EXPECT_TRUE(when_answered(encode(agent_answer(sign_login(key, said))), sign));
  EXPECT_FALSE(when_answered(encode(agent_answer(sign_login(key, another))), sign));
  EXPECT_FALSE(when_answered(encode(agent_answer(sign_login(other, said))), sign));
  EXPECT_FALSE(when_answered(encode(agent_answer(std::vector<public_line>{})), sign));
  const auto refused = when_answered(encode(agent_answer(agent_refused{"no\x1b[31m"})), sign);
  EXPECT_TRUE(has(refused.why(), "no\\x1b[31m")) << refused.why();
}

}  // namespace
}  // namespace sfs::test
