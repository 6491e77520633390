// Revocation of servers: who has a certificate can check it, nobody else than the key's owner can
// make one, and what is there but is none keeps clients from connecting.
#include "examples/sfsd/users/revocation.h"

#include <gtest/gtest.h>

#include "examples/sfsd/base/base32.h"
#include "tests/sfsd/users_support.h"

namespace sfs::test {
namespace {

struct revocation_vector {
  const char *location, *seed, *server, *certificate;
};
#include "tests/sfsd/vectors/revocations.inc"

TEST(revocation_vectors, are_what_another_implementation_signed) {
  const scratch_directory scratch;
  for (const revocation_vector& v : revocation_vectors) {
    const auto key = server_key::load(private_file(
        scratch, "key", std::string(server_key_label) + v.location + "\n" + pem_of_seed(v.seed)));
    ASSERT_TRUE(key) << key.why();
    EXPECT_EQ(key->id().text(), v.server);
    EXPECT_EQ(revocation::of(*key).text(), v.certificate);
    const auto certificate = revocation::parse(v.certificate);
    ASSERT_TRUE(certificate) << certificate.why();
    EXPECT_EQ(certificate->id().text(), v.server);
    EXPECT_EQ(certificate->text(), v.certificate);
  }
}

TEST(a_revocation, names_the_path_that_it_revokes) {
  const server_key key = new_key("host.example%99");
  const auto read = revocation::parse(revocation::of(key).text());
  ASSERT_TRUE(read) << read.why();
  EXPECT_EQ(read->path().text(), key.path().text());
}

TEST(a_revocation, has_the_keys_subject_public_key_info_as_openssl_writes_it) {
  const server_key key = new_key();
  EXPECT_TRUE(std::ranges::equal(subject_public_key_info(public_half(key.pkey())),
                                 subject_public_key_info(key.pkey())));
}

TEST(a_revocation, is_refused_when_any_bit_of_it_is_another) {
  const std::string good = revocation::of(new_key("host.example")).text();
  ASSERT_TRUE(revocation::parse(good));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string wrong = good;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(revocation::parse(wrong)) << wrong;
  }
}

TEST(a_revocation, is_refused_when_any_byte_is_missing_or_too_many) {
  const std::string good = revocation::of(new_key("host.example")).text();
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(revocation::parse(good.substr(0, i))) << i;
    EXPECT_FALSE(revocation::parse(good.substr(i + 1))) << i;
    for (const char c : {'\0', ' ', '\n', '\r', 'a'}) {
      std::string wrong = good;
      wrong.insert(i, 1, c);
      EXPECT_FALSE(revocation::parse(wrong)) << wrong;
    }
  }
  EXPECT_FALSE(revocation::parse(good + "\n"));
  EXPECT_FALSE(revocation::parse(good + good));
}

TEST(a_revocation, of_one_server_is_none_of_another) {
  const server_key a = new_key("a.example"), b = new_key("a.example");
  const std::string of_a = revocation::of(a).text(), of_b = revocation::of(b).text();
  const std::size_t at = of_a.find("signature: ");
  EXPECT_FALSE(revocation::parse(of_a.substr(0, at) + of_b.substr(at)));
}

class the_directories : public testing::Test {
 protected:
  const scratch_directory scratch;
  const server_key key = new_key("host.example");
  const std::string certificate = revocation::of(key).text();
  const std::vector<std::string> dirs{scratch.directory("one"), scratch.directory("two"),
                                      scratch.path() / "missing"};
  const std::string name = "two/" + key.id().text();

  standing check() const { return check_revocation(key.id(), dirs); }
};

TEST_F(the_directories, say_nothing_of_most_servers) {
  scratch.file("one/" + new_key().id().text(), "nonsense about another server");
  EXPECT_TRUE(check()) << check().why;
  EXPECT_EQ(check().why, "");
  EXPECT_TRUE(check_revocation(key.id(), {}));
}

TEST_F(the_directories, revoke_a_server_with_its_certificate) {
  scratch.file(name, certificate);
  EXPECT_FALSE(check());
  EXPECT_EQ(check().state, standing::is::revoked);
  EXPECT_TRUE(has(check().why, key.path().text() + " is revoked")) << check().why;
  // Another file that makes no sense does not hide it.
  scratch.file("one/" + key.id().text(), "");
  EXPECT_EQ(check().state, standing::is::revoked);
}

TEST_F(the_directories, keep_from_a_server_whose_file_is_no_certificate) {
  std::string crlf = certificate;
  for (std::size_t at = 0; (at = crlf.find('\n', at)) != std::string::npos; at += 2)
    crlf.insert(at, 1, '\r');
  for (const std::string& text : {std::string(), std::string("revoked\n"), certificate + "x", crlf,
                                  certificate + std::string(10'000, '\n'), std::string(1000, '\0'),
                                  revocation::of(new_key("host.example")).text()}) {
    scratch.file(name, text);
    EXPECT_EQ(check().state, standing::is::unclear);
    EXPECT_TRUE(has(check().why, name)) << check().why;
  }
  scratch.file(name, revocation::of(new_key("other.example")).text());
  EXPECT_TRUE(has(check().why, "it revokes /sfs/@other.example,")) << check().why;
}

TEST_F(the_directories, keep_from_a_server_whose_file_cannot_be_read) {
  const std::string path = scratch.path() / name;
  const auto is_unclear = [&] {
    EXPECT_EQ(check().state, standing::is::unclear);
    EXPECT_TRUE(has(check().why, "cannot tell")) << check().why;
    std::filesystem::remove(path);
  };
  std::filesystem::create_directory(path);
  is_unclear();
  std::filesystem::create_symlink("nowhere", path);
  is_unclear();
  std::filesystem::create_symlink(path, path);
  is_unclear();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  is_unclear();
  const standing s = check_revocation(key.id(), {scratch.file("file", "no directory")});
  EXPECT_EQ(s.state, standing::is::unclear);
}

}  // namespace
}  // namespace sfs::test
