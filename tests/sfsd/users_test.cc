// Users' keys and what they sign: only who holds a key can log in with it, once, on one channel of
// one server (vectors/make_vectors.py says the same).
#include <gtest/gtest.h>

#include "examples/sfsd/base/base32.h"
#include "examples/sfsd/base/private_file.h"
#include "tests/sfsd/users_support.h"

namespace sfs::test {
namespace {

struct login_vector {
  const char *seed, *line, *location, *server, *session;
  std::uint32_t sequence;
  const char *message, *signature;
};
#include "tests/sfsd/vectors/logins.inc"

template <class Array>
Array array_of(const byte_string& from) {
  Array to;
  std::copy_n(from.begin(), to.size(), to.begin());
  return to;
}

passphrase_source typed(const std::string& text) {
  return [text] { return secret_text(text); };
}

TEST(login_vectors, are_what_another_implementation_signed) {
  const scratch_directory scratch;
  for (const login_vector& v : login_vectors) {
    const auto key = user_key::load(private_file(
        scratch, "key", std::string(user_key_label) + v.line + "\n" + pem_of_seed(v.seed)));
    ASSERT_TRUE(key) << key.why();
    EXPECT_EQ(key->who().text(), v.line);
    const login_statement statement{v.location, *hostid::parse(v.server),
                                    array_of<session_id>(from_hex(v.session)), v.sequence};
    EXPECT_TRUE(std::ranges::equal(login_message(statement).bytes(), from_hex(v.message)));
    const auto signature = array_of<ed25519_signature>(from_hex(v.signature));
    EXPECT_EQ(sign_login(*key, statement), signature);
    EXPECT_TRUE(verify_login(key->who().key, statement, signature));
  }
}

TEST(a_login, is_refused_when_anything_in_it_is_another) {
  const user_key key = new_user_key(), other = new_user_key();
  const login_statement said{"host.example", new_key().id(), session_of(1), 7};
  const ed25519_signature signature = sign_login(key, said);
  ASSERT_TRUE(verify_login(key.who().key, said, signature));
  EXPECT_FALSE(verify_login(other.who().key, said, signature));
  auto refused = [&](auto change) {
    login_statement s = said;
    change(s);
    return !verify_login(key.who().key, s, signature);
  };
  EXPECT_TRUE(refused([](auto& s) { s.location = "host.exampl"; }));
  EXPECT_TRUE(refused([](auto& s) { s.location = ""; }));
  EXPECT_TRUE(refused([](auto& s) { s.sequence = 8; }));
  for (std::size_t bit = 0; bit < 256; ++bit) {
    const auto flip = [bit](auto& bytes) {
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    };
    EXPECT_TRUE(refused([&](auto& s) { flip(s.server.digest); })) << bit;
    EXPECT_TRUE(refused([&](auto& s) { flip(s.session); })) << bit;
    ed25519_public wrong = key.who().key;
    flip(wrong);
    EXPECT_FALSE(verify_login(wrong, said, signature)) << bit;
  }
  for (std::size_t bit = 0; bit < 512; ++bit) {
    ed25519_signature wrong = signature;
    wrong[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_FALSE(verify_login(key.who().key, said, wrong)) << bit;
  }
}

// Whatever is moved from one field to the next changes the bytes.
TEST(a_login, cannot_be_read_as_one_for_another_location) {
  login_statement one{"ab", {}, {}, 0}, two{"a", {}, {}, 0};
  one.server.digest[0] = 'c';
  two.server.digest[0] = 'b';
  EXPECT_FALSE(std::ranges::equal(login_message(one).bytes(), login_message(two).bytes()));
}

TEST(a_key, for_which_anybody_could_sign_is_none) {
  // y of the points whose order divides 8, little-endian: 0, 1, -1 and the two of order 8.
  for (const std::string y : {"0000000000000000000000000000000000000000000000000000000000000000",
                              "0100000000000000000000000000000000000000000000000000000000000000",
                              "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                              "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"}) {
    auto key = array_of<ed25519_public>(from_hex(y));
    EXPECT_FALSE(is_ed25519_key(key)) << y;
    key[31] |= 0x80;
    EXPECT_FALSE(is_ed25519_key(key)) << y;
  }
  // By the neutral element, R = 0 and s = 0 would be a good signature of every message.
  ed25519_signature forged{1};
  EXPECT_FALSE(verify(ed25519_public{1}, {}, forged));
}

TEST(a_key, that_is_no_point_or_not_spelt_as_one_is_none) {
  ed25519_public too_large;  // p + 3 is 3, spelt otherwise
  too_large.fill(0xff);
  too_large[0] = 0xf0;
  too_large[31] = 0x7f;
  EXPECT_TRUE(is_ed25519_key(ed25519_public{3}));
  EXPECT_FALSE(is_ed25519_key(too_large));
  EXPECT_FALSE(is_ed25519_key(ed25519_public{2}));
  // Half of all numbers are no point's; every key that there is, is one's.
  unsigned points = 0;
  for (std::uint8_t y = 2; y < 200; ++y) points += is_ed25519_key(ed25519_public{y});
  EXPECT_GT(points, 70u);
  EXPECT_LT(points, 130u);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(is_ed25519_key(new_user_key().who().key));
}

TEST(a_public_line, is_printed_as_it_was_written) {
  const std::string key = new_user_key().who().text();
  for (const char* comment : {"", " me", " me@host of mine", " f\xc3\xbcr # mich=2"}) {
    const auto line = public_line::parse(key + comment + "\n");
    ASSERT_TRUE(line) << line.why();
    EXPECT_EQ(line->text(), key + comment);
  }
}

TEST(a_public_line, is_refused_when_it_is_anything_else) {
  const std::string key = new_user_key().who().text();
  for (const std::string& text :
       std::vector<std::string>{"",
                                "\n",
                                "sfs-ed25519",
                                "sfs-ed25519 ",
                                "sfs-ed25519x" + key.substr(11),
                                "ssh-ed25519" + key.substr(11),
                                " " + key,
                                key + " ",
                                key + "a",
                                key + " two  \n",
                                key + "\n\n",
                                key + "\r\n",
                                key + " a\nb",
                                key + " \x1b[31m",
                                key + std::string(" a\0b", 4),
                                key + " " + std::string(129, 'x'),
                                key.substr(0, key.size() - 1),
                                "sfs-ed25519  " + key.substr(12),
                                "sfs-ed25519 " + std::string(52, 'a'),
                                "sfs-ed25519 " + std::string(51, 'a') + "b",
                                "sfs-ed25519 " + std::string(100'000, 'a')})
    EXPECT_FALSE(public_line::parse(text)) << text;
}

TEST(base32_text, has_one_spelling_for_every_length) {
  auto random = async::test::make_prng();
  for (std::size_t size = 0; size <= 70; ++size) {
    const byte_string data = random_bytes(random, size);
    const std::string text = base32(data);
    ASSERT_EQ(text.size(), base32_size(size));
    byte_string back(size);
    EXPECT_TRUE(from_base32(text, back));
    EXPECT_EQ(back, data);
    EXPECT_FALSE(from_base32(text + "a", back));
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string wrong = text;
      for (const char c : {'\0', '1', '8', '=', 'A', '\xff'}) {
        wrong[i] = c;
        EXPECT_FALSE(from_base32(wrong, back));
      }
    }
    // The other spellings of the last digit would be the same bytes.
    unsigned same = 0;
    for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz234567")) {
      std::string other = text;
      if (!other.empty()) other.back() = c;
      same += from_base32(other, back) && back == data;
    }
    EXPECT_EQ(same, size == 0 ? 32u : 1u);
  }
}

TEST(a_users_key_file, gives_back_the_key_and_only_its_owner_may_read_it) {
  const scratch_directory scratch;
  const std::string path = scratch.path() / "key";
  const user_key key = new_user_key("me@host");
  ASSERT_EQ(key.save(path), "");
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  const auto loaded = user_key::load(path);
  ASSERT_TRUE(loaded) << loaded.why();
  EXPECT_EQ(loaded->who().text(), key.who().text());
  EXPECT_EQ(loaded->sign({}), key.sign({}));
  EXPECT_NE(key.save(path), "") << "an existing file stays";
  ::chmod(path.c_str(), 0640);
  EXPECT_TRUE(has(user_key::load(path).why(), "chmod 600"));
  EXPECT_TRUE(has(user_key::load_public(path).why(), "chmod 600"));
}

TEST(a_users_key_file, opens_with_its_passphrase_and_no_other) {
  const scratch_directory scratch;
  const std::string path = scratch.path() / "key";
  const user_key key = new_user_key("me");
  ASSERT_EQ(key.save(path, "open sesame"), "");
  const auto text = read_small_file(path, 4096, allows_others::nothing);
  EXPECT_TRUE(has(std::string(text->view()), "-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  const auto loaded = user_key::load(path, typed("open sesame"));
  ASSERT_TRUE(loaded) << loaded.why();
  EXPECT_EQ(loaded->sign({}), key.sign({}));
  EXPECT_TRUE(has(user_key::load(path, typed("open sesam")).why(), "passphrase is wrong"));
  EXPECT_TRUE(has(user_key::load(path, typed("")).why(), "passphrase is wrong"));
  EXPECT_TRUE(
      has(user_key::load(path, typed(std::string(5000, 'x'))).why(), "passphrase is wrong"));
  EXPECT_TRUE(has(user_key::load(path).why(), "encrypted with a passphrase"));
  EXPECT_EQ(user_key::load(path, [] { return failure{"nobody is there"}; }).why(),
            path + ": nobody is there");
  EXPECT_EQ(user_key::load_public(path)->text(), key.who().text()) << "it needs no passphrase";
}

TEST(a_users_key_file, asks_for_no_passphrase_if_it_needs_none) {
  const scratch_directory scratch;
  const std::string path = scratch.path() / "key";
  ASSERT_EQ(new_user_key().save(path), "");
  EXPECT_TRUE(user_key::load(path, []() -> outcome<secret_text> {
    ADD_FAILURE();
    return failure{"asked"};
  }));
}

TEST(a_users_key_file, whose_first_line_is_of_another_key_is_refused) {
  const scratch_directory scratch;
  const std::string path = scratch.path() / "key";
  ASSERT_EQ(new_user_key().save(path), "");
  const auto text = read_small_file(path, 4096, allows_others::nothing);
  const std::string pem(text->view().substr(text->view().find('\n')));
  const std::string mixed =
      private_file(scratch, "mixed", "User: " + new_user_key().who().text() + pem);
  EXPECT_TRUE(has(user_key::load(mixed).why(), "of another key"));
}

TEST(a_users_key_file, that_is_something_else_is_refused_with_a_reason) {
  const scratch_directory scratch;
  const std::string line = "User: " + new_user_key().who().text() + "\n";
  const std::string server = scratch.path() / "server";
  ASSERT_EQ(new_key().save(server), "");
  EXPECT_FALSE(user_key::load(server));
  EXPECT_FALSE(user_key::load(scratch.path() / "nothing here"));
  EXPECT_FALSE(user_key::load(scratch.path()));
  const std::string fifo = scratch.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_TRUE(has(user_key::load(fifo).why(), "not a regular file"));
  for (const std::string& text :
       {std::string(), std::string("User: \n"), line, line + "-----BEGIN PRIVATE KEY-----\n",
        "User: x\n" + pem_of_seed(std::string(64, '0')), std::string(100'000, 'x'),
        line + "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        line.substr(0, line.size() - 1) + std::string(1, '\0') + "\n"}) {
    const auto loaded = user_key::load(private_file(scratch, "key", text));
    ASSERT_FALSE(loaded);
    EXPECT_TRUE(loaded.why().starts_with(scratch.path().string())) << loaded.why();
  }
}

}  // namespace
}  // namespace sfs::test
