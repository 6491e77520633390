// See data.h: taking READs and WRITEs apart, and opening their files.
#include "examples/sfsd/nfs/data.h"

#include <fcntl.h>

namespace sfs {

// XDR puts the handle into memory that it is given, so that nothing is allocated.
bool parse_read(const_bytes arguments, data_call& out) noexcept {
  READ3args args{};
  args.file.data.data_val = reinterpret_cast<char*>(out.handle.held);
  xdr_reader x(arguments);
  if (!xdr_READ3args(x.get(), &args) || x.position() != arguments.size()) return false;
  out.handle.size = args.file.data.data_len;
  out.offset = args.offset;
  out.count = args.count;
  out.writes = false;
  return true;
}

bool parse_write(const_bytes arguments, data_call& out) noexcept {
  WRITE3head head{};
  head.file.data.data_val = reinterpret_cast<char*>(out.handle.held);
  xdr_reader x(arguments);
  if (!xdr_WRITE3head(x.get(), &head)) return false;
  const const_bytes behind = arguments.subspan(x.position());
  const std::size_t padded = (std::size_t{head.data_length} + 3) & ~std::size_t{3};
  if (behind.size() != padded || head.count != head.data_length) return false;
  if (head.count > data_max) return false;
  if (number_in(head.stable) > FILE_SYNC) return false;
  out.handle.size = head.file.data.data_len;
  out.offset = head.offset;
  out.count = head.count;
  out.writes = true;
  out.stable = head.stable;
  out.data = behind.first(head.data_length);
  return true;
}

async::ptr<open_file> open_for(export_tree& tree, const data_call& call,
                               const async::ref<const principal>& who, nfsstat3& why) {
  why = NFS3_OK;
  if (who->anonymous && (tree.allowed() == anonymous::nothing || call.writes)) why = NFS3ERR_ACCES;
  if (call.writes && tree.read_only()) why = NFS3ERR_ROFS;
  if (why != NFS3_OK) return nullptr;
  const located l = tree.find(call.handle.view());
  why = l.status;
  if (why != NFS3_OK) return nullptr;
  if (!S_ISREG(l.attributes.stx_mode)) {
    why = l.is_directory() ? NFS3ERR_ISDIR : NFS3ERR_INVAL;
    return nullptr;
  }
  fd_owner fd = tree.reopen(l, call.writes ? O_WRONLY : O_RDONLY, *who, why);
  if (!fd) return nullptr;
  return async::make_ref<open_file>(std::move(fd), who, call.writes);
}

}  // namespace sfs
