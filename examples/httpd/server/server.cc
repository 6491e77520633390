// See server.h.
#include "examples/httpd/server/server.h"

#include <utility>

#include "async/main.h"
#include "examples/httpd/http/date.h"
#include "wrap/wrap.h"

namespace httpd {
namespace {

constexpr std::chrono::seconds sweep_interval{1};

// What a client of TLS does not take is queued, encrypted or not, as there it can't be dropped and
// read again: so it has to be little. The next piece of a file is read when all is written.
async::ref<const async::aios_options> options_of(const server_limits& limits) {
  auto o = async::make_ref<async::aios_options>();
  o->handshake_limit = limits.request;
  o->write_limit = limits.write;
  o->high = 32 * 1024;
  o->low = 0;
  return o;
}

}  // namespace

server::server(const loader& files, const server_limits& limits, parallel steps,
               std::string log_path)
    : limits_(limits),
      stream_options_(options_of(limits)),
      pool_(async::blocking_limits{.threads = limits.disk_threads}),
      cache_(files, *pool_, color_of_table(steps), limits.cache_bytes,  // [all]
             limits.cache_files),
      log_(std::move(log_path), *pool_, color_of_table(steps)),  // [all]
      door_({.connections = limits.max_clients,
             .per_address = limits.per_address,
             .own_colors = colors_connections(steps)},  // [connections]
            async::wrap(this, &server::arrived)) {
  sweep_timer_ = async::delaycb(sweep_interval, async::wrap(this, &server::sweep));
}

server::~server() {
  async::timecb_remove(sweep_timer_);
  connections_.clear_and_dispose([](connection* c) { c->release(); });
  pool_.reset();
  log_.flush_and_wait();
}

std::error_code server::listen(int listening_fd, async::ptr<async::tls_context> tls) {
  tls_.push_back(std::move(tls));
  return door_.listen(listening_fd);
}

// Under the connection's color.
void server::arrived(async::incoming from) {
  const auto c = async::make_ref<connection>(*this, from);
  async::post(async::color(), [this, c] {  // [connections]
    c->retain();
    connections_.push_back(*c);
  });
  c->begin();
}

// Posted behind the post of arrived().
void server::forget(const async::ref<connection>& c) {
  async::post(async::color(), [this, c] {  // [connections]
    connections_.erase(connections_.iterator_to(*c));
    c->release();
  });
}

void server::sweep() {
  const std::uint32_t now = now_steady();
  for (connection& c : connections_)
    if (c.overdue(now, limits_))
      async::post(c.color(), [c = async::mkref(&c)] { c->drop(); });  // [connections]
  sweep_timer_ = async::delaycb(sweep_interval, async::wrap(this, &server::sweep));
}

void server::end() {
  door_.drain(limits_.grace, async::wrap([](std::size_t) { async::stop(); }));
}

}  // namespace httpd
