// See gateway.h.
#include "examples/sfsd/gateway/gateway.h"

#include <sys/socket.h>
#include <unistd.h>

#include "async/err.h"
#include "async/fd.h"
#include "async/main.h"
#include "async/timer.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/learn.h"
#include "examples/sfsd/gateway/peer_owner.h"
#include "mp/color.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

enum : std::uint32_t { protocol_version = 3 };
// Of MOUNT, answered here: the server keeps no list of who has mounted what.
enum : std::uint32_t { mountproc3_dump = 2, mountproc3_umntall = 4 };

const_bytes handle_alone(const_bytes arguments, std::size_t behind = 0) noexcept {
  if (arguments.size() < 4 + behind) return {};
  const std::size_t size = load_be32(arguments.data());
  if (size > NFS3_FHSIZE || arguments.size() != 4 + ((size + 3) & ~std::size_t{3}) + behind)
    return {};
  return arguments.subspan(4, size);
}

}  // namespace

gateway::gateway(const self_certifying_path& server, session_options session_with,
                 gateway_options options)
    : server_(server), options_(options), cache_(*options.time) {
  session_events& e = session_with.events;
  e.opened = async::wrap(this, &gateway::session_opened);
  e.silent = async::wrap(this, &gateway::session_silent);
  e.lost = async::wrap(this, &gateway::session_lost);
  e.failed = async::wrap(this, &gateway::session_failed);
  e.room = async::wrap(this, &gateway::session_has_room);
  e.invalidated = async::wrap(&cache_, &lease_cache::invalidate);
  session_with.time = options_.time;
  session_ = async::make_ref<session>(server, std::move(session_with));
}

gateway::~gateway() {
  while (!clients_.empty()) clients_.front().close();
  session_->end();
}

void gateway::begin(async::callback<void>::ref ready) {
  ready_ = std::move(ready);
  session_->begin();
}

// --- Clients ---

void gateway::accept_on(int listening_fd) {
  doors_.emplace_back(listening_fd, async::wrap(this, &gateway::accepted));
  if (!doors_.back()) accepted(-1);
}

void gateway::accepted(int fd) {
  if (fd < 0) return async::warn("accepting no more: %s", system_reason().c_str());
  fd_owner socket(fd);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size);
  const std::string name = text_of(address);
  const auto admitted = admit(fd);
  if (!admitted) return async::warn("%s: turned away: %s", name.c_str(), admitted.why().c_str());
  async::tcp_nodelay(fd);
  auto c = async::make_ref<local_client>(*this, socket.release(), name);
  clients_.push_back(*c);
  c->retain();
  c->begin();
}

// Whether the connection may be served; fails with why not.
outcome<std::string> gateway::admit(int fd) const {
  if (clients_.size() >= options_.max_clients) return failure{"there are too many"};
  if (options_.any_local_user) return std::string();
  const auto owner = owner_of_peer(fd);
  if (!owner) return owner.as_failure();
  if (*owner != 0 && *owner != ::geteuid())
    return failure{"it is of another user, " + std::to_string(*owner)};
  return std::string();
}

void gateway::forget(local_client& c) {
  if (!c.is_linked()) return;
  clients_.erase(clients_.iterator_to(c));
  // Not here: it is in the middle of something.
  async::post(async::color(), [held = async::mkref(&c)] {});
  c.release();
  became_quiet();
}

// --- Calls ---

void gateway::called(local_client& from, local_call call) {
  const rpc_call& h = call.header;
  const bool nfs = h.program == NFS_PROGRAM;
  if (!nfs && h.program != MOUNT_PROGRAM) return from.reply(h.xid, rpc_accept::prog_unavail);
  if (h.version != protocol_version) {
    std::uint8_t header[rpc_max_reply_header];
    return from.refuse(
        {header, accept_mismatch(header, h.xid, protocol_version, protocol_version)});
  }
  if (h.procedure == NFSPROC3_NULL) return from.reply(h.xid, rpc_accept::success);
  if (nfs) return nfs_called(from, std::move(call));
  mount_called(from, std::move(call));
}

void gateway::nfs_called(local_client& from, local_call call) {
  if (call.header.procedure > NFSPROC3_COMMIT)
    return from.reply(call.header.xid, rpc_accept::proc_unavail);
  if (!answer_from_cache(from, call)) forward(from, std::move(call));
}

void gateway::mount_called(local_client& from, local_call call) {
  static constexpr std::uint8_t empty_list[4] = {};
  switch (call.header.procedure) {
    case MOUNTPROC3_MNT:
    case MOUNTPROC3_EXPORT:
      return forward(from, std::move(call));
    case mountproc3_dump:
      return from.reply(call.header.xid, rpc_accept::success, empty_list);
    case MOUNTPROC3_UMNT:
    case mountproc3_umntall:
      return from.reply(call.header.xid, rpc_accept::success);
    default:
      return from.reply(call.header.xid, rpc_accept::proc_unavail);
  }
}

