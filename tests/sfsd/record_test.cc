// The record layer: every way in which a stream can be tampered with ends the channel, and what is
// sealed is what another implementation seals (vectors/make_vectors.py).
#include "examples/sfsd/channel/record.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

struct record_vector {
  const char *suite, *secret;
  std::uint64_t number;
  int type;
  const char *payload, *frame;
};
struct far_vector {
  const char *suite, *secret;
  std::uint64_t number;
  const char* frame;
};
struct hostid_vector {
  const char *location, *spki, *text;
};
#include "tests/sfsd/vectors/records.inc"

class record_layer : public testing::TestWithParam<suite> {
 protected:
  sender new_sender(epoch_limits limits = {}, std::uint8_t session = 1) {
    return sender(GetParam(), secret_of(session), long_ago, limits);
  }
  receiver new_receiver(epoch_limits limits = {}, std::uint8_t session = 1) {
    return receiver(GetParam(), secret_of(session), limits);
  }
  sender out = new_sender();
  receiver in = new_receiver();
};

INSTANTIATE_TEST_SUITE_P(each_suite, record_layer, testing::ValuesIn(all_suites),
                         [](const auto& info) {
                           std::string name(name_of(info.param));
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(record_layer, gives_back_what_was_sealed_whatever_its_length) {
  auto random = async::test::make_prng();
  for (std::size_t size : {0, 1, 15, 16, 17, 4095, 8192, 65536, 66560}) {
    const byte_string payload = random_bytes(random, size);
    byte_string frame = frame_with(payload);
    out.seal(record_type::data, frame);
    ASSERT_EQ(frame_size(frame.data()), frame.size());
    if (size > 16) {
      EXPECT_FALSE(std::equal(payload.begin(), payload.end(), frame.begin() + record_header_size));
    }
    ASSERT_EQ(in.open(frame), opened::data) << size;
    EXPECT_TRUE(std::ranges::equal(payload_of(frame), payload)) << size;
  }
}

TEST_P(record_layer, fails_for_good_when_any_one_bit_is_changed) {
  byte_string good = sealed(out, "read this");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    byte_string bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    receiver r = new_receiver();
    ASSERT_EQ(r.open(bad), opened::failed) << "bit " << bit;
    byte_string untouched = good;
    ASSERT_EQ(r.open(untouched), opened::failed) << "the channel must stay closed";
    ASSERT_TRUE(r.failed());
    ASSERT_FALSE(r.closed());
  }
}

TEST_P(record_layer, fails_when_a_record_is_repeated) {
  byte_string first = sealed(out, "pay 10"), again = first;
  EXPECT_EQ(in.open(first), opened::data);
  EXPECT_EQ(in.open(again), opened::failed);
}

TEST_P(record_layer, fails_when_two_records_change_places) {
  byte_string first = sealed(out, "one"), second = sealed(out, "two");
  EXPECT_EQ(in.open(second), opened::failed);
  EXPECT_EQ(in.open(first), opened::failed);
}

TEST_P(record_layer, fails_when_a_record_is_left_out) {
  byte_string first = sealed(out, "one");
  sealed(out, "two");
  byte_string third = sealed(out, "three");
  EXPECT_EQ(in.open(first), opened::data);
  EXPECT_EQ(in.open(third), opened::failed);
}

TEST_P(record_layer, fails_when_a_record_of_another_session_is_spliced_in) {
  sender other = new_sender({}, 2);
  byte_string mine = sealed(out, "mine"), foreign = sealed(other, "mine");
  sealed(other, "x");
  EXPECT_NE(mine, foreign);
  EXPECT_EQ(in.open(foreign), opened::failed);
}

TEST_P(record_layer, fails_when_a_record_is_made_shorter_or_longer) {
  byte_string longer = sealed(out, "abcdef");
  longer.push_back(0);
  EXPECT_EQ(in.open(longer), opened::failed);
  receiver r = new_receiver();
  sender s = new_sender();
  byte_string shorter = sealed(s, "abcdef");
  shorter.pop_back();
  store_be32(shorter.data(), 5);
  EXPECT_EQ(r.open(shorter), opened::failed);
  receiver r2 = new_receiver();
  byte_string stump(record_overhead - 1);
  EXPECT_EQ(r2.open(stump), opened::failed);
}

TEST_P(record_layer, tells_a_clean_end_from_a_cut_one) {
  byte_string data = sealed(out, "last words"), close = sealed(out, "", record_type::close);
  EXPECT_EQ(in.open(data), opened::data);
  EXPECT_FALSE(in.closed()) << "an end of file now is a truncation";
  EXPECT_EQ(in.open(close), opened::closed);
  EXPECT_TRUE(in.closed());
}

TEST_P(record_layer, accepts_nothing_after_the_end) {
  byte_string close = sealed(out, "", record_type::close), more = sealed(out, "one more thing");
  EXPECT_EQ(in.open(close), opened::closed);
  EXPECT_EQ(in.open(more), opened::failed);
}

TEST_P(record_layer, does_not_take_data_for_an_end_or_an_end_for_data) {
  byte_string empty = sealed(out, "");
  empty[0] = static_cast<std::uint8_t>(record_type::close);
  EXPECT_EQ(in.open(empty), opened::failed);
}

TEST_P(record_layer, goes_on_across_a_ratchet_and_refuses_the_old_key) {
  const epoch_limits limits{.records = 3};
  sender s = new_sender(limits), old_key = new_sender();
  receiver r = new_receiver(limits);
  for (int i = 0; i < 10; ++i) {
    if (s.ratchet_due(3, long_ago)) {
      byte_string turn(record_overhead);
      s.ratchet(turn, long_ago);
      ASSERT_EQ(r.open(turn), opened::ratcheted);
      sealed(old_key, "");
    }
    byte_string frame = sealed(s, "abc"), under_old_key = sealed(old_key, "abc");
    ASSERT_EQ(frame == under_old_key, i < 3) << i;
    ASSERT_EQ(r.open(frame), opened::data) << i;
  }
  EXPECT_EQ(s.next_number(), 13u);
  EXPECT_EQ(r.next_number(), 13u);
}

TEST_P(record_layer, ratchets_after_so_many_records_bytes_or_so_much_time) {
  const epoch_limits limits{.records = 4, .bytes = 100, .age = std::chrono::seconds(10)};
  sender s = new_sender(limits);
  EXPECT_FALSE(s.ratchet_due(100, long_ago));
  EXPECT_TRUE(s.ratchet_due(101, long_ago));
  EXPECT_FALSE(s.ratchet_due(1, long_ago + std::chrono::milliseconds(9999)));
  EXPECT_TRUE(s.ratchet_due(1, long_ago + std::chrono::seconds(10)));
  for (int i = 0; i < 4; ++i) sealed(s, "x");
  EXPECT_TRUE(s.ratchet_due(0, long_ago));
  byte_string turn(record_overhead);
  s.ratchet(turn, long_ago + std::chrono::seconds(3));
  EXPECT_FALSE(s.ratchet_due(1, long_ago + std::chrono::seconds(12)));
  EXPECT_TRUE(s.ratchet_due(1, long_ago + std::chrono::seconds(13)));
}

TEST_P(record_layer, receiver_does_not_let_a_key_be_used_past_its_limits) {
  receiver r = new_receiver({.records = 2});
  byte_string a = sealed(out, "1"), b = sealed(out, "2"), c = sealed(out, "3");
  EXPECT_EQ(r.open(a), opened::data);
  EXPECT_EQ(r.open(b), opened::data);
  EXPECT_EQ(r.open(c), opened::failed);
  receiver by_size = new_receiver({.bytes = 4});
  sender s = new_sender();
  byte_string small = sealed(s, "abc"), large = sealed(s, "de");
  EXPECT_EQ(by_size.open(small), opened::data);
  EXPECT_EQ(by_size.open(large), opened::failed);
}

TEST_P(record_layer, sender_ends_the_program_rather_than_overuse_a_key) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        sender s = new_sender({.records = 1});
        sealed(s, "a");
        sealed(s, "b");
      },
      "past its limits");
}

