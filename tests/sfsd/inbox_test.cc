// The inbox: messages come out whole, whatever way the bytes came in, and memory stays bounded.
#include "examples/sfsd/channel/inbox.h"

#include <gtest/gtest.h>

#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

constexpr std::size_t longest = record_max_payload;

class an_inbox : public testing::Test {
 protected:
  sender out{suite::aes_128_gcm, secret_of(1), long_ago};
  inbox in{longest};
  std::vector<std::string> messages;

  void SetUp() override { in.open_with(receiver(suite::aes_128_gcm, secret_of(1))); }

  static void add(byte_string& to, std::string_view text) {
    std::uint8_t mark[4];
    store_be32(mark, last_fragment | static_cast<std::uint32_t>(text.size()));
    to.insert(to.end(), mark, mark + 4);
    to.insert(to.end(), text.begin(), text.end());
  }

  byte_string seal(const_bytes payload, record_type type = record_type::data) {
    byte_string frame = frame_with(payload);
    out.seal(type, frame);
    return frame;
  }

  // Receives in pieces of the given size; what next() said in the end.
  inbox::got receive(const_bytes wire, std::size_t piece) {
    auto got = inbox::got::more;
    while (!wire.empty() && got == inbox::got::more) {
      const bytes space = in.space();
      EXPECT_FALSE(space.empty());
      const std::size_t n = std::min({piece, wire.size(), space.size()});
      std::copy_n(wire.begin(), n, space.begin());
      in.received(n);
      wire = wire.subspan(n);
      const_bytes m;
      while ((got = in.next(m)) == inbox::got::message) messages.emplace_back(m.begin(), m.end());
    }
    return got;
  }
};

TEST_F(an_inbox, finds_the_same_messages_however_they_are_cut_into_records_and_pieces) {
  byte_string stream;
  const std::vector<std::string> expected{"a", std::string(3000, 'b'), "", std::string(70, 'c')};
  for (const auto& text : expected) add(stream, text);
  for (std::size_t record : {1, 7, 100, 5000}) {
    byte_string wire;
    for (std::size_t at = 0; at < stream.size(); at += record) {
      const byte_string frame =
          seal(const_bytes(stream).subspan(at, std::min(record, stream.size() - at)));
      wire.insert(wire.end(), frame.begin(), frame.end());
    }
    messages.clear();
    ASSERT_EQ(receive(wire, 11), inbox::got::more);
    EXPECT_EQ(messages, expected) << record;
  }
}

TEST_F(an_inbox, takes_the_longest_record_and_the_longest_message) {
  byte_string stream;
  add(stream, std::string(longest, 'x'));
  byte_string wire = seal(const_bytes(stream).first(record_max_payload));
  const byte_string second = seal(const_bytes(stream).subspan(record_max_payload));
  wire.insert(wire.end(), second.begin(), second.end());
  EXPECT_EQ(receive(wire, 4096), inbox::got::more);
  EXPECT_EQ(messages, std::vector<std::string>{std::string(longest, 'x')});
}

TEST_F(an_inbox, tells_an_end_inside_a_message_from_a_good_one) {
  byte_string stream;
  add(stream, "whole");
  const byte_string good = seal(stream), end = seal({}, record_type::close);
  EXPECT_EQ(receive(good, 1000), inbox::got::more);
  EXPECT_EQ(receive(end, 1000), inbox::got::closed);
  inbox cut(longest);
  sender other(suite::aes_128_gcm, secret_of(1), long_ago);
  cut.open_with(receiver(suite::aes_128_gcm, secret_of(1)));
  std::swap(in, cut);
  std::swap(out, other);
  stream.pop_back();
  const byte_string part = seal(stream), close = seal({}, record_type::close);
  EXPECT_EQ(receive(part, 1000), inbox::got::more);
  EXPECT_EQ(receive(close, 1000), inbox::got::failed);
}

TEST_F(an_inbox, fails_when_something_follows_the_end) {
  byte_string wire = seal({}, record_type::close);
  wire.push_back(0);
  EXPECT_EQ(receive(wire, 1000), inbox::got::failed);
}

TEST_F(an_inbox, fails_on_a_damaged_record_and_on_an_impossible_header) {
  byte_string stream;
  add(stream, "hello");
  byte_string wire = seal(stream);
  wire[6] ^= 1;
  EXPECT_EQ(receive(wire, 1000), inbox::got::failed);
  inbox other(longest);
  other.open_with(receiver(suite::aes_128_gcm, secret_of(1)));
  std::swap(in, other);
  const byte_string header{0xff, 0xff, 0xff, 0xff};
  EXPECT_EQ(receive(header, 1000), inbox::got::failed) << "without waiting for what it promises";
}

}  // namespace
}  // namespace sfs::test
