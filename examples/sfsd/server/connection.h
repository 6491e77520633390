// One client: its socket, its channel, its requests. Serves stages 5 and 6.
//
// A connection works in rounds. A round begins when the socket is readable and ends when everything
// that it produced has been written; it passes from step to step, each under the color that
// coloring.h gives to such work:
//
//     readable        io       receive
//     open_records    crypto   open the records, cut them into calls (at most max_batch)
//     serve           files    carry the calls out, one after the other
//     serve_at_tables tables   (only for a call that needs what all clients share)
//     serve_slowly    none     (only for a call that waits for a disk: a thread for that has it)
//     settle_leases   tables   (only if somebody wants to know what was changed or shown)
//     seal_replies    crypto   seal the replies in place
//     send            io       write them; when the socket is full, wait and go on
//
// So one round's memory bounds a client's, a client who does not read his replies gets no more, and
// nothing but the round is ever working on the fields that belong to it. Where two steps have the
// same color the next one is a plain call; else it is posted, and posting orders what the steps
// did. What the server has to tell the client by itself (a lease has ended) is sent between rounds.
//
// Thread safety: everything private is guarded by the round, or by the io color where it says so.
// begin(), end_soon(), drop(), rest(), forget_replies() and tell() are posted to the io color by
// the server; overdue(), fell_silent(), name() and number() may be called from any.
//
// Invariants: at most one round at a time (busy_); the socket is closed exactly once, under io.
#pragma once

#include <array>
#include <atomic>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "examples/sfsd/channel/handshake.h"
#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/channel/record.h"
#include "examples/sfsd/nfs/recent_files.h"
#include "examples/sfsd/nfs/service.h"
#include "examples/sfsd/server/coloring.h"  // [crypto]
#include "examples/sfsd/server/leases.h"
#include "examples/sfsd/server/logins.h"
#include "examples/sfsd/server/metrics.h"
#include "examples/sfsd/server/sessions.h"
#include "examples/sfsd/users/login.h"
#include "suio/suio.h"
#include "wrap/refcnt.h"

namespace sfs {

class server;
struct server_limits;

class connection final : public async::refcount,
                         public boost::intrusive::list_base_hook<>,
                         public lease_table::holder {
 public:
  using clock = std::chrono::steady_clock;

  // Takes over the fd, which must be non-blocking. `name` is the client's address, for the log.
  connection(server& owner, int fd, std::string name, connection_number number);
  ~connection();

  const std::string& name() const noexcept { return name_; }
  connection_number number() const noexcept { return number_; }

  // Starts to listen to the client.
  void begin();

  // Says goodbye to the client when the present round is over: io color.
  void end_soon();

  // Closes the socket now: io color. Does nothing if it is closed.
  void drop(const char* why);

  // Whether it has been longer than the limits allow in its present phase; when that is the one in
  // which it is served, without a byte coming or going. Any thread.
  bool overdue(clock::time_point now, const server_limits& limits) const noexcept;

  // Whether it fell silent for so long between these two times. Any thread.
  bool fell_silent(clock::time_point after, clock::time_point until,
                   clock::duration silence) const noexcept;

  // Gives back the memory that only a busy client needs: io color.
  void rest() noexcept;

  // Forgets replies that the client must have, since he has been silent for so long: io color.
  void forget_replies() noexcept;

  // Tells the client that attributes of these files are no longer to be trusted: io color.
  void tell(const std::vector<sealed_handle>& files);

  // The users that are logged in: the color of the tables.
  struct login {
    std::uint32_t number;
    ed25519_public key;
    async::ref<const principal> who;
  };
  const std::vector<login>& logged_in() const noexcept { return logged_in_; }

  const async::color& io_color() const noexcept { return colors_.io; }  // [io]

 private:
  using step = void (connection::*)();
  enum class after_round : std::uint8_t { wait, go_on, close };
  enum class phase : std::uint8_t { handshake, open, parting };

  work_kind kind_of(const async::color& c) const noexcept;
  // A trace shows a step at the `site` that passed on to it.
  void run(const async::color& c, step next, async::where site = async::where::current());
  void post(const async::color& c, step next, async::where site = async::where::current());

  // connection.cc: the io color.
  void readable();
  void send();
  void end_round();
  void watch_for_input();
  void part();
  void close_now();
  bool has_news();
  void note_activity() noexcept;
  void restart_clock() noexcept;
  void enter(phase next) noexcept;
  // Everything is said, and only the client's end of file is awaited.
  bool is_parting() const noexcept {
    return phase_.load(std::memory_order_relaxed) == phase::parting;
  }

  // connection_steps.cc: the crypto color.
  void shake_hands();
  void open_records();
  bool take_call();
  void seal_replies();
  void seal_news();
  void seal_goodbye();
  void seal_and_queue(reply r);
  void make_room(std::size_t payload);
  void fail_round(const char* why);

  // connection_calls.cc: the files color, and that of the tables.
  void serve();
  void serve_at_tables();
  void hand_to_pool();
  void serve_slowly();
  void settle_leases();
  enum class served : std::uint8_t { done, at_tables, slowly };
  served serve_data(const classified& c, bool at_tables, patience p);
  reply answer(const rpc_call& call);
  void serve_channel(const rpc_call& call);
  void hello(const rpc_call& call);
  void greet();
  void greeted(std::unique_ptr<client_session> s, bool resumed);
  void log_in(const rpc_call& call);
  void look_up_user();
  void log_out();
  template <class Result>
  void reply_with(bool_t (*routine)(XDR*, Result*), Result& result);
  void leases_ended(std::span<const sealed_handle> files) override;
  async::ptr<const principal> user_of(std::uint32_t number) const;
  client_session& session();

  server& server_;
  coloring colors_;  // [crypto]
  service& nfs_;
  const int fd_;

  const std::string name_;
  const connection_number number_;

  // Guarded by the io color.
  bool busy_ = false, reading_ = false, writing_ = false, closed_ = false, ending_ = false;
  std::vector<sealed_handle> to_tell_;
  bool tell_all_ = false;

  // Guarded by the color of the tables.
  std::vector<login> logged_in_;

  // Guarded by the round.
  inbox inbox_;
  std::optional<handshake> handshake_;
  std::optional<sender> sender_;
  block_pool pool_;
  recent_files files_;  // also: the files color
  std::vector<classified> batch_;
  std::size_t next_ = 0;  // the call of the batch that is being served
  std::vector<reply> replies_;
  async::suio out_;
  after_round after_ = after_round::wait;
  const char* failure_ = nullptr;
  std::vector<sealed_handle> news_;
  session_id session_id_{};
  logins logins_;
  ed25519_public login_key_{};  // of the LOGIN that is being served
  bool proved_ = false;         // that its sender has the private half
  std::unique_ptr<client_session> session_;
  std::optional<client_number> client_;  // what HELLO said
  bool spoken_ = false;                  // a call was answered: it is too late for HELLO
  bool leased_ = false;
  lease_notes notes_;
  std::uint64_t last_change_ = 0;  // when the batch began
  clock::time_point batch_began_;
  round_meter meter_;

  // Read by overdue().
  std::atomic<clock::rep> last_active_;  // while open; else when the phase began
  std::atomic<phase> phase_{phase::handshake};
};

}  // namespace sfs