TEST_P(record_layer, two_directions_of_one_session_do_not_share_a_key) {
  sender back(GetParam(), secret_of(7), long_ago);
  byte_string reflected = sealed(back, "hello");
  EXPECT_EQ(in.open(reflected), opened::failed);
}

TEST_P(record_layer, seals_records_out_of_order_and_on_other_threads) {
  record_key key(GetParam(), record_key::use::sealing, secret_of(1));
  std::deque<byte_string> frames;
  for (int i = 0; i < 64; ++i) frames.push_back(frame_with(as_bytes(std::to_string(i))));
  for (int first : {63, 62}) {  // one thread at a time, backwards
    std::thread([&] {
      for (int i = first; i >= 0; i -= 2)
        key.seal(static_cast<std::uint64_t>(i), record_type::data,
                 frames[static_cast<std::size_t>(i)]);
    }).join();
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ASSERT_EQ(in.open(frames[i]), opened::data);
    EXPECT_EQ(text_in(frames[i]), std::to_string(i));
  }
}

TEST_P(record_layer, skipped_records_are_counted) {
  std::deque<byte_string> frames;
  for (int i = 0; i < 3; ++i) frames.push_back(sealed(out, "payload"));
  in.skip(7);
  in.skip(7);
  EXPECT_EQ(in.open(frames[2]), opened::data);
}

