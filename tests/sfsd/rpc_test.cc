// RPC headers and record marking: every length is bounded and everything gets its right answer.
#include <gtest/gtest.h>

#include "examples/sfsd/rpc/message.h"
#include "examples/sfsd/rpc/reply.h"
#include "examples/sfsd/rpc/stream.h"
#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

byte_string words(std::initializer_list<std::uint32_t> values) {
  byte_string out;
  for (std::uint32_t v : values) {
    std::uint8_t b[4];
    store_be32(b, v);
    out.insert(out.end(), b, b + 4);
  }
  return out;
}

call_header parse(const byte_string& message, rpc_call& call) { return parse_call(message, call); }

TEST(rpc_call_header, is_understood_and_its_credentials_are_passed_over) {
  rpc_call c;
  const byte_string message =
      words({7, 0, 2, 100003, 3, 1, 1, 8, 0xffffffff, 0xffffffff, 0, 0, 42});
  EXPECT_EQ(parse(message, c), call_header::good);
  EXPECT_EQ(c.xid, 7u);
  EXPECT_EQ(c.program, 100003u);
  EXPECT_EQ(c.version, 3u);
  EXPECT_EQ(c.procedure, 1u);
  EXPECT_EQ(c.arguments.size(), 4u);
  EXPECT_EQ(load_be32(c.arguments.data()), 42u);
}

TEST(rpc_call_header, that_is_cut_anywhere_is_not_a_call) {
  const byte_string whole = words({7, 0, 2, 100003, 3, 1, 0, 4, 5, 0, 4, 6});
  rpc_call c;
  ASSERT_EQ(parse(whole, c), call_header::good);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const byte_string cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(parse(cut, c), call_header::not_a_call) << size;
  }
}

TEST(rpc_call_header, with_credentials_longer_than_the_protocol_allows_is_denied) {
  rpc_call c;
  byte_string long_one = words({7, 0, 2, 100003, 3, 1, 1, 404});
  long_one.resize(long_one.size() + 404 + 8);
  EXPECT_EQ(parse(long_one, c), call_header::bad_credentials);
  EXPECT_EQ(parse(words({7, 0, 2, 100003, 3, 1, 0, 0xffffffff, 0, 0}), c),
            call_header::bad_credentials);
  EXPECT_EQ(parse(words({7, 0, 2, 100003, 3, 1, 0, 0, 0, 0xfffffffd}), c),
            call_header::bad_credentials);
  EXPECT_EQ(parse(words({7, 0, 2, 100003, 3, 1, 6, 0, 0, 0}), c), call_header::bad_credentials)
      << "a flavor that this server does not speak";
}

TEST(rpc_call_header, of_another_rpc_version_or_direction_is_told_apart) {
  rpc_call c;
  EXPECT_EQ(parse(words({7, 0, 3, 100003, 3, 1, 0, 0, 0, 0}), c), call_header::wrong_rpc);
  EXPECT_EQ(c.xid, 7u);
  EXPECT_EQ(parse(words({7, 1, 2, 100003, 3, 1, 0, 0, 0, 0}), c), call_header::not_a_call);
}

TEST(rpc_reply_header, is_what_the_client_parses) {
  std::uint8_t buffer[rpc_max_reply_header];
  auto parsed = [&](std::size_t size) { return parse_reply({buffer, size}); };
  auto ok = parsed(accept(buffer, 9, rpc_accept::success));
  ASSERT_TRUE(ok);
  EXPECT_EQ(ok->xid, 9u);
  EXPECT_EQ(ok->status, rpc_accept::success);
  EXPECT_EQ(parsed(accept(buffer, 9, rpc_accept::garbage_args))->status, rpc_accept::garbage_args);
  EXPECT_EQ(accept(buffer, 9, rpc_accept::success), rpc_accepted_size);
  const auto mismatch = parsed(accept_mismatch(buffer, 9, 3, 4));
  EXPECT_EQ(mismatch->status, rpc_accept::prog_mismatch);
  EXPECT_EQ(load_be32(mismatch->results.data()), 3u);
  EXPECT_EQ(load_be32(mismatch->results.data() + 4), 4u);
  EXPECT_TRUE(parsed(deny_version(buffer, 9))->denied);
  EXPECT_TRUE(parsed(deny_credentials(buffer, 9))->denied);
  EXPECT_FALSE(parse_reply(words({9, 0, 0, 0, 0, 0})));
  EXPECT_FALSE(parse_reply(words({9, 1, 0, 0, 0})));
  EXPECT_FALSE(parse_reply(words({9, 1, 0, 0, 0, 6})));
  EXPECT_FALSE(parse_reply(words({9, 1, 2})));
  EXPECT_FALSE(parse_reply({}));
}

