// See session.h. Here is the connection: made, watched, lost, made anew.
#include <algorithm>

#include "examples/sfsd/client/session.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

enum : std::uint32_t { direction_call = 0 };

}  // namespace

void session::begin() {
  if (phase_ != phase::idle) return;
  if (const auto cb = options_.events.silent)
    silence_ = time_.after(options_.slow_after, async::callback<void>::ref(cb));
  connect();
}

void session::connect() {
  phase_ = phase::connecting;
  if (options_.give_up_after && !patience_)
    patience_ = time_.after(*options_.give_up_after, async::wrap(this, &session::give_up));
  ring_after(options_.open_timeout);
  channel_ = async::make_ref<async_channel>(
      settings_, time_,
      async_channel::handlers{async::wrap(this, &session::channel_opened),
                              async::wrap(this, &session::channel_message),
                              async::wrap(this, &session::channel_ended)});
  if (options_.connect) return channel_->connect(options_.connect);
  channel_->connect(options_.instead.value_or(server_.location));
}

void session::channel_opened(const session_id& id) {
  id_ = id;
  sequence_ = 0;
  last_heard_ = time_.now();
  phase_ = phase::greeting;
  greet();
}

void session::channel_message(const_bytes message) {
  const auto self = async::mkref(this);
  last_heard_ = time_.now();
  if (message.size() >= 8 && load_be32(message.data() + 4) == direction_call)
    return from_server(message);
  const auto r = parse_reply(message);
  if (!r) return break_channel("the server does not speak RPC");
  if (greetings_.contains(r->xid)) return greeting_answered(*r);
  answered(*r);
}

// A call of the server's. There is only one that it may make.
void session::from_server(const_bytes message) {
  rpc_call c;
  xdr_value<INVALIDATEargs, xdr_INVALIDATEargs> args;
  if (parse_call(message, c) != call_header::good || c.program != SFS_CALLBACK_PROGRAM ||
      c.version != 1 || c.procedure != SFSCB_INVALIDATE || !args.decode(c.arguments))
    return break_channel("the server made a call that there is not");
  std::vector<const_bytes> files;
  for (u_int i = 0; i < args->files.files_len; ++i) {
    const auto& data = args->files.files_val[i].data;
    files.emplace_back(reinterpret_cast<const std::uint8_t*>(data.data_val), data.data_len);
  }
  invalidate(files);
}

void session::invalidate(std::span<const const_bytes> files) {
  ++changes_;
  if (const auto cb = options_.events.invalidated) (*cb)(files, changes_);
}

void session::channel_ended(const channel_end& how) {
  const auto self = async::mkref(this);
  if (how.wrong_key) {
    fail(server_.location.text + ": " + how.why);
  } else {
    lose(how.why);
  }
}

void session::break_channel(const std::string& why) {
  channel_->close();
  lose(why);
}

// Takes leave of a channel that has ended. What was under way waits again, in front of what has
// not been sent yet.
void session::forget_channel() {
  channel_ = nullptr;
  greetings_.clear();
  for (pending_call& p : under_way_) p.under_way = false;
  queued_.splice(queued_.begin(), under_way_);
  for (login_entry& l : logins_) {
    l.state.user = 0;
    l.state.why.clear();
  }
}

// The channel has ended: makes another one after a pause, which is longer each time that nothing
// was achieved, and random, so that not all clients of a server come at once.
void session::lose(const std::string& why) {
  const auto self = async::mkref(this);
  forget_channel();
  why_ = why;
  phase_ = phase::waiting;
  const auto longest = options_.longest_pause;
  auto pause = std::min(longest, options_.first_pause * (1 << std::min(failures_, 16u)));
  ++failures_;
  const auto half = std::max<std::int64_t>(1, pause.count() / 2);
  pause = std::chrono::milliseconds(half + static_cast<std::int64_t>(random_() % (half + 1)));
  ring_after(pause);
  if (options_.give_up_after && !patience_)
    patience_ = time_.after(*options_.give_up_after, async::wrap(this, &session::give_up));
  invalidate({});  // the server no longer tells us what changes
  if (const auto cb = options_.events.lost) (*cb)(why);
}

// For good.
void session::fail(const std::string& why) {
  const auto self = async::mkref(this);
  forget_channel();
  stop_timers();
  why_ = why;
  phase_ = phase::failed;
  invalidate({});
  fail_calls(why);
  if (const auto cb = options_.events.failed) (*cb)(why);
}

void session::end() {
  const auto self = async::mkref(this);
  if (phase_ == phase::ended) return;
  options_.events = {};
  if (channel_) channel_->close();
  forget_channel();
  stop_timers();
  phase_ = phase::ended;
  why_ = "the session has ended";
  fail_calls(why_);
}

// Nobody waits any longer. The session itself goes on trying.
void session::give_up() {
  const auto self = async::mkref(this);
  patience_ = nullptr;
  gave_up_ = true;
  fail_calls(why_.empty() ? "the server does not answer" : why_);
}

void session::stop_timers() {
  for (auto* timer : {&timer_, &patience_, &silence_}) {
    if (*timer) (*timer)->cancel();
    *timer = nullptr;
  }
}

void session::ring_after(timing::clock::duration delay) {
  if (timer_) timer_->cancel();
  timer_ = time_.after(delay, async::wrap(this, &session::clock_rang));
}

void session::clock_rang() {
  const auto self = async::mkref(this);
  switch (phase_) {
    case phase::waiting:
      return connect();
    case phase::connecting:
      return break_channel("the server did not take the connection in time");
    case phase::greeting:
      return break_channel("the server did not answer the greeting in time");
    case phase::open:
      return watch_open_channel();
    case phase::idle:
    case phase::failed:
    case phase::ended:
      return;
  }
}

// Ends a channel on which an answer is overdue, says something on one that has long been silent,
// and sets the clock for the next time.
void session::watch_open_channel() {
  const auto now = time_.now();
  auto due = last_heard_ + options_.ping_after;
  if (!under_way_.empty()) due = under_way_.front().token.sent + options_.reply_timeout;
  if (!greetings_.empty()) due = std::min(due, greeted_ + options_.reply_timeout);
  if (due > now) return ring_after(due - now);
  if (under_way_.empty() && greetings_.empty()) {
    ring_after(options_.ping_after);
    return take({NFS_PROGRAM, NFSPROC3_NULL, {}, {}, 0}, async::wrap([](const call_reply&) {}));
  }
  // Perhaps it was too much at once for a slow connection.
  window_ = std::max(1u, window_ / 2);
  break_channel("the server did not answer a call in time");
}

}  // namespace sfs