TEST(record_header, refuses_every_type_and_length_that_no_record_has) {
  auto size_of = [](std::uint32_t word) {
    std::uint8_t header[4];
    store_be32(header, word);
    return frame_size(header);
  };
  EXPECT_EQ(size_of(0), record_overhead);
  EXPECT_EQ(size_of(66560), 66560 + record_overhead);
  EXPECT_EQ(size_of(66561), std::nullopt);
  EXPECT_EQ(size_of(0xffffff), std::nullopt);
  EXPECT_EQ(size_of(1u << 24), record_overhead);
  EXPECT_EQ(size_of(1u << 24 | 1), std::nullopt) << "a close record is empty";
  EXPECT_EQ(size_of(2u << 24), record_overhead);
  EXPECT_EQ(size_of(2u << 24 | 1), std::nullopt) << "a ratchet record is empty";
  for (std::uint32_t type = 3; type < 256; ++type) EXPECT_EQ(size_of(type << 24), std::nullopt);
}

TEST(record_vectors, are_what_another_implementation_sealed) {
  std::optional<sender> s;
  std::optional<receiver> r;
  for (const record_vector& v : record_vectors) {
    if (v.number == 0) {
      s.emplace(*suite_named(v.suite), secret_of(from_hex(v.secret)), long_ago);
      r.emplace(*suite_named(v.suite), secret_of(from_hex(v.secret)));
    }
    byte_string frame = frame_with(from_hex(v.payload));
    const auto type = static_cast<record_type>(v.type);
    if (type == record_type::ratchet) {
      s->ratchet(frame, long_ago);
    } else {
      s->seal(type, frame);
    }
    EXPECT_EQ(frame, from_hex(v.frame)) << v.suite << " " << v.number;
    EXPECT_NE(r->open(frame), opened::failed);
    EXPECT_TRUE(std::ranges::equal(payload_of(frame), from_hex(v.payload)));
  }
}

TEST(record_vectors, have_the_number_in_the_nonce_at_full_width) {
  for (const far_vector& v : far_vectors) {
    const secret32 secret = secret_of(from_hex(v.secret));
    record_key key(*suite_named(v.suite), record_key::use::sealing, secret);
    byte_string frame = frame_with(as_bytes("far away"));
    key.seal(v.number, record_type::data, frame);
    EXPECT_EQ(frame, from_hex(v.frame)) << v.suite << " " << v.number;
  }
}

TEST(hostid_vectors, are_what_another_implementation_hashed) {
  for (const hostid_vector& v : hostid_vectors) {
    const hostid id = hostid::of(v.location, from_hex(v.spki));
    EXPECT_EQ(id.text(), v.text);
    EXPECT_EQ(*hostid::parse(v.text), id);
  }
}

}  // namespace
}  // namespace sfs::test
