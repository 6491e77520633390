// The server: lets clients in, ends those that are too slow, and owns what they share. Serves
// stages 1 to 3.
//
// Thread safety: the default color, or no callback at all, except where it says so.
// Invariant: every connection that is not closed is in the list, or about to be.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "async/blocking.h"
#include "async/server.h"
#include "async/timer.h"
#include "async/tls.h"
#include "examples/httpd/files/loader.h"
#include "examples/httpd/files/page_cache.h"
#include "examples/httpd/server/access_log.h"
#include "examples/httpd/server/coloring.h"
#include "examples/httpd/server/connection.h"

namespace httpd {

struct server_limits {
  std::size_t max_clients = 16384;
  std::size_t per_address = 0;          // of max_clients; 0: no limit
  std::chrono::seconds request{20};     // from a request's first byte to its last
  std::chrono::seconds keep_alive{75};  // without a request
  std::chrono::seconds write{60};       // without a byte that the client took
  std::chrono::seconds parting{5};      // for the client to end a connection that we have ended
  std::chrono::seconds grace{10};       // from SIGTERM to the end, whatever clients are doing
  std::size_t cache_bytes = 64 << 20;
  std::size_t cache_files = 8192;
  unsigned disk_threads = 16;
};

class server {
 public:
  // `files` must outlive the server.
  server(const loader& files, const server_limits& limits, parallel steps, std::string log_path);
  ~server();

  // Takes over a listening socket; with TLS, if there is a context.
  std::error_code listen(int listening_fd, async::ptr<async::tls_context> tls = nullptr);

  // Stops accepting, lets clients' present requests finish, and then stops the runtime. A second
  // call stops it at once.
  void end();

  // For connections; any thread.
  page_cache& cache() noexcept { return cache_; }
  access_log& log() noexcept { return log_; }
  bool speaks_tls(std::size_t door) const noexcept { return static_cast<bool>(tls_[door]); }
  const async::ptr<async::tls_context>& tls() const noexcept { return tls_.back(); }
  const async::ref<const async::aios_options>& stream_options() const noexcept {
    return stream_options_;
  }
  // The connection is closed.
  void forget(const async::ref<connection>& c);

 private:
  void arrived(async::incoming from);
  void sweep();

  const server_limits limits_;
  std::vector<async::ptr<async::tls_context>> tls_;  // of each listening socket, or null
  const async::ref<const async::aios_options> stream_options_;
  std::optional<async::blocking_pool> pool_;
  page_cache cache_;
  access_log log_;
  async::server door_;
  async::timecb_t sweep_timer_;
  boost::intrusive::list<connection> connections_;  // each is held by a count
};

}  // namespace httpd
