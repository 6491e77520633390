// See server.h.
#include "examples/sfsd/server/server.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "async/err.h"
#include "async/fd.h"
#include "async/main.h"
#include "examples/sfsd/base/address.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/openssl.h"
#include "mp/color.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

constexpr std::chrono::seconds sweep_interval{1};
constexpr std::chrono::seconds memory_kept_for{1};
// Longer than a client takes to notice that a connection has broken: what his machine, or one
// between us, has acknowledged he may not have got.
constexpr std::chrono::seconds replies_kept_for{60};
constexpr std::chrono::seconds users_checked_every{60};

}  // namespace

server::server(export_tree& tree, const server_settings& settings, parallel steps,
               const server_limits& limits, bool verbose)
    : nfs_(tree),
      leases_(limits.lease),
      sessions_(limits.max_clients),
      files_kept_open_(static_cast<std::ptrdiff_t>(limits.files_kept_open)),
      settings_(settings),
      steps_(steps),
      limits_(limits),
      verbose_(verbose),
      // A connection has one call there at most.
      pool_({.threads = limits.disk_threads, .waiting = limits.max_clients}) {
  fill_randomly({reinterpret_cast<std::uint8_t*>(run_.data()), run_.size()});
  sweep_timer_ = async::delaycb(sweep_interval, async::wrap(this, &server::sweep));
}

server::~server() {
  async::timecb_remove(sweep_timer_);
  connections_.clear_and_dispose([this](connection* c) {
    leases_.leave(*c);
    c->release();
  });
}

void server::accept_on(int listening_fd) {
  door_ = async::acceptor(listening_fd, async::wrap(this, &server::accepted));
  if (!door_) accepted(-1);
}

void server::accepted(int fd) {
  if (fd >= 0) metrics::add(metrics::mine().connections, 1);
  if (fd < 0) return async::warn("accepting no more: %s", system_reason().c_str());
  if (connections_.size() >= limits_.max_clients) {
    metrics::add(metrics::mine().turned_away, 1);
    if (verbose_)
      async::warn("%s: turned away: there are too many clients", peer_address(fd).c_str());
    ::close(fd);
    return;
  }
  async::tcp_nodelay(fd);
  auto c = async::make_ref<connection>(*this, fd, peer_address(fd), ++last_number_);
  connections_.push_back(*c);
  c->retain();
  async::post(c->io_color(), [c] { c->begin(); });  // [io]
}

void server::note_drop(const connection& c, const char* why) const {
  metrics::add(metrics::mine().drops, 1);
  if (verbose_) async::warn("%s: dropped: %s", c.name().c_str(), why);
}

void server::note_login(const connection& c, const principal& who) const {
  metrics::add(metrics::mine().logins, 1);
  if (verbose_) async::warn("%s: logged in as %s", c.name().c_str(), who.account.name.c_str());
}

void server::note_refused_login(const connection& c) const {
  metrics::add(metrics::mine().refused_logins, 1);
  if (verbose_) async::warn("%s: a login was refused", c.name().c_str());
}

void server::give_back(const client_number& client, connection_number who,
                       std::unique_ptr<client_session> s) {
  // Shared, because what is posted may have to be copied.
  const auto held = std::make_shared<std::unique_ptr<client_session>>(std::move(s));
  async::post(async::color(),
              [this, client, who, held] { sessions_.give_back(client, who, std::move(*held)); });
}

void server::claim_session(const client_number& client, connection_number who,
                           session_table::taker take) {
  for (const connection_number other : sessions_.claim(client, who, std::move(take)))
    for (connection& c : connections_)
      if (c.number() == other)
        async::post(c.io_color(), [c = async::mkref(&c)] {
          c->drop("the client came back on another channel");
        });  // [io]
}

bool server::proves(const LOGINargs& login, const session_id& session) const {
  ed25519_public key;
  ed25519_signature signature;
  std::copy_n(login.key, key.size(), key.begin());
  std::copy_n(login.signature, signature.size(), signature.begin());
  return verify_login(key, {settings_.location(), settings_.id(), session, login.sequence},
                      signature);
}

// Null if nobody may log in with the key now.
std::shared_ptr<const user> server::account_of(const ed25519_public& key) const {
  return users_ ? users_->find(key, std::chrono::system_clock::now()).who : nullptr;
}

async::ptr<const principal> server::find_user(const ed25519_public& key) {
  const auto account = account_of(key);
  if (!account) return nullptr;
  return async::make_ref<principal>(*account);
}

void server::use_users(std::shared_ptr<const user_table> users) {
  users_ = std::move(users);
  check_users();
}

// Drops the clients of users who may not log in any more, or who have become others: they may log
// in again as what they are now.
void server::check_users() {
  for (connection& c : connections_)
    for (const connection::login& l : c.logged_in())
      if (const auto now = account_of(l.key); !now || *now != l.who->account)
        async::post(c.io_color(), [c = async::mkref(&c)] {
          c->drop("one of its users may not log in any more, or is another now");
        });  // [io]
}

unsigned server::lease_seconds() const noexcept {
  return static_cast<unsigned>(limits_.lease.count());
}

void server::run_number(char to[SFS_RUNSIZE]) const noexcept {
  std::copy(run_.begin(), run_.end(), to);
}

void server::forget(const async::ref<connection>& c) {
  async::post(async::color(), [this, c] { forgotten(*c); });  // [io]
}

void server::forgotten(connection& c) {
  if (!c.is_linked()) return;
  connections_.erase(connections_.iterator_to(c));
  leases_.leave(c);
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
    else if (c.fell_silent(last_sweep_, now, replies_kept_for))
      async::post(c.io_color(), [c = async::mkref(&c)] { c->forget_replies(); });  // [io]
  }
  last_sweep_ = now;
  if (now - last_check_ >= users_checked_every) {  // a key may have expired
    last_check_ = now;
    check_users();
  }
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
