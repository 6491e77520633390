// One client: its socket, and its requests one after the other. Serves stages 5 and 6.
//
//     readable -> serve -> (found) -> send -> (send_file) -> sent -> idle, or the next request
//
// All of it is under the connection's own color. Requests that came together are served together,
// and their replies leave with one write. A reply waits for nothing but the socket if the file is
// in the cache; else the request stays where it is, unread, and is served again when the file has
// been found.
//
// Memory: a connection that waits for a request is this object, a color and a watched descriptor,
// and no more. Bytes are read into memory of the thread (bench.h). What a client has while it is
// busy is its `work`: a request that is not whole, or replies that the socket does not take. Of a
// large file nothing is kept: what the socket did not take is read again.
//
// Back-pressure: a client whose replies are not taken is not read from, so that it has at most
// what was sent with its last reading: max_queued, and one reply.
//
// Thread safety: begin() and drop() are called under the color of the connection by the server;
// overdue() may be called from any thread; all that is private belongs to the color.
// Invariants: the socket is closed exactly once. While something is loading or being sent, no
// further request is served.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/aios.h"
#include "async/server.h"
#include "examples/httpd/files/loader.h"
#include "examples/httpd/http/request.h"
#include "examples/httpd/server/access_log.h"
#include "examples/httpd/server/reply.h"
#include "mp/color.h"
#include "suio/suio.h"
#include "wrap/callback.h"

namespace httpd {

class server;
struct server_limits;

// A connection is its own callback for bytes that have come: one that wrap makes would be a sixth
// of what an idle client costs.
class connection final : public async::callback<void>, public boost::intrusive::list_base_hook<> {
 public:
  connection(server& owner, async::incoming& from);
  ~connection();

  // Starts to listen to the client.
  void begin();

  // Closes the socket now; what the kernel has of a last reply is still sent. Does nothing if it is
  // closed.
  void drop();

  // Whether it has been longer in its present phase than the limits allow.
  bool overdue(std::uint32_t now, const server_limits& limits) const noexcept;

  const async::color& color() const noexcept { return slot_.its_color(); }  // [connections]

 private:
  void operator()() override { readable(); }
  const void* color_tag() const noexcept override { return color().state(); }  // [connections]

  // In the last but one nobody is to be hurried: we are, or the stream looks after the time.
  enum class phase : std::uint8_t { idle, request, sending, waiting, parting };

  // A large file on its way.
  struct transfer {
    reply what;
    log_line line;
    std::size_t part = 0;
    bool part_begun = false;  // its text is on its way
    std::uint64_t at = 0;     // bytes of the part that were sent
    std::uint64_t sent = 0;   // of all
  };
  struct work {
    std::string unread;           // bytes that have come and are not served yet
    bool incomplete = false;      // they are less than a request
    std::uint64_t to_skip = 0;    // of the body of a request that was served
    std::optional<loaded> found;  // what the first of the unread requests asks for
    async::suio out;
    std::optional<transfer> file;
    bool is_over() const noexcept {
      return unread.empty() && to_skip == 0 && !found && out.empty() && !file;
    }
  };

  enum class progress : std::uint8_t { done, blocked, loading, closed };

  // connection_socket.cc: the socket, with TLS or without.
  void begin_tls();
  void watch_for_input(bool yes);
  void watch_for_room(bool yes);
  void tls_input(async::aios_read& bytes);
  void tls_room(std::error_code error);
  void tls_written(std::error_code error);
  progress output(async::suio& out);
  std::size_t most_at_once() const noexcept;
  void shut_output();
  void close_socket(bool politely);

  // connection.cc: from bytes that come to replies that leave.
  void end_soon();
  void readable();
  void writable();
  void receive();
  void discard();
  void send(async::suio& out);
  void sent();
  void part();
  void close_now(bool politely = true);
  void leave();
  void enter(phase p) noexcept;
  bool is_in(phase p) const noexcept;
  work& busy();

  // connection_requests.cc: what is asked for.
  void serve(std::string_view input);
  void serve_unread();
  std::size_t serve_one(std::string_view input, async::suio& out);
  std::size_t refuse(request& r, unsigned status, std::size_t bytes, async::suio& out);
  bool look_up(std::string_view path, loaded& result);
  void found(loaded result);
  std::string_view peer();

  // connection_files.cc: large files.
  struct piece;
  progress send_file();
  progress send_piece(std::uint64_t offset, std::size_t bytes);
  progress load_piece(std::uint64_t offset, std::size_t bytes);
  void piece_loaded(const async::ref<piece>& p, async::io_result result);
  progress pass_on(const char* bytes, std::size_t n, async::ptr<piece> kept);
  void end_transfer();

  // With what is inherited, 128 bytes.
  server& server_;
  async::connection_slot slot_;
  async::ptr<async::aios> tls_;  // then the socket belongs to it
  std::unique_ptr<work> work_;
  // When the phase began, or its last byte was sent, in seconds modulo 2^24; and the phase, in the
  // low byte.
  std::atomic<std::uint32_t> since_;
  const int fd_ : 24;  // Linux allows a process 2^20 unless it is told otherwise
  bool is_tls_ : 1;
  bool reading_ : 1 = false;
  bool writing_ : 1 = false;
  bool loading_ : 1 = false;   // what the first unread request asks for, or a piece of a file
  bool ending_ : 1 = false;    // the present request is the last
  bool closing_ : 1 = false;   // no further request is served
  bool draining_ : 1 = false;  // and bytes may come that nobody wants
  bool closed_ : 1 = false;
};

}  // namespace httpd
