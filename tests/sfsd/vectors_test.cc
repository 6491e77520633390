// The independent implementation (vectors/make_vectors.py): whole sessions that it made are what
// our code says and understands, and the vectors are what it makes now.
#include <gtest/gtest.h>

#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/client/calls.h"
#include "tests/sfsd/repository.h"
#include "tests/sfsd/server_support.h"
#include "tests/sfsd/users_support.h"

namespace sfs::test {
namespace {

struct session_vector {
  const char *suite, *exported, *location, *server, *seed;
  const char *from_client[5], *from_server[6];
};
#include "tests/sfsd/vectors/sessions.inc"

session_secrets secrets_in(const session_vector& v) {
  secret<96> exported;
  std::ranges::copy(from_hex(v.exported), exported.span().begin());
  return secrets_of(*suite_named(v.suite), exported);
}

// What make_vectors.py's conversation() says, by our own means.
struct conversation {
  std::vector<byte_string> from_client{3}, from_server{4};
};

template <class Result>
byte_string reply_to(std::uint32_t xid, bool_t (*routine)(XDR*, Result*), Result& result) {
  const byte_string results = encoded(routine, result);
  byte_string message(record_mark_size + rpc_accepted_size);
  accept(message.data() + record_mark_size, xid, rpc_accept::success);
  message.insert(message.end(), results.begin(), results.end());
  const auto size = static_cast<std::uint32_t>(message.size() - record_mark_size);
  store_be32(message.data(), last_fragment | size);
  return message;
}

conversation our_conversation(const session_vector& v, const session_id& session) {
  conversation c;
  byte_string handle(41);
  for (std::size_t i = 0; i < handle.size(); ++i) handle[i] = static_cast<std::uint8_t>(i);

  HELLOargs hello{{}, TRUE};
  std::copy_n(handle.begin(), SFS_CLIENTSIZE, hello.client);
  append_call(c.from_client[0], 7, SFS_PROGRAM, SFSPROC_HELLO, xdr_HELLOargs, hello);
  HELLOres known{{}, FALSE, 30, 64};
  std::copy_n(handle.begin(), SFS_RUNSIZE, known.run);
  c.from_server[0] = reply_to(7, xdr_HELLOres, known);

  const byte_string seed = from_hex(v.seed);
  const pkey_owner key{
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size())};
  const auto signature =
      sign(key.get(), login_message({v.location, *hostid::parse(v.server), session, 1}).bytes());
  LOGINargs login{{}, 1, {}};
  std::ranges::copy(public_half(key.get()), login.key);
  std::ranges::copy(signature, login.signature);
  append_call(c.from_client[1], 8, SFS_PROGRAM, SFSPROC_LOGIN, xdr_LOGINargs, login);
  std::string name = "ann";
  LOGINres logged_in{};
  logged_in.LOGINres_u.resok = {1, 1000, 100, name.data()};
  c.from_server[1] = reply_to(8, xdr_LOGINres, logged_in);

  GETATTR3args attributes{as_handle(handle)};
  append_call(c.from_client[2], 9, NFS_PROGRAM, NFSPROC3_GETATTR, xdr_GETATTR3args, attributes, 1);
  GETATTR3res stale{};
  stale.status = NFS3ERR_STALE;
  c.from_server[2] = reply_to(9, xdr_GETATTR3res, stale);

  sfs_handle file{{static_cast<u_int>(handle.size()), reinterpret_cast<char*>(handle.data())}};
  INVALIDATEargs changed{{1, &file}};
  append_call(c.from_server[3], 0, SFS_CALLBACK_PROGRAM, SFSCB_INVALIDATE, xdr_INVALIDATEargs,
              changed);
  return c;
}

// The frames of one direction: a ratchet before the last message, and the end.
std::vector<byte_string> our_frames(sender s, const std::vector<byte_string>& messages) {
  std::vector<byte_string> frames;
  for (const byte_string& message : messages) {
    if (&message == &messages.back()) s.ratchet(frames.emplace_back(record_overhead), long_ago);
    s.seal(record_type::data, frames.emplace_back(frame_with(message)));
  }
  s.seal(record_type::close, frames.emplace_back(record_overhead));
  return frames;
}

template <std::size_t N>
std::vector<byte_string> frames_in(const char* const (&hex)[N]) {
  std::vector<byte_string> frames;
  for (const char* frame : hex) frames.push_back(from_hex(frame));
  return frames;
}

// Whether these messages, and then a good end, are what is in the frames.
void expect_messages(receiver r, const std::vector<byte_string>& frames,
                     const std::vector<byte_string>& messages) {
  inbox in(record_max_payload);
  in.open_with(std::move(r));
  for (const byte_string& frame : frames) {
    for (const std::uint8_t& byte : frame) {
      in.space()[0] = byte;
      in.received(1);
      if (&byte == &frame.back()) break;
      const_bytes message;
      EXPECT_EQ(in.next(message), inbox::got::more);
    }
    const_bytes message;
    const auto got = in.next(message);
    if (&frame == &frames.back()) {
      EXPECT_EQ(got, inbox::got::closed);
    } else if (got == inbox::got::message) {
      EXPECT_TRUE(std::ranges::any_of(messages, [&](const byte_string& m) {
        return std::ranges::equal(const_bytes(m).subspan(record_mark_size), message);
      }));
    }
  }
}

TEST(session_vectors, are_what_another_implementation_said) {
  for (const session_vector& v : session_vectors) {
    SCOPED_TRACE(v.suite);
    const auto secrets = [&] { return secrets_in(v); };
    const suite s = secrets().suite;
    const conversation ours = our_conversation(v, secrets().id);
    const auto client = frames_in(v.from_client), server = frames_in(v.from_server);
    EXPECT_EQ(our_frames(sender(s, secrets().client_to_server, long_ago), ours.from_client),
              client);
    EXPECT_EQ(our_frames(sender(s, secrets().server_to_client, long_ago), ours.from_server),
              server);
    expect_messages(receiver(s, secrets().client_to_server), client, ours.from_client);
    expect_messages(receiver(s, secrets().server_to_client), server, ours.from_server);
  }
}

TEST(vectors, are_what_the_other_implementation_makes_now) {
  const auto folder = repository() / "tests/sfsd/vectors";
  for (const std::string which : {"records", "sessions", "logins", "revocations"}) {
    const finished f =
        child_process({"/usr/bin/python3", folder / "make_vectors.py", which}).finish();
    ASSERT_EQ(f.status, 0) << f.errors;
    EXPECT_TRUE(f.output == text_of_file(folder / (which + ".inc"))) << which;
  }
}

}  // namespace
}  // namespace sfs::test
