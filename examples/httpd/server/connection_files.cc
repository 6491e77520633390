// See connection.h: large files, which are read piece by piece as the socket takes them.
//
// What lies in the kernel's memory is read at once (RWF_NOWAIT); what does not is read by
// async/file.h, and comes back as a callback. What the socket did not take is dropped and read
// again when there is room: a client that does not read costs no memory here.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "async/file.h"
#include "examples/httpd/server/bench.h"
#include "examples/httpd/server/connection.h"
#include "examples/httpd/server/server.h"
#include "wrap/wrap.h"

namespace httpd {
namespace {

constexpr std::uint64_t turn = 1 << 20;  // bytes, before other clients have their turn

}  // namespace

connection::progress connection::send_file() {
  transfer& f = *work_->file;
  const std::uint64_t enough = f.sent + turn;
  for (; f.part < f.what.parts.size(); ++f.part, f.part_begun = false, f.at = 0) {
    const file_part& p = f.what.parts[f.part];
    if (!std::exchange(f.part_begun, true)) work_->out.copy(p.before);
    if (const progress q = output(work_->out); q != progress::done) return q;
    while (f.at < p.end - p.begin) {
      if (f.sent >= enough) return progress::blocked;
      const std::uint64_t left = p.end - p.begin - f.at;
      const std::size_t piece = std::min<std::uint64_t>(left, most_at_once());
      if (const progress q = send_piece(p.begin + f.at, piece); q != progress::done) return q;
    }
  }
  work_->out.copy(std::exchange(f.what.after, {}));
  if (const progress q = output(work_->out); q != progress::done) return q;
  end_transfer();
  return progress::done;
}

// A piece of a file that stays where it is while somebody needs it: a stream that has not encrypted
// it yet, or who reads it, whatever becomes of the connection.
struct connection::piece : async::refcount {
  piece(async::ptr<const resource> file, std::size_t size)
      : owner(std::move(file)), bytes(std::make_unique_for_overwrite<char[]>(size)) {}
  const async::ptr<const resource> owner;
  const std::unique_ptr<char[]> bytes;
};

connection::progress connection::send_piece(std::uint64_t offset, std::size_t bytes) {
  async::ptr<piece> kept;
  if (tls_) kept = async::make_ref<piece>(nullptr, bytes);
  const iovec space{kept ? kept->bytes.get() : bench::mine().piece.data(), bytes};
  const ssize_t n =
      ::preadv2(work_->file->what.from->file(), &space, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  if (n > 0) {
    return pass_on(static_cast<const char*>(space.iov_base), static_cast<std::size_t>(n),
                   std::move(kept));
  }
  if (n < 0 && (errno == EAGAIN || errno == EOPNOTSUPP || errno == EINTR))
    return load_piece(offset, bytes);
  close_now();  // the file was cut, or can't be read: the client sees that bytes are missing
  return progress::closed;
}

// Bytes of `kept`, or if that is null of this thread's. done: the socket took all of it.
connection::progress connection::pass_on(const char* bytes, std::size_t n, async::ptr<piece> kept) {
  ssize_t taken = static_cast<ssize_t>(n);
  if (tls_) {
    tls_->print(bytes, n, std::move(kept));
    enter(phase::waiting);  // what a stream took the client need not have taken
  } else {
    taken = ::send(fd_, bytes, n, MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN && errno != EINTR) {
      close_now();
      return progress::closed;
    }
    taken = std::max<ssize_t>(taken, 0);
    if (taken > 0 || !is_in(phase::sending)) enter(phase::sending);
  }
  work_->file->at += static_cast<std::uint64_t>(taken);
  work_->file->sent += static_cast<std::uint64_t>(taken);
  const bool full = tls_ ? tls_->full() : taken < static_cast<ssize_t>(n);
  return full ? progress::blocked : progress::done;
}

connection::progress connection::load_piece(std::uint64_t offset, std::size_t bytes) {
  const reply& what = work_->file->what;
  const auto to = async::make_ref<piece>(what.owner, bytes);
  auto cb = async::cwrap(color(), mkref(this), &connection::piece_loaded, to);  // [connections]
  if (async::file_read(what.from->file(), offset, to->bytes.get(), bytes, std::move(cb))) {
    close_now();  // too much waits already
    return progress::closed;
  }
  loading_ = true;
  enter(phase::waiting);
  return progress::loading;
}

void connection::piece_loaded(const async::ref<piece>& p, async::io_result result) {
  if (closed_) return;
  loading_ = false;
  if (result.status != async::io_status::done) return close_now();
  const progress passed = pass_on(p->bytes.get(), result.bytes, p);
  if (passed == progress::blocked) watch_for_room(true);
  if (passed == progress::done) send(work_->out);
}

void connection::end_transfer() {
  transfer& f = *work_->file;
  if (server_.log().is_on()) server_.log().add(f.line, f.what.status, f.sent);
  work_->file.reset();
}

}  // namespace httpd
