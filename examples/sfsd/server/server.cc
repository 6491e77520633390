// See server.h.
#include "examples/sfsd/server/server.h"

#include <unistd.h>

#include <cerrno>

#include "async/err.h"
#include "async/fd.h"
#include "async/main.h"
#include "examples/sfsd/base/fd.h"
#include "mp/color.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

constexpr std::chrono::seconds sweep_interval{1};
constexpr std::chrono::seconds memory_kept_for{1};

}  // namespace

server::server(export_tree& tree, const server_settings& settings, parallel steps,
               const server_limits& limits, bool verbose)
    : nfs_(tree), settings_(settings), steps_(steps), limits_(limits), verbose_(verbose) {
  sweep_timer_ = async::delaycb(sweep_interval, async::wrap(this, &server::sweep));
}

server::~server() {
  async::timecb_remove(sweep_timer_);
  connections_.clear_and_dispose([](connection* c) { c->release(); });
}

void server::accept_on(int listening_fd) {
  door_ = async::acceptor(listening_fd, async::wrap(this, &server::accepted));
  if (!door_) accepted(-1);
}

void server::accepted(int fd) {
  if (fd < 0) return async::warn("accepting no more: %s", system_reason().c_str());
  if (connections_.size() >= limits_.max_clients) {
    note_drop("there are too many");
    ::close(fd);
    return;
  }
  async::tcp_nodelay(fd);
  auto c = async::make_ref<connection>(*this, fd, steps_, settings_, nfs_);
  connections_.push_back(*c);
  c->retain();
  async::post(c->io_color(), [c] { c->begin(); });  // [io]
}

void server::note_drop(const char* why) const {
  if (verbose_) async::warn("dropped a client: %s", why);
}

void server::forget(const async::ref<connection>& c) {
  async::post(async::color(), [this, c] { forgotten(*c); });  // [io]
}

void server::forgotten(connection& c) {
  if (!c.is_linked()) return;
  connections_.erase(connections_.iterator_to(c));
  c.release();
  if (ending_ && connections_.empty()) async::stop();
}

void server::sweep() {
  const auto now = connection::clock::now();
  for (connection& c : connections_) {
    if (c.overdue(now, limits_))
      async::post(c.io_color(),
                  [c = async::mkref(&c)] { c->drop("silent for too long"); });  // [io]
    else if (c.fell_silent(last_sweep_, now, memory_kept_for))
      async::post(c.io_color(), [c = async::mkref(&c)] { c->rest(); });  // [io]
  }
  last_sweep_ = now;
  sweep_timer_ = async::delaycb(sweep_interval, async::wrap(this, &server::sweep));
}

void server::end() {
  if (ending_ || connections_.empty()) return async::stop();
  ending_ = true;
  door_ = async::acceptor();
  for (connection& c : connections_)
    async::post(c.io_color(), [c = async::mkref(&c)] { c->end_soon(); });  // [io]
  async::delaycb(limits_.grace, async::wrap([] { async::stop(); }));
}

}  // namespace sfs
