// A client's session with one server, kept up for good: calls go in, replies come out, whatever
// happens to the connection in between. Serves stages 1, 2, 5 and 6 of client programs.
//
//     auto s = async::make_ref<sfs::session>(path, std::move(options));
//     s->begin();
//     GETATTR3args args{as_handle(handle)};
//     s->call({NFS_PROGRAM, NFSPROC3_GETATTR, encoded(xdr_GETATTR3args, args)},
//             async::wrap(async::mkref(this), &program::got_attributes));
//
// Calls wait in a queue; at most a window of them is under way. If the connection breaks, or a call
// is not answered in time, then the session connects anew (with growing, random pauses), says with
// HELLO who it is, logs its users in again, and sends what was not answered once more, in the order
// in which it was asked, with the same xids. If the server says that it does not remember the
// session, then a call may have been carried out twice, and what looks like a failure because of
// that is set right (retry.h) before its caller sees it.
//
// Users: a call names one of the session's logins by the number that add_login() gave it, or 0 for
// an anonymous call. The server's own numbers for them change with every channel, and are written
// into calls when they are sent. Calls for a login that the server refuses fail. A server that does
// not know SFS_PROGRAM has no leases and resumes nothing, and all calls to it are anonymous.
//
// Leases: changes() counts everything after which attributes must not be believed any more:
// SFSCB_INVALIDATE, a lost connection, and what the session's users count themselves. A reply comes
// with the count at the time when its call was first sent (reply_token), for lease_cache.h to
// compare.
//
// Thread safety: one color (the default color).
// Invariants: each call that was taken is answered or failed exactly once, and never from within
// call(). Nothing that the server says is believed beyond what the protocol allows it to say: what
// does not decode, or answers no call that is under way, ends the channel.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/client/async_channel.h"
#include "examples/sfsd/client/pending_call.h"
#include "examples/sfsd/client/timing.h"
#include "examples/sfsd/nfs/protocol.h"
#include "examples/sfsd/rpc/message.h"
#include "suio/suio.h"
#include "wrap/callback.h"

namespace sfs {

// One user's key. `sign` signs what sfs.x says for LOGIN: it knows LOCATION and HOSTID itself.
struct login_key {
  std::array<std::uint8_t, SFS_KEYSIZE> key{};
  std::function<outcome<std::array<std::uint8_t, SFS_SIGSIZE>>(const session_id&,
                                                               std::uint32_t sequence)>
      sign;
};

// What the server said about a login on the present channel.
struct login_state {
  std::uint32_t user = 0;  // for credentials; 0: not logged in
  std::uint32_t uid = 0, gid = 0;
  std::string name;
  std::string why;  // it was refused
};

// What happens to a session besides replies. Each may be null.
struct session_events {
  async::callback<void>::ptr opened;                      // calls can be made: at first, and again
  async::callback<void>::ptr silent;                      // slow_after begin() it is not yet open
  async::callback<void, const std::string&>::ptr lost;    // why; a new connection is being made
  async::callback<void, const std::string&>::ptr failed;  // for good: every call fails from now on
  async::callback<void>::ptr restarted;  // the server was restarted, or may have been
  async::callback<void>::ptr room;       // full() was true and no longer is
  // Attributes of these files must not be believed any more, of no files at all: those of any. The
  // number is what changes() has become.
  async::callback<void, std::span<const const_bytes>, std::uint64_t>::ptr invalidated;
};

struct session_options {
  std::vector<suite> suites{std::begin(all_suites), std::end(all_suites)};
  std::optional<server_location> instead;  // connect there; the key must be the path's all the same
  bool leases = true;
  std::vector<login_key> logins;  // numbered from 1
  session_events events;

