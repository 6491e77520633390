// See session.h. Here is what is said when a channel opens: HELLO, and a LOGIN for each user.
#include <algorithm>
#include <utility>

#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/session.h"

namespace sfs {
namespace {

constexpr std::size_t hello = 0;  // in greetings_; a login has its number
constexpr std::uint32_t longest_lease = 3600;

bool is_unknown(const rpc_reply& r) noexcept {
  return !r.denied &&
         (r.status == rpc_accept::prog_unavail || r.status == rpc_accept::prog_mismatch ||
          r.status == rpc_accept::proc_unavail);
}

}  // namespace

unsigned session::add_login(login_key key) {
  logins_.push_back({std::move(key), {}});
  const auto number = static_cast<unsigned>(logins_.size());
  if (phase_ == phase::open) ask_login(number);
  return number;
}

const login_state* session::login(unsigned number) const noexcept {
  return number == 0 || number > logins_.size() ? nullptr : &logins_[number - 1].state;
}

void session::greet() {
  ring_after(options_.open_timeout);
  HELLOargs args{};
  std::copy_n(client_.span().begin(), SFS_CLIENTSIZE, reinterpret_cast<std::uint8_t*>(args.client));
  args.leases = options_.leases ? TRUE : FALSE;
  send_greeting(hello, SFSPROC_HELLO, xdr_HELLOargs, args);
  OPENSSL_cleanse(&args, sizeof args);
}

// Sends a call of SFS_PROGRAM by itself: the record is the only place where it is put together,
// and will be sealed there, because HELLO has a secret in it.
template <class Args>
void session::send_greeting(std::size_t which, std::uint32_t procedure,
                            bool_t (*routine)(XDR*, Args*), Args& args) {
  const std::size_t header = record_mark_size + rpc_call_size(0);
  const auto record = async::make_ref<outgoing_record>(
      header + xdr_sizeof(reinterpret_cast<xdrproc_t>(routine), &args));
  const bytes payload = record->payload();
  const std::uint32_t xid = new_xid();
  store_be32(payload.data(),
             last_fragment | static_cast<std::uint32_t>(payload.size() - record_mark_size));
  write_call(payload.data() + record_mark_size, xid, SFS_PROGRAM, version_of(SFS_PROGRAM),
             procedure);
  xdr_encode(routine, args, payload.subspan(header));
  greetings_.emplace(xid, which);
  greeted_ = time_.now();
  channel_->send(record);
}

void session::greeting_answered(const rpc_reply& r) {
  const auto found = greetings_.find(r.xid);
  const std::size_t which = found->second;
  greetings_.erase(found);
  if (which == hello) {
    hello_answered(r);
  } else {
    login_answered(logins_[which - 1], r);
  }
  if (!channel_ || !greetings_.empty()) return;
  if (phase_ == phase::greeting) return opened();
  pump_soon();
}

void session::hello_answered(const rpc_reply& r) {
  const auto run_before = run_;
  plain_ = is_unknown(r);
  bool resumed = false;
  lease_ = {};
  allowed_ = options_.window;
  run_.reset();
  if (!plain_) {
    xdr_value<HELLOres, xdr_HELLOres> res;
    if (r.denied || r.status != rpc_accept::success || !res.decode(r.results))
      return break_channel("the server did not understand the greeting");
    resumed = res->resumed;
    if (options_.leases) lease_ = std::chrono::seconds(std::min(res->lease_seconds, longest_lease));
    allowed_ = std::clamp(res->max_calls, 1u, std::max(1u, options_.window));
    std::copy_n(reinterpret_cast<const std::uint8_t*>(res->run), SFS_RUNSIZE,
                run_.emplace().begin());
  }
  // Also if this channel breaks before it is open: the next HELLO will be told of what this one
  // made.
  const bool same_run = !plain_ && run_ == run_before;
  restarted_ |= was_open_ && !same_run;
  if (!resumed || !same_run)
    for (const auto& [xid, p] : by_xid_) p->doubtful |= p->was_sent;
  for (unsigned i = 1; i <= logins_.size() && channel_; ++i) ask_login(i);
}

void session::ask_login(unsigned number) {
  login_entry& l = logins_[number - 1];
  if (plain_) return;
  LOGINargs args{};
  args.sequence = ++sequence_;
  if (!l.key.sign) {
    l.state.why = "the user has no key";
    return;
  }
  const auto signature = l.key.sign(id_, args.sequence);
  if (!signature) {
    const std::string why = "the user's key did not sign: " + signature.why();
    if (l.accepted) return break_channel(why);  // it has before, and may again
    l.state.why = why;
    return;
  }
  std::copy(l.key.key.begin(), l.key.key.end(), reinterpret_cast<std::uint8_t*>(args.key));
  std::copy(signature->begin(), signature->end(), reinterpret_cast<std::uint8_t*>(args.signature));
  send_greeting(number, SFSPROC_LOGIN, xdr_LOGINargs, args);
}

void session::login_answered(login_entry& l, const rpc_reply& r) {
  xdr_value<LOGINres, xdr_LOGINres> res;
  if (is_unknown(r)) {
    l.state.why = "the server knows no users";
    return;
  }
  if (r.denied || r.status != rpc_accept::success || !res.decode(r.results))
    return break_channel("the server did not understand a login");
  const std::uint32_t status = number_in(res->status);
  if (status == LOGIN_OK && res->LOGINres_u.resok.user == 0)
    return break_channel("the server gave a user the number 0");
  if (status != LOGIN_OK) {
    l.state.why = status == LOGIN_TOO_MANY ? "the server takes no more users"
                                           : "the server refuses the user's key";
    return;
  }
  const LOGINresok& ok = res->LOGINres_u.resok;
  l.state = {ok.user, ok.uid, ok.gid, std::string(ok.name), {}};
  l.accepted = true;
}

// Calls can be made.
void session::opened() {
  phase_ = phase::open;
  was_open_ = true;
  gave_up_ = false;
  for (auto* timer : {&patience_, &silence_}) {
    if (*timer) (*timer)->cancel();
    *timer = nullptr;
  }
  watch_open_channel();
  pump_soon();
  if (const auto cb = options_.events.restarted; std::exchange(restarted_, false) && cb) (*cb)();
  if (const auto cb = options_.events.opened) (*cb)();
}

}  // namespace sfs
