// See local_client.h.
#include "examples/sfsd/gateway/local_client.h"

#include <algorithm>

#include "async/err.h"
#include "async/fd.h"
#include "examples/sfsd/gateway/gateway.h"
#include "examples/sfsd/rpc/stream.h"
#include "mp/color.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

// A WRITE of 64 KiB, with as much before its data as RPC allows.
constexpr std::size_t max_message = 65536 + 2048;
constexpr unsigned max_fragments = 64;
constexpr std::size_t max_header = 24 + 2 * (8 + rpc_max_auth);
constexpr std::size_t max_calls = 64;
constexpr std::size_t max_unread = 1 << 20;
// Calls up to this long are copied; of longer ones, which are WRITEs, only so much as a WRITE has
// before its data.
constexpr std::size_t copied_whole = 8192;
constexpr std::size_t copied_of_long = 128;

}  // namespace

local_client::local_client(gateway& owner, int fd, std::string name)
    : gateway_(owner), socket_(fd), name_(std::move(name)) {}

void local_client::begin() { watch_for_calls(); }

void local_client::watch_for_calls() {
  if (!socket_) return;
  const bool on = may_take() && !stopped_;
  if (on == reading_) return;
  async::callback<void>::ptr cb;
  if (on) cb = async::wrap(async::mkref(this), &local_client::readable);
  if (async::fdcb(socket_.get(), async::selread, cb)) return drop("its socket cannot be watched");
  reading_ = on;
}

bool local_client::may_take() const noexcept {
  return socket_ && calls_ < max_calls && out_.resid() < max_unread && gateway_.takes_calls();
}

void local_client::readable() {
  const auto self = async::mkref(this);
  if (!socket_) return;
  const async::io_result r = in_.input(socket_.get());
  if (r.status == async::io_status::would_block) return;
  if (r.status == async::io_status::eof) return close();
  if (r.status == async::io_status::error) return broke(r.error);
  take_calls();
}

void local_client::go_on() {
  const auto self = async::mkref(this);
  if (socket_ && !stopped_) take_calls();
}

void local_client::stop_taking() {
  stopped_ = true;
  watch_for_calls();
}

void local_client::take_calls() {
  while (may_take() && !stopped_) {
    const got g = take_message();
    if (g == got::dropped || (g == got::message && !take_call())) return;
    if (g == got::more) break;
  }
  watch_for_calls();
}

// Puts the next message together, from fragments that each have a mark in front (RFC 5531,
// section 11).
local_client::got local_client::take_message() {
  while (true) {
    if (!in_fragment_) {
      if (in_.resid() < record_mark_size) return got::more;
      if (!take_mark()) return got::dropped;
    }
    const std::size_t n = std::min(fragment_left_, in_.resid());
    message_.take(in_, n);
    fragment_left_ -= n;
    if (fragment_left_ > 0) return got::more;
    in_fragment_ = false;
    if (!last_) continue;
    fragments_ = 0;
    return got::message;
  }
}

bool local_client::take_mark() {
  std::uint8_t mark[record_mark_size];
  in_.copyout(mark, sizeof mark);
  in_.rembytes(sizeof mark);
  const std::uint32_t word = load_be32(mark);
  last_ = (word & last_fragment) != 0;
  fragment_left_ = word & ~last_fragment;
  in_fragment_ = true;
  const bool empty_piece = fragment_left_ == 0 && !last_;
  if (++fragments_ <= max_fragments && !empty_piece &&
      fragment_left_ <= max_message - message_.resid())
    return true;
  drop("it sent a message that is too long or in too many pieces");
  return false;
}

// Takes the message apart and passes it on. False if the client is dropped.
bool local_client::take_call() {
  const std::size_t head = std::min(message_.resid(), max_header);
  const char* const at = message_.pullup(head);
  const const_bytes front = as_bytes({at, head});
  local_call c;
  ++calls_;
  const call_header status = parse_call(front, c.header);
  std::uint8_t header[rpc_max_reply_header];
  if (status == call_header::not_a_call) {
    drop("it does not speak RPC");
    return false;
  }
  if (status != call_header::good) {
    message_.clear();
    const std::size_t n = status == call_header::wrong_rpc ? deny_version(header, c.header.xid)
                                                           : deny_credentials(header, c.header.xid);
    refuse({header, n});
    return true;
  }
  message_.rembytes(static_cast<std::size_t>(c.header.arguments.data() - front.data()));
  const std::size_t size = message_.resid();
  c.arguments.resize(size <= copied_whole ? size : copied_of_long);
  message_.copyout(c.arguments.data(), c.arguments.size());
  message_.rembytes(c.arguments.size());
  c.data.take(message_);
  gateway_.called(*this, std::move(c));
  return true;
}

void local_client::reply(std::uint32_t xid, rpc_accept status, const_bytes results) {
  std::uint8_t header[rpc_max_reply_header];
  const std::size_t n = accept(header, xid, status);
  put({header, n}, results);
}

void local_client::refuse(const_bytes header) { put(header, {}); }

void local_client::put(const_bytes header, const_bytes results) {
  --calls_;
  if (!socket_) return;
  std::uint8_t mark[record_mark_size];
  store_be32(mark, last_fragment | static_cast<std::uint32_t>(header.size() + results.size()));
  out_.copy(mark, sizeof mark);
  out_.copy(header.data(), header.size());
  out_.copy(results.data(), results.size());
  flush_soon();
}

// Replies that come together are written together.
void local_client::flush_soon() {
  if (flush_posted_) return;
  flush_posted_ = true;
  async::post(async::color(), [self = async::mkref(this)] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void local_client::flush() {
  const auto self = async::mkref(this);
  if (!socket_) return;
  const async::io_result r = out_.output(socket_.get());
  if (r.status == async::io_status::error) return broke(r.error);
  const bool full = r.status == async::io_status::would_block;
  if (full != writing_) {
    async::callback<void>::ptr cb;
    if (full) cb = async::wrap(async::mkref(this), &local_client::flush);
    if (async::fdcb(socket_.get(), async::selwrite, cb))
      return drop("its socket cannot be watched");
    writing_ = full;
  }
  if (!stopped_) take_calls();
  if (is_quiet()) gateway_.became_quiet();
}

// Clients that end without reading everything are nothing to talk about.
void local_client::broke(const std::error_code& how) {
  if (how == std::errc::connection_reset || how == std::errc::broken_pipe) return close();
  drop(how.message());
}

void local_client::drop(const std::string& why) {
  if (!socket_) return;
  async::warn("%s: %s", name_.c_str(), why.c_str());
  close();
}

void local_client::close() {
  if (!socket_) return;
  async::fdcb(socket_.get(), async::selread, nullptr);
  async::fdcb(socket_.get(), async::selwrite, nullptr);
  socket_ = fd_owner();
  reading_ = writing_ = false;
  in_.clear();
  message_.clear();
  out_.clear();
  gateway_.forget(*this);
}

}  // namespace sfs
