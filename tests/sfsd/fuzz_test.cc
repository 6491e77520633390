// The fuzzers' functions, on good input that is damaged at random: a short run of what libFuzzer
// does for long (see fuzz_targets.h).
#include <gtest/gtest.h>

#include "tests/sfsd/fuzz_targets.h"

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
  std::vector<byte_string> good;
  for (std::uint8_t procedure = 0; procedure < 24; ++procedure)
    for (std::uint8_t flags : {0x00, 0x40, 0x41, 0x42, 0x43, 0x80}) {
      byte_string args{procedure, flags, 0, 0, 0, 4, 'f', 'i', 'l', 'e'};
      args.insert(args.end(), 24, 0);
      args[12] = 0x10;
      good.push_back(std::move(args));
    }
  damage_and_try(good, fuzz_nfs);
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

}  // namespace
}  // namespace sfs::test
