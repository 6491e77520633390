// See connection.h. Here is what carries calls out.
#include <utility>

#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/server/connection.h"
#include "examples/sfsd/server/server.h"
#include "mp/color.h"
#include "wrap/wrap.h"

namespace sfs {

async::ptr<const principal> connection::user_of(std::uint32_t number) const {
  return number == 0 ? async::ptr<const principal>(server_.anonymous()) : logins_.find(number);
}

// A client that has not said which it is has a session too, which ends with its channel.
client_session& connection::session() {
  if (!session_) session_ = std::make_unique<client_session>();
  return *session_;
}

void connection::serve() {
  notes_.note_shown = leased_;
  notes_.note_changed = true;  // who wants to know may come while the calls are carried out
  for (; next_ < batch_.size(); ++next_) {
    const classified& c = batch_[next_];
    if (c.kind == call_class::refused) {
      replies_.push_back(refuse(c, pool_));
    } else if (c.kind == call_class::channel) {
      return serve_channel(c.call);
    } else if (nfs_.any_thread() && service::waits(c)) {
      return hand_to_pool();
    } else if (c.kind == call_class::data) {
      const served how = serve_data(c, false, patience::none);
      if (how == served::at_tables)
        return run(colors_.tables, &connection::serve_at_tables);  // [all]
      if (how == served::slowly) return hand_to_pool();
    } else if (nfs_.any_thread()) {
      replies_.push_back(answer(c.call));
    } else {
      return run(colors_.tables, &connection::serve_at_tables);  // [all]
    }
  }
  if (!notes_.changed.empty() && !server_.leases().anyone()) notes_.changed.clear();
  const bool news = !notes_.shown.empty() || !notes_.changed.empty();
  if (news) return run(colors_.tables, &connection::settle_leases);  // [all]
  run(colors_.crypto, &connection::seal_replies);                    // [crypto]
}

// One call that needs what all clients share.
void connection::serve_at_tables() {
  const classified& c = batch_[next_];
  if (c.kind == call_class::data) {
    serve_data(c, true, patience::wait);
  } else {
    replies_.push_back(answer(c.call));
  }
  ++next_;
  run(colors_.files, &connection::serve);  // [all]
}

// One call that may have to wait for a disk: the round goes on when that is over.
void connection::hand_to_pool() {
  const auto self = async::mkref(this);
  meter_.end();
  const auto served = async::cwrap(colors_.files, [self] {
    self->meter_.begin(work_kind::files);
    self->serve();
  });
  if (!server_.pool().run([self] { self->serve_slowly(); }, served)) return;
  serve_slowly();  // there is no thread: here, then
  (*served)();
}

void connection::serve_slowly() {
  meter_.begin(work_kind::disk);
  const classified& c = batch_[next_];
  if (c.kind == call_class::data) {
    serve_data(c, false, patience::wait);
  } else {
    replies_.push_back(answer(c.call));
  }
  ++next_;
  meter_.end();
}

// READ or WRITE.
connection::served connection::serve_data(const classified& c, bool at_tables, patience p) {
  const auto who = user_of(c.call.user);
  if (!who) {
    replies_.push_back(reply_unknown_user(c.call, pool_));
    return served::done;
  }
  const auto now = clock::now();
  nfsstat3 why = NFS3_OK;
  const open_file* file = files_.find(c.data, *who, now);
  async::ptr<open_file> opened;
  if (!file) {
    if (!at_tables && !nfs_.any_thread()) return served::at_tables;
    opened = nfs_.open(c.data, async::ref<const principal>(who), why);
    file = opened.get();
  }
  auto r = nfs_.read_or_write(c.data, file, why, p, notes_, pool_);
  if (opened) files_.remember(c.data, std::move(opened), now);
  if (!r) return served::slowly;
  replies_.push_back(std::move(*r));
  return served::done;
}

// Any other call about files: carried out, or answered as it was when it came for the first time.
reply connection::answer(const rpc_call& call) {
  const auto who = user_of(call.user);
  if (!who) return reply_unknown_user(call, pool_);
  if (!service::only_once(call)) return nfs_.answer(call, *who, notes_, files_, pool_);
  replay_cache& replies = session().replies;
  if (const const_bytes before = replies.find(call); !before.empty()) {
    reply r(pool_, before.size());
    std::copy(before.begin(), before.end(), r.at(0));
    r.finish(before.size());
    return r;
  }
  reply r = nfs_.answer(call, *who, notes_, files_, pool_);
  files_.drop_removed();  // it may have been just that
  replies.remember(call, payload_of(r.frame()));
  return r;
}

void connection::settle_leases() {
  lease_table& leases = server_.leases();
  const auto now = clock::now();
  leases.change(notes_.changed, this, now);
  leases.show(*this, notes_.shown, last_change_, now);
  notes_.clear();
  run(colors_.crypto, &connection::seal_replies);  // [all]
}

void connection::leases_ended(std::span<const sealed_handle> files) {
  async::post(colors_.io, [self = async::mkref(this),
                           copy = std::vector<sealed_handle>(files.begin(), files.end())] {
    self->tell(copy);
  });  // [io]
}

// The reply to the call that is being served; the batch goes on behind it.
template <class Result>
void connection::reply_with(bool_t (*routine)(XDR*, Result*), Result& result) {
  constexpr std::size_t results_at = record_mark_size + rpc_accepted_size, most = 256;
  reply r(pool_, results_at + most);
  accept(r.at(record_mark_size), batch_[next_].call.xid, rpc_accept::success);
  r.finish(results_at + xdr_encode(routine, result, {r.at(results_at), most}));
  replies_.push_back(std::move(r));
}

// The SFS program (nfs/sfs.x).
void connection::serve_channel(const rpc_call& call) {
  const auto answer_with = [&](rpc_accept how) {
    replies_.push_back(reply_without_results(call, how, pool_));
  };
  xdr_value<u_int, xdr_u_int> number;
  if (call.version != SFS_V1) {
    replies_.push_back(reply_wrong_version(call, SFS_V1, pool_));
  } else if (call.procedure == SFSPROC_NULL && call.arguments.empty()) {
    answer_with(rpc_accept::success);
  } else if (call.procedure == SFSPROC_HELLO) {
    return hello(call);
  } else if (call.procedure == SFSPROC_LOGIN) {
    return log_in(call);
  } else if (call.procedure == SFSPROC_LOGOUT && number.decode(call.arguments)) {
    return run(colors_.tables, &connection::log_out);  // [all]
  } else {
    answer_with(call.procedure > SFSPROC_LOGOUT ? rpc_accept::proc_unavail
                                                : rpc_accept::garbage_args);
  }
  ++next_;
  serve();
}

void connection::hello(const rpc_call& call) {
  xdr_value<HELLOargs, xdr_HELLOargs> args;
  if (!args.decode(call.arguments) || client_ || spoken_ || !replies_.empty()) {
    replies_.push_back(reply_without_results(call, rpc_accept::garbage_args, pool_));
    ++next_;
    return serve();
  }
  client_ = hash_of(args->client);
  leased_ = args->leases;
  run(colors_.tables, &connection::greet);  // [all]
}

void connection::greet() {
  if (leased_ && is_linked()) server_.leases().join(*this);  // else it is closed already
  server_.claim_session(*client_, number_,
                        [self = async::mkref(this)](std::unique_ptr<client_session> s, bool again) {
                          self->greeted(std::move(s), again);
                        });
}

void connection::greeted(std::unique_ptr<client_session> s, bool resumed) {
  session_ = std::move(s);
  HELLOres res{};
  server_.run_number(res.run);
  res.resumed = resumed;
  res.lease_seconds = leased_ ? static_cast<u_int>(server_.lease_seconds()) : 0;
  res.max_calls = replay_cache::capacity;
  reply_with(xdr_HELLOres, res);
  ++next_;
  run(colors_.files, &connection::serve);  // [all]
}

// The signature is checked before the key is looked for: how long a refusal takes does not tell
// which keys the server knows.
void connection::log_in(const rpc_call& call) {
  xdr_value<LOGINargs, xdr_LOGINargs> args;
  if (!args.decode(call.arguments)) {
    replies_.push_back(reply_without_results(call, rpc_accept::garbage_args, pool_));
    ++next_;
    return serve();
  }
  const bool proved = logins_.advance(args->sequence) && server_.proves(*args, session_id_);
  std::copy_n(args->key, login_key_.size(), login_key_.begin());
  proved_ = proved;
  run(colors_.tables, &connection::look_up_user);  // [all]
}

void connection::look_up_user() {
  LOGINres res{};
  const auto who = proved_ ? server_.find_user(login_key_) : nullptr;
  std::string name;
  if (!who) {
    res.status = LOGIN_REFUSED;
    server_.note_refused_login(*this);
  } else if (logins_.full()) {
    res.status = LOGIN_TOO_MANY;
  } else {
    name = who->account.name;
    const async::ref<const principal> user(who);
    const std::uint32_t number = logins_.add(user);
    logged_in_.push_back({number, login_key_, user});
    res.LOGINres_u.resok = {number, who->account.uid, who->account.gid, name.data()};
    server_.note_login(*this, *who);
  }
  reply_with(xdr_LOGINres, res);
  ++next_;
  run(colors_.files, &connection::serve);  // [all]
}

// The argument was decoded before.
void connection::log_out() {
  const std::uint32_t number = load_be32(batch_[next_].call.arguments.data());
  logins_.remove(number);
  std::erase_if(logged_in_, [number](const login& l) { return l.number == number; });
  replies_.push_back(reply_without_results(batch_[next_].call, rpc_accept::success, pool_));
  ++next_;
  run(colors_.files, &connection::serve);  // [all]
}

}  // namespace sfs
