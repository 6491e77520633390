// See message.h.
#include "examples/sfsd/rpc/message.h"

#include <initializer_list>

namespace sfs {
namespace {

enum : std::uint32_t { msg_call = 0, msg_reply = 1 };
enum : std::uint32_t { msg_accepted = 0, msg_denied = 1 };
enum : std::uint32_t { reject_rpc_mismatch = 0, reject_auth = 1 };
enum : std::uint32_t { auth_none = 0, auth_sys = 1 };
constexpr std::uint32_t auth_badcred = 1;

// Reads words from the front of a message; once it has run out it only gives zeros and says so.
class word_reader {
 public:
  explicit word_reader(const_bytes message) noexcept : left_(message) {}

  std::uint32_t word() noexcept {
    if (left_.size() < 4) {
      ran_out_ = true;
      left_ = {};
      return 0;
    }
    const std::uint32_t v = load_be32(left_.data());
    left_ = left_.subspan(4);
    return v;
  }

  // Takes an opaque_auth: flavor, length, body. Whether the body has an allowed length.
  bool take_auth(std::uint32_t& flavor, const_bytes& body) noexcept {
    flavor = word();
    const std::size_t size = word();
    if (size > rpc_max_auth) return false;
    const std::size_t padded = (size + 3) & ~std::size_t{3};
    if (padded > left_.size()) {
      ran_out_ = true;
      return false;
    }
    body = left_.first(size);
    left_ = left_.subspan(padded);
    return true;
  }

  bool ran_out() const noexcept { return ran_out_; }
  const_bytes rest() const noexcept { return left_; }

 private:
  const_bytes left_;
  bool ran_out_ = false;
};

std::size_t put_words(std::uint8_t* out, std::initializer_list<std::uint32_t> words) noexcept {
  std::uint8_t* p = out;
  for (std::uint32_t w : words) {
    store_be32(p, w);
    p += 4;
  }
  return static_cast<std::size_t>(p - out);
}

}  // namespace

call_header parse_call(const_bytes message, rpc_call& call) noexcept {
  word_reader in(message);
  call.xid = in.word();
  const std::uint32_t direction = in.word();
  const std::uint32_t version = in.word();
  if (in.ran_out() || direction != msg_call) return call_header::not_a_call;
  if (version != rpc_version) return call_header::wrong_rpc;
  call.program = in.word();
  call.version = in.word();
  call.procedure = in.word();
  std::uint32_t flavor = auth_none, verifier = auth_none;
  const_bytes credentials, ignored;
  const bool bounded = in.take_auth(flavor, credentials) && in.take_auth(verifier, ignored);
  if (in.ran_out()) return call_header::not_a_call;
  if (!bounded) return call_header::bad_credentials;
  call.user = 0;
  if (flavor == auth_sfs) {
    if (credentials.size() != 4) return call_header::bad_credentials;
    call.user = load_be32(credentials.data());
  } else if (flavor != auth_none && flavor != auth_sys) {
    return call_header::bad_credentials;
  }
  call.arguments = in.rest();
  return call_header::good;
}

std::size_t accept(std::uint8_t* out, std::uint32_t xid, rpc_accept status) noexcept {
  return put_words(
      out, {xid, msg_reply, msg_accepted, auth_none, 0, static_cast<std::uint32_t>(status)});
}

std::size_t accept_mismatch(std::uint8_t* out, std::uint32_t xid, std::uint32_t low,
                            std::uint32_t high) noexcept {
  const std::size_t n = accept(out, xid, rpc_accept::prog_mismatch);
  return n + put_words(out + n, {low, high});
}

std::size_t deny_version(std::uint8_t* out, std::uint32_t xid) noexcept {
  return put_words(out,
                   {xid, msg_reply, msg_denied, reject_rpc_mismatch, rpc_version, rpc_version});
}

std::size_t deny_credentials(std::uint8_t* out, std::uint32_t xid) noexcept {
  return put_words(out, {xid, msg_reply, msg_denied, reject_auth, auth_badcred});
}

void write_call(std::uint8_t* out, std::uint32_t xid, std::uint32_t program, std::uint32_t version,
                std::uint32_t procedure, std::uint32_t user) noexcept {
  out += put_words(out, {xid, msg_call, rpc_version, program, version, procedure});
  out += user ? put_words(out, {auth_sfs, 4, user}) : put_words(out, {auth_none, 0});
  put_words(out, {auth_none, 0});
}

std::optional<rpc_reply> parse_reply(const_bytes message) noexcept {
  word_reader in(message);
  rpc_reply reply;
  reply.xid = in.word();
  const std::uint32_t direction = in.word(), kind = in.word();
  if (in.ran_out() || direction != msg_reply || kind > msg_denied) return std::nullopt;
  reply.denied = kind == msg_denied;
  if (reply.denied) return reply;
  std::uint32_t verifier = 0;
  const_bytes ignored;
  if (!in.take_auth(verifier, ignored)) return std::nullopt;
  const std::uint32_t status = in.word();
  if (in.ran_out() || status > static_cast<std::uint32_t>(rpc_accept::system_err))
    return std::nullopt;
  reply.status = static_cast<rpc_accept>(status);
  reply.results = in.rest();
  return reply;
}

}  // namespace sfs
