// WRITE: see data.h. The data are written to the file from where the record was opened.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "examples/sfsd/nfs/attributes.h"
#include "examples/sfsd/nfs/data.h"

namespace sfs {
namespace {

constexpr std::size_t max_results = 256;

reply write_reply(const data_call& call, WRITE3res& res, block_pool& pool) {
  reply r(pool, results_at + max_results);
  accept(r.at(record_mark_size), call.xid, rpc_accept::success);
  r.finish(results_at + xdr_encode(xdr_WRITE3res, res, {r.at(results_at), max_results}));
  return r;
}

// Writes as much as the file takes. Negative if that is nothing.
ssize_t write_fully(int fd, const_bytes data, off_t offset) noexcept {
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t n =
        ::pwrite(fd, data.data() + done, data.size() - done, offset + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return done > 0 ? static_cast<ssize_t>(done) : n;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

int make_stable(int fd, stable_how how) noexcept {
  return how == UNSTABLE ? 0 : how == DATA_SYNC ? ::fdatasync(fd) : ::fsync(fd);
}

// Writes, and says how that went; `ok.count` of the bytes are in the file.
nfsstat3 carry_out(const data_call& call, const open_file& file, write_verifier& verifier,
                   WRITE3resok& ok) noexcept {
  const acting as(file.who());  // set-id bits go, quotas and reserves are the user's
  const std::uint64_t room = static_cast<std::uint64_t>(INT64_MAX) - call.offset;
  if (call.offset > INT64_MAX || call.data.size() > room) return NFS3ERR_FBIG;
  const ssize_t n = write_fully(file.fd(), call.data, static_cast<off_t>(call.offset));
  if (n < 0) return status_of_errno(errno);
  ok.count = static_cast<std::uint32_t>(n);
  if (make_stable(file.fd(), call.stable) < 0) {
    const nfsstat3 status = status_of_errno(errno);
    verifier.change();
    return status;
  }
  return NFS3_OK;
}

}  // namespace

reply write_file(const data_call& call, const open_file* file, nfsstat3 why,
                 write_verifier& verifier, change_watch& watch, block_pool& pool) {
  const lone_change change(watch, call.handle.view());
  WRITE3res res;
  std::memset(&res, 0, sizeof res);
  res.status = why;
  struct statx before {
  }, after{};
  if (file && !get_attributes(file->fd(), before))
    res.status = status_of_errno(errno);
  else if (file)
    res.status = before.stx_nlink == 0 ? NFS3ERR_STALE : NFS3_OK;
  if (!file || res.status != NFS3_OK) return write_reply(call, res, pool);
  auto& ok = res.WRITE3res_u.resok;
  // As it is before the data are there: were they lost right after, then a COMMIT that comes later
  // would have another.
  verifier.put(ok.verf);
  res.status = carry_out(call, *file, verifier, ok);
  // In a failed result the attributes are at the same place.
  if (get_attributes(file->fd(), after)) ok.file_wcc.after = attributes_after(after);
  ok.file_wcc.before = attributes_before(before, change);
  ok.committed = call.stable;
  return write_reply(call, res, pool);
}

}  // namespace sfs
