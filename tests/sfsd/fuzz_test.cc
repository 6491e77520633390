// The fuzzers' functions, on good input that is damaged at random: a short run of what libFuzzer
// does for long (see fuzz_targets.h).
#include <gtest/gtest.h>

#include <map>

#include "examples/sfsd/users/user_key.h"
#include "tests/sfsd/fuzz_targets.h"
#include "tests/sfsd/repository.h"

namespace sfs::test {
namespace {

constexpr int rounds = 3000;

// Changes, adds, removes, doubles or overwrites a few bytes.
byte_string damaged(byte_string from, async::test::prng& random) {
  constexpr std::uint32_t interesting[] = {0,          1,          0x7fffffff, 0x80000000,
                                           0xffffffff, 0xfffffffc, 64,         65536};
  for (int n = 1 + static_cast<int>(random() % 4); n > 0 && !from.empty(); --n) {
    const std::size_t at = random() % from.size();
    const auto where = from.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random() % 6) {
      case 0:
        *where ^= static_cast<std::uint8_t>(1 << random() % 8);
        break;
      case 1:
        *where = static_cast<std::uint8_t>(random());
        break;
      case 2:
        from.insert(where, static_cast<std::uint8_t>(random()));
        break;
      case 3:
        from.resize(at);
        break;
      case 4:
        if (from.size() >= 4)
          store_be32(from.data() + random() % (from.size() - 3),
                     interesting[random() % std::size(interesting)]);
        break;
      default:
        from.insert(from.end(), where, from.end());
    }
    if (from.size() > 8000) from.resize(8000);
  }
  return from;
}

// The limit on files' sizes that the target of NFS sets is for its program; here others follow.
struct limit_kept {
  rlimit before{};
  void (*handler)(int) = std::signal(SIGXFSZ, SIG_DFL);
  limit_kept() { ::getrlimit(RLIMIT_FSIZE, &before); }
  ~limit_kept() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }
};

template <class Target>
void damage_and_try(const std::vector<byte_string>& good, Target target) {
  auto random = async::test::make_prng();
  for (const byte_string& one : good) target(one);
  for (int i = 0; i < rounds; ++i) target(damaged(good[random() % good.size()], random));
}

TEST(damaged_input, to_the_record_layer_opens_nothing_and_breaks_nothing) {
  auto random = async::test::make_prng(1);
  sender other(suite::aes_128_gcm, secret_of(2), long_ago);
  std::vector<byte_string> good;
  for (std::size_t size : {0, 10, 1000}) {
    byte_string stream(1, static_cast<std::uint8_t>(random()));
    for (int i = 0; i < 3; ++i) {
      byte_string frame = frame_with(random_bytes(random, size));
      other.seal(record_type::data, frame);
      stream.insert(stream.end(), frame.begin(), frame.end());
    }
    good.push_back(std::move(stream));
  }
  damage_and_try(good, fuzz_record);
}

TEST(damaged_input, to_record_marking_and_rpc_headers_breaks_nothing) {
  byte_string calls(1, 7);
  for (std::uint32_t i = 0; i < 5; ++i) append_call(calls, i, NFS_PROGRAM, i);
  byte_string pieces(1, 3);
  for (std::uint8_t i = 0; i < 20; ++i)
    pieces.insert(pieces.end(), {static_cast<std::uint8_t>(i % 4 == 3 ? 0x80 : 0), 0, 0, 2, i, i});
  damage_and_try({calls, pieces}, fuzz_rpc);
}

TEST(damaged_input, to_every_procedure_breaks_nothing) {
  const limit_kept sizes;
  std::vector<byte_string> good;
  for (std::uint8_t procedure = 0; procedure < 24; ++procedure)
    for (std::uint8_t flags : {0x00, 0x40, 0x41, 0x42, 0x43, 0x60, 0x80}) {
      byte_string args{procedure, flags, 0, 0, 0, 4, 'f', 'i', 'l', 'e'};
      args.insert(args.end(), 24, 0);
      args[12] = 0x10;
      good.push_back(args);
      // A new name, perhaps two of them with another directory between, and attributes.
      args = {procedure, flags, 0, 0, 0, 1, 'n', 0, 0, 0, 0xfe, 0xed, 0, 0, 0, 0, 1, 'm', 0, 0, 0};
      good.push_back(args);
      args.resize(10);
      for (std::uint8_t word : {1, 6, 0, 0, 1, 0, 7, 1, 1})
        args.insert(args.end(), {0, 0, 0, word});
      good.push_back(args);
    }
  damage_and_try(good, fuzz_nfs);
}

