// One client: its socket, its channel, its requests. Serves stages 5 and 6.
//
// A connection works in rounds. A round begins when the socket is readable and ends when everything
// that it produced has been written; it passes from step to step, each under the color that
// coloring.h gives to such work:
//
//     readable        io       receive
//     open_records    crypto   open the records, cut them into calls (at most max_batch)
//     read_files      files    READs: read the file into the reply
//     open_files      tables   (only for a READ of a file that this client has not just read)
//     answer          tables   any other call
//     seal_replies    crypto   seal the replies in place
//     send            io       write them; when the socket is full, wait and go on
//
// So one round's memory bounds a client's, a client who does not read his replies gets no more, and
// nothing but the round is ever working on the fields that belong to it. Where two steps have the
// same color the next one is a plain call; else it is posted, and posting orders what the steps
// did.
//
// Thread safety: everything private is guarded by the round, or by the io color where it says so.
// begin(), end_soon(), drop() and rest() are posted to the io color by the server; overdue() and
// fell_silent() may be called from any.
// Invariants: at most one round at a time (busy_); the socket is closed exactly once, under io.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "examples/sfsd/channel/handshake.h"
#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/channel/record.h"
#include "examples/sfsd/nfs/service.h"
#include "examples/sfsd/server/coloring.h"  // [crypto]
#include "examples/sfsd/server/recent_files.h"
#include "suio/suio.h"
#include "wrap/refcnt.h"

namespace sfs {

class server;
struct server_limits;

class connection final : public async::refcount, public boost::intrusive::list_base_hook<> {
 public:
  using clock = std::chrono::steady_clock;

  // Takes over the fd, which must be non-blocking.
  connection(server& owner, int fd, parallel steps, const server_settings& settings, service& nfs);
  ~connection();

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

  const async::color& io_color() const noexcept { return colors_.io; }  // [io]

 private:
  using step = void (connection::*)();
  enum class after_round : std::uint8_t { wait, go_on, close };
  enum class phase : std::uint8_t { handshake, open, parting };

  void run(const async::color& c, step next);
  void post(const async::color& c, step next);

  // connection.cc: the io color.
  void readable();
  void send();
  void end_round();
  void watch_for_input();
  void part();
  void close_now();
  void note_activity() noexcept;
  void restart_clock() noexcept;
  void enter(phase next) noexcept;
  // Everything is said, and only the client's end of file is awaited.
  bool is_parting() const noexcept {
    return phase_.load(std::memory_order_relaxed) == phase::parting;
  }

  // connection_steps.cc: the other colors.
  void shake_hands();
  void open_records();
  bool take_call();
  void read_files();
  void open_files();
  void answer();
  void seal_replies();
  void seal_goodbye();
  void seal_and_queue(reply r);
  void queue_ratchet();
  void fail_round(const char* why);

  server& server_;
  coloring colors_;  // [crypto]
  service& nfs_;
  const int fd_;

  // Guarded by the io color.
  bool busy_ = false, reading_ = false, writing_ = false, closed_ = false, ending_ = false;

  // Guarded by the round.
  inbox inbox_;
  std::optional<handshake> handshake_;
  std::optional<sender> sender_;
  block_pool pool_;
  recent_files files_;             // also: the files color
  std::vector<classified> batch_;  // READs, and behind them perhaps one other call
  std::size_t next_read_ = 0;      // the READ of the batch that read_files is at
  std::vector<reply> replies_;
  async::suio out_;
  after_round after_ = after_round::wait;
  const char* failure_ = nullptr;

  // Read by overdue().
  std::atomic<clock::rep> last_active_;  // while open; else when the phase began
  std::atomic<phase> phase_{phase::handshake};
};

}  // namespace sfs