bool gateway::answer_from_cache(local_client& from, const local_call& call) {
  const const_bytes arguments = call.arguments;
  if (call.header.procedure == NFSPROC3_GETATTR) {
    const fattr3* a = cache_.find(handle_alone(arguments));
    if (!a) return false;
    GETATTR3res res{};
    res.GETATTR3res_u.obj_attributes = *a;
    from.reply(call.header.xid, rpc_accept::success, encoded(xdr_GETATTR3res, res));
    return true;
  }
  if (call.header.procedure != NFSPROC3_ACCESS) return false;
  const const_bytes handle = handle_alone(arguments, 4);
  if (handle.empty()) return false;
  const fattr3* a = cache_.find(handle);
  if (!a) return false;
  ACCESS3res res{};
  ACCESS3resok& ok = res.ACCESS3res_u.resok;
  ok.obj_attributes.attributes_follow = TRUE;
  ok.obj_attributes.post_op_attr_u.attributes = *a;
  const auto granted = cache_.find_access(handle, load_be32(&*(arguments.end() - 4)));
  if (!granted) return false;
  ok.access = *granted;
  from.reply(call.header.xid, rpc_accept::success, encoded(xdr_ACCESS3res, res));
  return true;
}

void gateway::forward(local_client& from, local_call call) {
  const rpc_call header = call.header;
  const unsigned user = session_->login(1) ? 1 : 0;
  const bool taken = session_->call(
      {header.program, header.procedure, std::move(call.arguments), std::move(call.data), user},
      async::wrap(this, &gateway::answered, async::mkref(&from), header));
  if (!taken) from.reply(header.xid, rpc_accept::system_err);  // takes_calls() was not asked
}

void gateway::answered(async::ref<local_client> to, rpc_call header, const call_reply& r) {
  if (header.program == NFS_PROGRAM) learn(cache_, *session_, header.procedure, r.arguments, r);
  if (r.what == call_reply::kind::results) {
    if (header.program == MOUNT_PROGRAM && header.procedure == MOUNTPROC3_MNT)
      mount_answered(r.results);
    return to->reply(header.xid, rpc_accept::success, r.results);
  }
  const bool refused = r.what == call_reply::kind::refused && !r.denied;
  to->reply(header.xid, refused ? r.status : rpc_accept::system_err);
}

// The client is told no more than that it may not; so we say why, once.
void gateway::mount_answered(const_bytes results) {
  if (results.size() < 4) return;
  const std::uint32_t status = load_be32(results.data());
  if (status != MNT3ERR_ACCES && status != MNT3ERR_PERM) return;
  const login_state* const user = session_->login(1);
  if ((user && user->user != 0) || std::exchange(told_refused_, true)) return;
  async::warn("%s: %s", server_.location.text.c_str(), options_.refused.c_str());
}

// --- The session ---

void gateway::session_opened() {
  const char* const where = server_.location.text.c_str();
  cache_.set_lease(session_->lease());
  if (const login_state* user = session_->login(1)) {
    if (!user->why.empty() && !connected_) async::fatal("%s: %s", where, user->why.c_str());
    if (!user->why.empty()) async::warn("%s: %s", where, user->why.c_str());
    if (user->why.empty() && user->user == 0)
      async::warn("%s: it knows no users; calls are anonymous", where);
  }
  if (connected_) async::warn("%s: connected again", where);
  connected_ = true;
  last_loss_.clear();
  if (const auto ready = std::exchange(ready_, nullptr)) (*ready)();
}

void gateway::session_silent() {
  if (last_loss_.empty())
    async::warn("%s does not answer; trying on", server_.location.text.c_str());
}

void gateway::session_lost(const std::string& why) {
  if (why == last_loss_) return;  // said already
  last_loss_ = why;
  async::warn("%s: %s; connecting anew", server_.location.text.c_str(), why.c_str());
}

void gateway::session_failed(const std::string& why) {
  if (!connected_) async::fatal("%s", why.c_str());
  async::warn("%s; every call fails from now on", why.c_str());
}

void gateway::session_has_room() {
  // Each may be closed, and go, while it goes on.
  std::vector<async::ref<local_client>> all;
  for (local_client& c : clients_) all.push_back(async::mkref(&c));
  for (const auto& c : all) c->go_on();
}

// --- The end ---

void gateway::end() {
  if (ending_) return stop_now();
  ending_ = true;
  doors_.clear();
  for (local_client& c : clients_) c.stop_taking();
  async::delaycb(options_.grace, async::wrap(this, &gateway::stop_now));
  became_quiet();
}

// Ends, if that is wanted and nothing is under way.
void gateway::became_quiet() {
  if (!ending_) return;
  for (const local_client& c : clients_)
    if (!c.is_quiet()) return;
  stop_now();
}

void gateway::stop_now() {
  if (std::exchange(stopped_, true)) return;
  while (!clients_.empty()) clients_.front().close();
  session_->end();
  async::stop();
}

}  // namespace sfs