// Feeds a stream in pieces of the given size and returns the messages; empty optional on failure.
std::optional<std::vector<std::string>> messages_in(byte_string stream, std::size_t piece,
                                                    std::size_t max = 1000) {
  message_reader reader(max);
  std::vector<std::string> found;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(bytes(stream).subspan(at, std::min(piece, stream.size() - at)));
    const_bytes m;
    message_reader::got got;
    while ((got = reader.next(m)) == message_reader::got::message)
      found.emplace_back(m.begin(), m.end());
    if (got == message_reader::got::failed) return std::nullopt;
  }
  if (reader.in_message()) found.emplace_back("unfinished");
  return found;
}

void add(byte_string& stream, std::string_view text, bool last = true) {
  const byte_string mark =
      words({(last ? last_fragment : 0) | static_cast<std::uint32_t>(text.size())});
  stream.insert(stream.end(), mark.begin(), mark.end());
  stream.insert(stream.end(), text.begin(), text.end());
}

TEST(record_marking, finds_the_same_messages_however_the_stream_is_cut) {
  byte_string stream;
  add(stream, "one");
  add(stream, "");
  add(stream, "in two", false);
  add(stream, " pieces");
  add(stream, std::string(500, 'x'));
  add(stream, "a", false);
  add(stream, "", true);
  const std::vector<std::string> expected{"one", "", "in two pieces", std::string(500, 'x'), "a"};
  for (std::size_t piece = 1; piece <= stream.size(); ++piece)
    EXPECT_EQ(messages_in(stream, piece), expected) << piece;
}

TEST(record_marking, does_not_copy_a_message_that_lies_whole_in_the_input) {
  byte_string stream;
  add(stream, "whole");
  message_reader reader(100);
  reader.feed(stream);
  const_bytes m;
  ASSERT_EQ(reader.next(m), message_reader::got::message);
  EXPECT_EQ(m.data(), stream.data() + record_mark_size);
}

TEST(record_marking, refuses_messages_that_are_too_long_before_they_have_come) {
  byte_string stream;
  add(stream, std::string(1001, 'x'));
  EXPECT_EQ(messages_in(stream, stream.size()), std::nullopt);
  EXPECT_EQ(messages_in(words({0x7fffffff}), 4), std::nullopt);
  EXPECT_EQ(messages_in(words({0xffffffff}), 1), std::nullopt);
  byte_string pieces;
  add(pieces, std::string(600, 'x'), false);
  add(pieces, std::string(600, 'x'));
  EXPECT_EQ(messages_in(pieces, 64), std::nullopt);
}

TEST(record_marking, refuses_messages_in_empty_or_too_many_pieces) {
  byte_string empty, many;
  add(empty, "", false);
  EXPECT_EQ(messages_in(empty, 4), std::nullopt);
  for (int i = 0; i < 65; ++i) add(many, "x", false);
  EXPECT_EQ(messages_in(many, many.size()), std::nullopt);
}

TEST(record_marking, knows_that_a_message_has_not_ended) {
  byte_string stream;
  add(stream, "whole");
  stream.pop_back();
  EXPECT_EQ(messages_in(stream, 3), std::vector<std::string>{"unfinished"});
}

TEST(a_reply, is_one_frame_with_its_bytes_in_their_place) {
  block_pool pool;
  for (std::size_t size : {std::size_t{4}, std::size_t{132}, record_max_payload}) {
    reply r(pool, size);
    for (std::size_t i = record_mark_size; i < size; ++i) *r.at(i) = static_cast<std::uint8_t>(i);
    r.finish(size);
    const bytes payload = payload_of(r.frame());
    ASSERT_EQ(payload.size(), size);
    EXPECT_EQ(load_be32(payload.data()), last_fragment | (size - record_mark_size));
    for (std::size_t i = record_mark_size; i < size; ++i)
      ASSERT_EQ(payload[i], static_cast<std::uint8_t>(i));
    pool.give(r.release());
  }
}

TEST(a_block_pool, gives_the_block_used_last_and_keeps_few) {
  block_pool pool;
  auto a = pool.take(100), b = pool.take(100);
  const auto *pa = a.memory.get(), *pb = b.memory.get();
  pool.give(std::move(a));
  pool.give(std::move(b));
  auto again = pool.take(100);
  EXPECT_EQ(again.memory.get(), pb);
  EXPECT_EQ(pool.take(50).memory.get(), pa);
  for (int i = 0; i < 100; ++i) pool.give({std::make_unique<std::uint8_t[]>(10), 10});
  EXPECT_GE(pool.take(11).size, 11u);
}

}  // namespace
}  // namespace sfs::test
