// READ: see data.h. What comes before the data is written by hand, because its place is fixed and
// the data behind it is read to where it will be sealed.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "examples/sfsd/nfs/attributes.h"
#include "examples/sfsd/nfs/data.h"

namespace sfs {
namespace {

// status, attributes, count, eof, length of the data
constexpr std::size_t data_at = results_at + 4 + attributes_size + 4 + 4 + 4;

// A file's attributes where XDR would put them.
void put_attributes(std::uint8_t* to, const struct statx& file) noexcept {
  post_op_attr a = attributes_after(file);
  xdr_encode(xdr_post_op_attr, a, {to, attributes_size});
}

reply read_error(const data_call& call, nfsstat3 status, block_pool& pool) {
  reply r(pool, results_at + 8);
  accept(r.at(record_mark_size), call.xid, rpc_accept::success);
  store_be32(r.at(results_at), status);
  store_be32(r.at(results_at + 4), FALSE);  // no attributes follow
  r.finish(results_at + 8);
  return r;
}

// Reads until `size` bytes are there or the file ends. Negative on failure; with EAGAIN if it would
// have to wait and may not.
ssize_t read_fully(int fd, std::uint8_t* to, std::size_t size, off_t offset, patience p) noexcept {
  std::size_t done = 0;
  int flags = p == patience::none ? RWF_NOWAIT : 0;
  while (done < size) {
    const iovec rest{to + done, size - done};
    const ssize_t n = ::preadv2(fd, &rest, 1, offset + static_cast<off_t>(done), flags);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EOPNOTSUPP && flags != 0) {  // this file system cannot tell
      flags = 0;
      continue;
    }
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace

std::optional<reply> read_file(const data_call& call, const open_file* file, nfsstat3 why,
                               patience p, block_pool& pool) {
  if (!file) return read_error(call, why, pool);
  struct statx now {};
  if (::statx(file->fd(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &now) < 0)
    return read_error(call, status_of_errno(errno), pool);
  if (file->who().anonymous && !everybody_may(now, S_IROTH))
    return read_error(call, NFS3ERR_ACCES, pool);
  if (now.stx_nlink == 0) return read_error(call, NFS3ERR_STALE, pool);
  // No file reaches this far, so there is nothing to ask the kernel.
  const bool beyond = call.offset >= now.stx_size;
  const std::size_t wanted =
      beyond ? 0 : std::min<std::uint64_t>({call.count, data_max, now.stx_size - call.offset});
  reply r(pool, data_at + ((wanted + 3) & ~std::size_t{3}));
  const ssize_t got =
      read_fully(file->fd(), r.at(data_at), wanted, static_cast<off_t>(call.offset), p);
  if (got < 0 && errno == EAGAIN && p == patience::none) return std::nullopt;
  if (got < 0) return read_error(call, status_of_errno(errno), pool);
  const auto count = static_cast<std::uint32_t>(got);
  const bool eof = beyond || call.offset + count >= now.stx_size || count < wanted;
  accept(r.at(record_mark_size), call.xid, rpc_accept::success);
  store_be32(r.at(results_at), NFS3_OK);
  put_attributes(r.at(results_at + 4), now);
  std::uint8_t* tail = r.at(data_at - 12);
  store_be32(tail, count);
  store_be32(tail + 4, eof);
  store_be32(tail + 8, count);
  std::size_t end = data_at + count;
  for (; end % 4 != 0; ++end) *r.at(end) = 0;
  r.finish(end);
  return r;
}

}  // namespace sfs
