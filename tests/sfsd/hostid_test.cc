// HOSTIDs, self-certifying paths and key files.
#include "examples/sfsd/channel/hostid.h"

#include <gtest/gtest.h>

#include "examples/sfsd/channel/keys.h"
#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

TEST(hostid_of_a_server, depends_on_its_key_and_on_its_location) {
  const server_key a = new_key("a.example"), b = new_key("a.example");
  EXPECT_FALSE(a.id() == b.id());
  const auto spki = subject_public_key_info(a.pkey());
  EXPECT_TRUE(a.id() == hostid::of("a.example", spki));
  EXPECT_FALSE(a.id() == hostid::of("b.example", spki));
  EXPECT_EQ(a.id().text().size(), hostid_text_size);
}

TEST(hostid_text, has_one_spelling) {
  const std::string text = new_key().id().text();
  EXPECT_TRUE(hostid::parse(text));
  EXPECT_FALSE(hostid::parse(text + "a"));
  EXPECT_FALSE(hostid::parse(text.substr(1)));
  EXPECT_FALSE(hostid::parse(""));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string wrong = text;
    wrong[i] = '1';
    EXPECT_FALSE(hostid::parse(wrong)) << i;
    wrong[i] = 'A';
    EXPECT_FALSE(hostid::parse(wrong)) << i;
  }
  // 52 digits hold 260 bits: those that are too many must be zero.
  EXPECT_TRUE(hostid::parse(std::string(52, 'a')));
  EXPECT_FALSE(hostid::parse(std::string(51, 'a') + 'b'));
  EXPECT_FALSE(hostid::parse(std::string(51, 'a') + 'p'));
  EXPECT_TRUE(hostid::parse(std::string(51, 'a') + 'q'));
}

TEST(self_certifying_path, is_printed_as_it_was_written) {
  const std::string id = new_key().id().text();
  for (const char* location : {"host", "10.1.2.3", "host.example%99", "[::1]", "[fe80::1]%4433"}) {
    for (const char* rest : {"", "/", "/a/b c/../d,@%"}) {
      const std::string text = std::string("/sfs/@") + location + "," + id + rest;
      const auto path = self_certifying_path::parse(text);
      ASSERT_TRUE(path) << text;
      EXPECT_EQ(path->text(), text);
      EXPECT_EQ(path->rest, rest);
    }
  }
  EXPECT_EQ(self_certifying_path::parse("/sfs/@[::1]%77," + id)->location.host, "::1");
  EXPECT_EQ(self_certifying_path::parse("/sfs/@[::1]%77," + id)->location.port, 77);
  EXPECT_EQ(self_certifying_path::parse("/sfs/@h," + id)->location.port, default_port);
}

TEST(self_certifying_path, is_refused_when_it_says_nothing_certain) {
  const std::string id = new_key().id().text();
  for (const std::string& text :
       std::vector<std::string>{"",
                                "/sfs/@",
                                "/sfs/host," + id,
                                "sfs/@host," + id,
                                "/sfs/@host",
                                "/sfs/@," + id,
                                "/sfs/@host," + id.substr(1),
                                "/sfs/@host%0," + id,
                                "/sfs/@host%65536," + id,
                                "/sfs/@host%," + id,
                                "/sfs/@host%1x," + id,
                                "/sfs/@host%-1," + id,
                                "/sfs/@host%007," + id,
                                "/sfs/@ho st," + id,
                                "/sfs/@[::1," + id,
                                "/sfs/@::1," + id,
                                "/sfs/@[host]," + id,
                                "/sfs/@" + std::string(256, 'a') + "," + id,
                                "/sfs/@host," + id + "," + id,
                                std::string("/sfs/@ho\0st,", 12) + id})
    EXPECT_FALSE(self_certifying_path::parse(text)) << text;
}

TEST(key_file, gives_back_the_key_and_only_its_owner_may_read_it) {
  const scratch_directory scratch;
  const std::string path = scratch.path() / "key";
  const server_key key = new_key("host.example%4444");
  ASSERT_EQ(key.save(path), "");
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  const auto loaded = server_key::load(path);
  ASSERT_TRUE(loaded) << loaded.why();
  EXPECT_TRUE(loaded->id() == key.id());
  EXPECT_EQ(loaded->path().text(), key.path().text());
  EXPECT_TRUE(std::ranges::equal(loaded->derive("handles").span(), key.derive("handles").span()));
  EXPECT_FALSE(std::ranges::equal(key.derive("handles").span(), key.derive("other").span()));
}

TEST(key_file, is_never_overwritten) {
  const scratch_directory scratch;
  const std::string path = scratch.file("key", "precious");
  EXPECT_NE(new_key().save(path), "");
  EXPECT_EQ(std::filesystem::file_size(path), 8u);
}

TEST(key_file, that_others_may_touch_is_refused) {
  const scratch_directory scratch;
  const std::string path = scratch.path() / "key";
  ASSERT_EQ(new_key().save(path), "");
  for (mode_t mode : {0640u, 0604u, 0620u, 0602u, 0777u}) {
    ::chmod(path.c_str(), mode);
    const auto loaded = server_key::load(path);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.why().find("chmod 600"), std::string::npos);
  }
}

TEST(key_file, that_is_something_else_is_refused_with_a_reason) {
  const scratch_directory scratch;
  auto why = [&](std::string_view content) {
    const auto path = scratch.file("key", content);
    ::chmod(path.c_str(), 0600);
    const auto loaded = server_key::load(path);
    return loaded ? std::string() : loaded.why();
  };
  EXPECT_NE(why(""), "");
  EXPECT_NE(why("hello\n"), "");
  EXPECT_NE(why("Location: host\n"), "");
  EXPECT_NE(why("Location: host\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            "");
  EXPECT_NE(why(std::string(100000, 'x')), "");
  EXPECT_FALSE(server_key::load(scratch.path() / "nothing here"));
  EXPECT_FALSE(server_key::load(scratch.path()));
}

}  // namespace
}  // namespace sfs::test
