// Secrets are gone from memory when they are not needed any more. All of this process's memory that
// can be written to is searched for them.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdio>
#include <fstream>

#include "examples/sfsd/base/fd.h"
#include "tests/sfsd/users_support.h"

namespace sfs::test {
namespace {

constexpr bool memory_is_ours = !async::test::sanitized;  // a sanitizer keeps what is freed

constexpr std::uint8_t mask = 0x5a;

// A secret as it may be kept for the search: it must not be found here.
byte_string masked(const_bytes secret) {
  byte_string m(secret.begin(), secret.end());
  for (std::uint8_t& b : m) b ^= mask;
  return m;
}

bool is_at(const std::uint8_t* at, const byte_string& wanted) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (at[i] != (wanted[i] ^ mask)) return false;
  return true;
}

// A window through which the process's memory is read.
class memory_window {
 public:
  memory_window() : memory_(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {
    void* const at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!memory_ || at == MAP_FAILED) std::abort();
    at_ = static_cast<std::uint8_t*>(at);
  }
  ~memory_window() { ::munmap(at_, size); }
  memory_window(const memory_window&) = delete;
  memory_window& operator=(const memory_window&) = delete;

  // How often the secret is in the memory from `begin` to `end`.
  unsigned count(std::uintptr_t begin, std::uintptr_t end, const byte_string& wanted) const {
    const auto own = reinterpret_cast<std::uintptr_t>(at_);
    unsigned found = 0;
    while (begin + wanted.size() <= end) {
      if (begin < own + size && own < begin + size) {  // the kernel joins neighbouring mappings
        if (begin < own) found += count(begin, own, wanted);
        begin = own + size;
        continue;
      }
      const ssize_t n = ::pread(memory_.get(), at_, std::min<std::size_t>(size, end - begin),
                                static_cast<off_t>(begin));
      if (n < static_cast<ssize_t>(wanted.size())) break;
      const std::size_t last = static_cast<std::size_t>(n) - wanted.size();
      for (std::size_t i = 0; i <= last; ++i) found += is_at(at_ + i, wanted);
      begin += last + 1;
    }
    return found;
  }

 private:
  static constexpr std::size_t size = 1 << 20;
  fd_owner memory_;
  std::uint8_t* at_ = nullptr;
};

unsigned copies_in_memory(const byte_string& wanted) {
  const memory_window window;
  std::ifstream maps("/proc/self/maps");
  unsigned found = 0;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    char rights[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights) != 3) std::abort();
    if (std::string_view(rights).starts_with("rw")) found += window.count(begin, end, wanted);
  }
  return found;
}

class a_secret : public testing::Test {
 protected:
  void SetUp() override {
    if (!memory_is_ours) GTEST_SKIP();
  }
};

TEST_F(a_secret, that_is_there_is_found) {
  auto random = async::test::make_prng();
  const byte_string secret = random_bytes(random, 32);
  EXPECT_GE(copies_in_memory(masked(secret)), 1u);
}

// What libssl tells of its secrets, masked.
std::vector<byte_string> tls_secrets;

void note_secret(const SSL*, const char* line) {
  const std::string_view text(line);
  byte_string secret;
  for (std::size_t at = text.rfind(' ') + 1; at + 1 < text.size(); at += 2) {
    unsigned byte = 0;
    std::sscanf(line + at, "%2x", &byte);
    secret.push_back(static_cast<std::uint8_t>(byte ^ mask));
  }
  tls_secrets.push_back(std::move(secret));
}

TEST_F(a_secret, of_a_handshake_is_gone_when_that_is_over) {
  tls_secrets.clear();
  {
    const server_key key = new_key();
    const std::vector<suite> suites(std::begin(all_suites), std::end(all_suites));
    const server_settings serving(key, suites);
    const client_settings expecting(key.path(), suites);
    SSL_CTX_set_keylog_callback(serving.context(), note_secret);
    handshake client(expecting), server(serving);
    converse(client, server);
    ASSERT_TRUE(client.done() && server.done());
    for (handshake* h : {&client, &server}) {
      const session_secrets s = h->take_secrets();
      tls_secrets.push_back(masked(s.client_to_server.span()));
      tls_secrets.push_back(masked(s.server_to_client.span()));
    }
  }
  ASSERT_GE(tls_secrets.size(), 9u);  // two for the handshake, three for what follows, and ours
  for (const byte_string& secret : tls_secrets) EXPECT_EQ(copies_in_memory(secret), 0u);
}

TEST_F(a_secret, of_a_stream_is_gone_when_the_key_was_ratcheted) {
  auto random = async::test::make_prng();
  secret32 first;
  for (std::uint8_t& b : first.span()) b = static_cast<std::uint8_t>(random());
  const byte_string wanted = masked(first.span());
  sender s(suite::aes_128_gcm, first.copy(), long_ago);
  receiver r(suite::aes_128_gcm, std::move(first));
  std::uint8_t frame[record_overhead];
  s.ratchet(frame, long_ago);
  EXPECT_GE(copies_in_memory(wanted), 1u) << "the receiver has it still";
  EXPECT_EQ(r.open(frame), opened::ratcheted);
  EXPECT_EQ(copies_in_memory(wanted), 0u);
}

TEST_F(a_secret, of_a_user_is_gone_when_his_key_is) {
  const scratch_directory scratch;
  const std::string file = scratch.path() / "key";
  const byte_string passphrase = masked(as_bytes("a passphrase that is nowhere else but here"));
  const auto typed = [&] {
    secret_text text(passphrase.size());
    for (std::size_t i = 0; i < text.size(); ++i)
      text.data()[i] = static_cast<char>(passphrase[i] ^ mask);
    return text;
  };
  byte_string seed;
  {
    const pkey_owner key = std::move(*new_ed25519_key());
    secret32 raw;
    std::size_t size = raw.span().size();
    ASSERT_EQ(EVP_PKEY_get_raw_private_key(key.get(), raw.span().data(), &size), 1);
    seed = masked(raw.span());
    const std::string who = public_line{public_half(key.get()), "me"}.text();
    ASSERT_EQ(save_key_file(file, user_key_label, who, key.get(), typed().view()), "");
  }
  {
    const auto key = user_key::load(file, [&] { return outcome<secret_text>(typed()); });
    ASSERT_TRUE(key) << key.why();
    EXPECT_GE(copies_in_memory(seed), 1u);
  }
  EXPECT_EQ(copies_in_memory(seed), 0u);
}

}  // namespace
}  // namespace sfs::test