  unsigned window = 64;                             // calls under way, if the server allows so many
  std::size_t max_queued = 8 * 1024 * 1024;         // bytes of calls; more are not taken
  std::chrono::milliseconds slow_after{1'500};      // say that the server does not answer
  std::chrono::milliseconds open_timeout{15'000};   // until calls can be made
  std::chrono::milliseconds reply_timeout{30'000};  // for one call
  std::chrono::milliseconds ping_after{60'000};     // of silence
  std::chrono::milliseconds first_pause{100}, longest_pause{5'000};  // before connecting anew
  // How long to try before calls fail; the session itself goes on trying. Empty: for ever.
  std::optional<std::chrono::milliseconds> give_up_after;

  timing* time = &timing::real();
  std::uint64_t seed = 0;            // of the pauses; 0: a random one
  async_channel::connector connect;  // instead of TCP
};

struct doubtful_call;

class session final : public async::refcount {
 public:
  session(const self_certifying_path& server, session_options options);
  ~session();

  // Connects; once.
  void begin();

  // Says goodbye to the server and fails, now, every call that is not answered. No event comes
  // after it.
  void end();

  // Takes a call, unless full(): then it returns false and `done` is never called.
  bool call(session_call c, reply_callback done);

  // Whether the queue has all the bytes that it may; events.room will tell when it has not.
  bool full() const noexcept { return queued_bytes_ >= options_.max_queued; }

  // Adds a user, who is logged in before calls that are made from now on are sent.
  unsigned add_login(login_key key);
  // What the server said about him; empty if there is no such login.
  const login_state* login(unsigned number) const noexcept;

  bool is_open() const noexcept { return phase_ == phase::open; }
  bool has_failed() const noexcept { return phase_ == phase::failed; }
  const std::string& why() const noexcept { return why_; }  // it failed, or was last lost
  std::size_t unanswered() const noexcept { return calls_; }

  // What HELLO said; the run is empty for a server that does not know SFS_PROGRAM.
  const std::optional<std::array<std::uint8_t, SFS_RUNSIZE>>& run() const noexcept { return run_; }
  std::chrono::seconds lease() const noexcept { return lease_; }

  // See "Leases" above. count_change() is for changes that the session's user made himself.
  std::uint64_t changes() const noexcept { return changes_; }
  std::uint64_t count_change() noexcept { return ++changes_; }

 private:
  struct login_entry {
    login_key key;
    login_state state;      // on the present channel
    bool accepted = false;  // on some channel
  };
  using clock = timing::clock;
  enum class phase : std::uint8_t { idle, waiting, connecting, greeting, open, failed, ended };

  // session.cc: calls.
  void take(session_call c, reply_callback done);
  void pump_soon();
  void pump();
  bool window_is_open() const noexcept;
  bool login_is_settled(const pending_call& p) const noexcept;
  const std::string* refusal(const pending_call& p) const noexcept;
  void send_batch();
  std::uint32_t user_of(const pending_call& p) const noexcept;
  std::size_t write(pending_call& p, std::uint8_t* to);
  void answered(const rpc_reply& r);
  void settle(std::unique_ptr<pending_call> p, const call_reply& r);
  void look_into(std::unique_ptr<pending_call> p, const_bytes results);
  void ask_next(std::shared_ptr<doubtful_call> d);
  void fail_calls(const std::string& why);
  void fail_soon();
  std::uint32_t new_xid();

  // session_channel.cc: the connection.
  void connect();
  void channel_opened(const session_id& id);
  void channel_message(const_bytes message);
  void channel_ended(const channel_end& how);
  void from_server(const_bytes message);
  void invalidate(std::span<const const_bytes> files);
  void break_channel(const std::string& why);
  void forget_channel();
  void lose(const std::string& why);
  void fail(const std::string& why);
  void give_up();
  void stop_timers();
  void ring_after(clock::duration delay);
  void clock_rang();
  void watch_open_channel();

  // session_greeting.cc: HELLO and LOGIN.
  void greet();
  template <class Args>
  void send_greeting(std::size_t which, std::uint32_t procedure, bool_t (*routine)(XDR*, Args*),
                     Args& args);
  void greeting_answered(const rpc_reply& r);
  void hello_answered(const rpc_reply& r);
  void ask_login(unsigned number);
  void login_answered(login_entry& l, const rpc_reply& r);
  void opened();

  session_options options_;
  self_certifying_path server_;
  client_settings settings_;
  timing& time_;
  std::minstd_rand random_;

  // The connection.
  phase phase_ = phase::idle;
  async::ptr<async_channel> channel_;
  async::ptr<timing::timer> timer_;     // of the present phase
  async::ptr<timing::timer> patience_;  // give_up_after, while there is no connection
  async::ptr<timing::timer> silence_;   // slow_after, until it was open
  bool gave_up_ = false;
  unsigned failures_ = 0;  // in a row
  std::string why_;
  clock::time_point last_heard_{}, greeted_{};

  // What it has said.
  secret<SFS_CLIENTSIZE> client_;
  session_id id_{};
  std::uint32_t sequence_ = 0;                                // of the channel's last LOGIN
  std::unordered_map<std::uint32_t, std::size_t> greetings_;  // xid: 0 HELLO, else the login
  bool plain_ = false;  // a server that does not know SFS_PROGRAM
  std::optional<std::array<std::uint8_t, SFS_RUNSIZE>> run_;
  bool was_open_ = false;
  bool restarted_ = false;  // since it was open
  std::chrono::seconds lease_{};
  unsigned allowed_ = 1;  // calls under way, for this server
  unsigned window_ = 1;   // and as many as the connection seems to be good for
  std::uint64_t changes_ = 1;

  // Calls: `under_way_` and then `queued_` are in the order in which they were asked.
  std::vector<login_entry> logins_;
  pending_list under_way_, queued_;
  std::unordered_map<std::uint32_t, pending_call*> by_xid_;
  std::size_t calls_ = 0, queued_bytes_ = 0;
  bool was_full_ = false, pump_posted_ = false, fail_posted_ = false;
  std::uint32_t next_xid_ = 0;
};

}  // namespace sfs