TEST(damaged_input, to_write_and_to_the_channels_calls_breaks_nothing) {
  byte_string write{0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0};
  for (std::uint8_t word : {0, 7, 9, 2, 9}) write.insert(write.end(), {0, 0, 0, word});
  write.insert(write.end(), {'n', 'i', 'n', 'e', ' ', 'l', 'o', 'n', 'g', 0, 0, 0});
  data_call call;
  ASSERT_TRUE(parse_write(write, call));
  damage_and_try({write}, fuzz_write);
  byte_string hello(SFS_CLIENTSIZE), login(SFS_KEYSIZE),
      changed{0, 0, 0, 1, 0, 0, 0, 4, 1, 2, 3, 4};
  hello.insert(hello.end(), {0, 0, 0, 1});
  login.insert(login.end(), {0, 0, 0, 9});
  login.resize(login.size() + SFS_SIGSIZE, 3);
  damage_and_try({hello, login, changed}, fuzz_channel);
}

TEST(damaged_input, to_what_is_read_from_files_breaks_nothing) {
  auto as_input = [](const std::string& text) { return byte_string(text.begin(), text.end()); };
  const user_key key = std::move(*user_key::generate("a comment"));
  damage_and_try(
      {as_input("# words\nexport = /srv\nread-only\nlisten=[::1]:4433\n"),
       as_input("# users\nroot " + key.who().text() + "\n\nnobody " + key.who().text() + "\n"),
       as_input("alice " + key.who().text() + "\n"), as_input(revocation::of(new_key()).text())},
      fuzz_texts);
}

TEST(damaged_input, to_the_handshake_is_refused) {
  const server_key key = new_key();
  const std::vector<suite> suites(std::begin(all_suites), std::end(all_suites));
  const server_settings serving(key, suites);
  const client_settings expecting(key.path(), suites);
  handshake client(expecting), server(serving);
  std::vector<byte_string> good;
  converse(client, server, [&](bool, const std::string& message) {
    good.emplace_back(1, 0);
    good.back().insert(good.back().end(), message.begin(), message.end());
  });
  damage_and_try(good, fuzz_handshake);
}

TEST(damaged_input, to_what_a_server_answers_breaks_nothing) {
  std::vector<byte_string> good;
  for (std::uint8_t procedure = 0; procedure < 24; ++procedure) {
    byte_string reply{procedure, 8, 0, 0, 0, 4, 'f', 'i', 'l', 'e'};
    for (std::uint8_t word : {0, 1, 1, 0644, 1})  // status, attributes that follow
      reply.insert(reply.end(), {0, 0, 0, word});
    reply.insert(reply.end(), 100, 0);
    good.push_back(std::move(reply));
  }
  damage_and_try(good, fuzz_replies);
}

TEST(damaged_input, to_the_agent_and_from_it_breaks_nothing) {
  const user_key key = std::move(*user_key::generate("a comment"));
  std::vector<byte_string> good;
  auto add = [&good](const std::string& message) {
    good.emplace_back(message.begin(), message.end());
  };
  add(encode(agent_question(agent_list{})));
  add(encode(agent_question(agent_login{key.who().key, {"localhost", new_key().id(), {}, 7}})));
  add(encode(agent_answer(std::vector{key.who(), key.who()})));
  add(encode(agent_answer(ed25519_signature{})));
  add(encode(agent_answer(agent_refused{"no such key"})));
  damage_and_try(good, fuzz_agent);
}

// What the fuzzers have found worth keeping: tests/sfsd/corpus, a folder for each.
TEST(damaged_input, that_the_fuzzers_kept_breaks_nothing) {
  const limit_kept sizes;
  const std::map<std::string, void (*)(const_bytes)> targets{
      {"record", fuzz_record},       {"rpc", fuzz_rpc},         {"nfs", fuzz_nfs},
      {"write", fuzz_write},         {"channel", fuzz_channel}, {"texts", fuzz_texts},
      {"handshake", fuzz_handshake}, {"replies", fuzz_replies}, {"agent", fuzz_agent}};
  for (const auto& [name, target] : targets) {
    std::size_t inputs = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(repository() / "tests/sfsd/corpus" / name)) {
      const std::string text = text_of_file(file.path());
      SCOPED_TRACE(file.path());
      target(byte_string(text.begin(), text.end()));
      ++inputs;
    }
    EXPECT_GT(inputs, 0u) << name;
  }
}

}  // namespace
}  // namespace sfs::test
