// See session.h. Here are the calls; session_channel.cc has the connection.
#include "examples/sfsd/client/session.h"

#include <algorithm>

#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/retry.h"
#include "wrap/wrap.h"

namespace sfs {

// A call whose answer is being looked into.
struct doubtful_call {
  doubtful_call(std::unique_ptr<pending_call> p, const_bytes results)
      : call(std::move(p)), check(call->call.procedure, call->call.arguments, results) {}

  std::unique_ptr<pending_call> call;
  retry_check check;
};

namespace {

// The longest body that fits into a record with the call's header.
constexpr std::size_t max_body = record_max_payload - record_mark_size - rpc_max_call_header;

void dispose(pending_call* p) noexcept { delete p; }

}  // namespace

session::session(const self_certifying_path& server, session_options options)
    : options_(std::move(options)),
      server_(server),
      settings_(server, options_.suites),
      time_(*options_.time),
      random_(static_cast<std::uint32_t>(options_.seed ? options_.seed
                                                       : random_number<std::uint64_t>())),
      window_(std::max(1u, options_.window)),
      next_xid_(random_number<std::uint32_t>()) {
  fill_randomly(client_.span().first(SFS_CLIENTSIZE));
  for (login_key& key : options_.logins) add_login(std::move(key));
  options_.logins.clear();
}

session::~session() {
  if (channel_) channel_->close();
  for (auto* timer : {&timer_, &patience_, &silence_})
    if (*timer) (*timer)->cancel();
  under_way_.clear_and_dispose(dispose);
  queued_.clear_and_dispose(dispose);
}

bool session::call(session_call c, reply_callback done) {
  if (full()) return false;
  take(std::move(c), std::move(done));
  return true;
}

void session::take(session_call c, reply_callback done) {
  auto* p = new pending_call(std::move(c), std::move(done));
  p->xid = new_xid();
  by_xid_.emplace(p->xid, p);
  queued_.push_back(*p);
  queued_bytes_ += p->size();
  was_full_ |= full();
  ++calls_;
  if (phase_ == phase::failed || phase_ == phase::ended || gave_up_) return fail_soon();
  pump_soon();
}

// Sends what may be sent, but not from within somebody's call: so calls that are made together
// share a record.
void session::pump_soon() {
  if (pump_posted_ || phase_ != phase::open) return;
  pump_posted_ = true;
  time_.soon(async::wrap(async::mkref(this), &session::pump));
}

void session::pump() {
  pump_posted_ = false;
  while (phase_ == phase::open && !queued_.empty() && window_is_open()) {
    pending_call& first = queued_.front();
    if (channel_->congested())
      return channel_->when_less_congested(async::wrap(this, &session::pump_soon));
    if (!login_is_settled(first)) return;
    if (const std::string* why = refusal(first)) {
      queued_.pop_front();
      const std::string reason = *why;
      settle(std::unique_ptr<pending_call>(&first), {.why = reason, .token = first.token});
    } else {
      send_batch();
    }
  }
}

bool session::window_is_open() const noexcept {
  return under_way_.size() < std::min(window_, allowed_);
}

bool session::login_is_settled(const pending_call& p) const noexcept {
  const login_state* l = login(p.call.login);
  return plain_ || !l || l->user != 0 || !l->why.empty();
}

// Why the call will not be made; null if it may be.
const std::string* session::refusal(const pending_call& p) const noexcept {
  static const std::string too_long = "the call is too long", nobody = "there is no such login";
  if (p.size() > max_body) return &too_long;
  if (p.call.login == 0 || plain_) return nullptr;
  const login_state* l = login(p.call.login);
  if (!l) return &nobody;
  return l->user != 0 ? nullptr : &l->why;
}

// The server's number for the user of a call.
std::uint32_t session::user_of(const pending_call& p) const noexcept {
  const login_state* l = login(p.call.login);
  return l && !plain_ ? l->user : 0;
}

// Sends as many calls from the front of the queue as one record takes. The first may be sent.
void session::send_batch() {
  std::vector<pending_call*> batch;
  std::size_t size = 0;
  while (!queued_.empty() && window_is_open()) {
    pending_call& p = queued_.front();
    if (!login_is_settled(p) || refusal(p)) break;
    const std::size_t its = record_mark_size + rpc_call_size(user_of(p)) + p.size();
    if (size + its > record_max_payload) break;
    size += its;
    batch.push_back(&p);
    queued_.pop_front();
    under_way_.push_back(p);
  }
  const bool was_idle = under_way_.size() == batch.size();
  const auto record = async::make_ref<outgoing_record>(size);
  std::uint8_t* to = record->payload().data();
  for (pending_call* p : batch) to += write(*p, to);
  channel_->send(record);
  if (was_idle) watch_open_channel();
}

// Writes the call as it goes into a record, and returns its size.
std::size_t session::write(pending_call& p, std::uint8_t* to) {
  const std::uint32_t user = user_of(p);
  const std::size_t header = rpc_call_size(user), size = header + p.size();
  store_be32(to, last_fragment | static_cast<std::uint32_t>(size));
  write_call(to + record_mark_size, p.xid, p.call.program, version_of(p.call.program),
             p.call.procedure, user);
  std::uint8_t* at = to + record_mark_size + header;
  std::uint8_t* const end = at + p.size();
  at = std::copy(p.call.arguments.begin(), p.call.arguments.end(), at);
  at += p.call.data.copyout(at, p.call.data.resid());
  std::fill(at, end, std::uint8_t{0});
  // The server may answer as it did the first time, and what has changed since then it told to a
  // channel that is gone: what such a reply says of files is as old as the first attempt.
  p.token = {p.was_sent ? p.token.changes : changes_, time_.now()};
  p.was_sent = p.under_way = true;
  return record_mark_size + size;
}

void session::answered(const rpc_reply& r) {
  const auto found = by_xid_.find(r.xid);
  if (found == by_xid_.end() || !found->second->under_way)
    return break_channel("the server answered what it was not asked");
  std::unique_ptr<pending_call> p(found->second);
  under_way_.erase(under_way_.iterator_to(*p));
  p->under_way = false;  // there may still be something to be asked before it is settled
  window_ = std::min(allowed_, window_ + 1);
  failures_ = 0;
  pump_soon();
  call_reply reply{.token = p->token};
  if (r.denied || r.status != rpc_accept::success) {
    reply.what = call_reply::kind::refused;
    reply.denied = r.denied;
    reply.status = r.status;
    return settle(std::move(p), reply);
  }
  const session_call& c = p->call;
  if (p->doubtful && c.program == NFS_PROGRAM && is_suspect(c.procedure, c.arguments, r.results))
    return look_into(std::move(p), r.results);
  reply.what = call_reply::kind::results;
  reply.results = r.results;
  settle(std::move(p), reply);
}

// Tells the caller, and forgets the call, which is in no list any more.
void session::settle(std::unique_ptr<pending_call> p, const call_reply& r) {
  by_xid_.erase(p->xid);
  queued_bytes_ -= p->size();
  --calls_;
  const auto self = async::mkref(this);
  const auto done = p->done;
  call_reply reply = r;
  reply.arguments = p->call.arguments;
  done(reply);
  p.reset();
  if (!was_full_ || queued_bytes_ > options_.max_queued / 2) return;
  was_full_ = false;
  if (const auto room = options_.events.room) (*room)();
}

void session::look_into(std::unique_ptr<pending_call> p, const_bytes results) {
  ask_next(std::make_shared<doubtful_call>(std::move(p), results));
}

// Goes on with looking into an answer, by calls whose answers nobody else gets to see.
void session::ask_next(std::shared_ptr<doubtful_call> d) {
  auto question = d->check.next();
  if (!question) {
    const call_reply r{
        .what = call_reply::kind::results, .results = d->check.results(), .token = d->call->token};
    return settle(std::move(d->call), r);
  }
  const unsigned login = d->call->call.login;
  take({NFS_PROGRAM, question->procedure, std::move(question->arguments), {}, login},
       async::wrap([this, d](const call_reply& r) {
         if (r.what == call_reply::kind::failed) {
           call_reply failed = r;
           failed.token = d->call->token;
           return settle(std::move(d->call), failed);
         }
         d->check.answered(r.results);
         ask_next(d);
       }));
}

// Fails all calls that are there now.
void session::fail_calls(const std::string& why) {
  const auto self = async::mkref(this);
  const std::string reason = why;
  pending_list all;
  all.splice(all.end(), under_way_);
  all.splice(all.end(), queued_);
  while (!all.empty()) {
    std::unique_ptr<pending_call> p(&all.front());
    all.pop_front();
    const call_reply r{.why = reason, .token = p->token};
    settle(std::move(p), r);
  }
}

void session::fail_soon() {
  if (fail_posted_) return;
  fail_posted_ = true;
  time_.soon(async::wrap([self = async::mkref(this)] {
    self->fail_posted_ = false;
    if (self->phase_ != phase::open) self->fail_calls(self->why_);
  }));
}

std::uint32_t session::new_xid() {
  do {
    ++next_xid_;
  } while (by_xid_.contains(next_xid_) || greetings_.contains(next_xid_));
  return next_xid_;
}

}  // namespace sfs
