// See calls.h.
#include "examples/sfsd/mount/calls.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "examples/sfsd/mount/errors.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

nfsstat3 status_in(const_bytes results) noexcept {
  return results.size() < 4 ? NFS3ERR_SERVERFAULT
                            : static_cast<nfsstat3>(load_be32(results.data()));
}

}  // namespace

nfs_calls::~nfs_calls() = default;

int nfs_calls::status_errno(const_bytes results) noexcept { return errno_of(status_in(results)); }

int nfs_calls::errno_without_results(const call_reply& r) const noexcept {
  return session_.has_failed() ? EIO : errno_of(r);
}

void nfs_calls::make_raw(std::uint32_t procedure, files_named files,
                         std::function<std::vector<std::uint8_t>()> arguments,
                         std::function<async::suio()> data, raw_done done) {
  auto c = std::make_shared<call>();
  c->procedure = procedure;
  c->files = std::move(files);
  c->arguments = std::move(arguments);
  c->data = std::move(data);
  c->done = std::move(done);
  start(std::move(c));
}

void nfs_calls::settle(call& c, const call_reply& r) {
  c.done(r);
  if (when_holds_ && holds_()) std::exchange(when_holds_, nullptr)();
}

void nfs_calls::when(std::function<bool()> holds, std::function<void()> done) {
  if (holds()) return done();
  holds_ = std::move(holds);
  when_holds_ = std::move(done);
}

// Calls are sent in the order in which they were made: those that wait for room go first.
void nfs_calls::start(std::shared_ptr<call> c) {
  if (!waiting_.empty() || session_.full()) return waiting_.push_back(std::move(c));
  send(std::move(c));
}

void nfs_calls::room() {
  while (!waiting_.empty() && !session_.full()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    send(std::move(next));
  }
}

void nfs_calls::send(std::shared_ptr<call> c) {
  session_call s{NFS_PROGRAM, c->procedure, c->arguments(), {}, login_};
  if (c->data) s.data = c->data();
  const bool taken =
      session_.call(std::move(s), async::wrap([this, c](const call_reply& r) { answered(c, r); }));
  if (!taken) waiting_.push_back(std::move(c));
}

void nfs_calls::answered(std::shared_ptr<call> c, const call_reply& r) {
  const bool has_status = r.what == call_reply::kind::results;
  const nfsstat3 status = has_status ? status_in(r.results) : NFS3_OK;
  if (status == NFS3ERR_JUKEBOX) {
    const std::chrono::milliseconds pause(100 << std::min(c->delays++, 6u));
    inodes_.time().after(pause, async::wrap([this, c] { start(c); }));
    return;
  }
  if ((status == NFS3ERR_STALE || status == NFS3ERR_BADHANDLE) && may_revive(*c)) {
    c->revived = true;
    std::vector<std::uint8_t> kept(r.results.begin(), r.results.end());
    return reviver_(c->files, [this, c, kept, token = r.token](bool changed) {
      if (changed) return start(c);
      call_reply same{.what = call_reply::kind::results, .results = kept, .token = token};
      settle(*c, same);
    });
  }
  settle(*c, r);
}

// Only handles that an earlier run of the server gave out may have lost their meaning.
bool nfs_calls::may_revive(const call& c) const noexcept {
  return reviver_ && !c.revived &&
         std::any_of(c.files.begin(), c.files.end(),
                     [this](const auto& i) { return i->run != inodes_.run(); });
}

}  // namespace sfs
