// The MOUNT procedures: see procedures.h. There is one export, "/": the directory that the server
// was given; any directory beneath it can be mounted too.
#include "examples/sfsd/nfs/serve.h"

namespace sfs {
namespace {

mountstat3 mount_status(nfsstat3 status) noexcept {
  switch (status) {
    case NFS3_OK:
      return MNT3_OK;
    case NFS3ERR_PERM:
    case NFS3ERR_NOENT:
    case NFS3ERR_IO:
    case NFS3ERR_ACCES:
    case NFS3ERR_NOTDIR:
    case NFS3ERR_INVAL:
    case NFS3ERR_NAMETOOLONG:
      return static_cast<mountstat3>(status);  // the same numbers
    default:
      return MNT3ERR_SERVERFAULT;
  }
}

rpc_accept mount(const call_context& c, const_bytes arguments, bytes results, std::size_t& size) {
  xdr_value<dirpath, xdr_dirpath> path;
  if (!path.decode(arguments)) return rpc_accept::garbage_args;
  mountres3 res{};
  sealed_handle handle;
  int flavors[] = {AUTH_NONE, AUTH_UNIX};
  nfsstat3 status = may_ask(c, does::read);
  if (status == NFS3_OK) {
    const located l = c.tree.walk({path->dirpath_val, path->dirpath_len}, c.who);
    status = l.status;
    if (status == NFS3_OK) handle = c.tree.handle_of(l);
  }
  res.fhs_status = mount_status(status);
  if (status == NFS3_OK) {
    auto& ok = res.mountres3_u.mountinfo;
    ok.fhandle = {handle.size, reinterpret_cast<char*>(handle.held)};
    ok.auth_flavors = {2, flavors};
  }
  size = xdr_encode(xdr_mountres3, res, results);
  return size != 0 ? rpc_accept::success : rpc_accept::system_err;
}

// The server keeps no list of who has mounted what, so there is nothing to strike out.
rpc_accept unmount(const call_context&, const_bytes arguments, bytes, std::size_t& size) {
  size = 0;
  if (arguments.empty()) return rpc_accept::success;  // UMNTALL
  xdr_value<dirpath, xdr_dirpath> path;
  return path.decode(arguments) ? rpc_accept::success : rpc_accept::garbage_args;
}

rpc_accept list_mounts(const call_context&, const_bytes arguments, bytes results,
                       std::size_t& size) {
  if (!arguments.empty()) return rpc_accept::garbage_args;
  store_be32(results.data(), FALSE);  // the end of the list
  size = 4;
  return rpc_accept::success;
}

rpc_accept list_exports(const call_context&, const_bytes arguments, bytes results,
                        std::size_t& size) {
  if (!arguments.empty()) return rpc_accept::garbage_args;
  char root[] = "/";
  exportnode node{};
  node.ex_dir = {1, root};
  exports list = &node;
  size = xdr_encode(xdr_exports, list, results);
  return size != 0 ? rpc_accept::success : rpc_accept::system_err;
}

constexpr procedure null_entry{small_results, do_nothing}, mnt_entry{small_results, mount},
    umnt_entry{small_results, unmount}, export_entry{small_results, list_exports},
    dump_entry{small_results, list_mounts};

}  // namespace

const procedure* mount_procedure(std::uint32_t number) noexcept {
  switch (number) {
    case MOUNTPROC3_NULL:
      return &null_entry;
    case MOUNTPROC3_MNT:
      return &mnt_entry;
    case MOUNTPROC3_DUMP:
      return &dump_entry;
    case MOUNTPROC3_UMNT:
    case MOUNTPROC3_UMNTALL:
      return &umnt_entry;
    case MOUNTPROC3_EXPORT:
      return &export_entry;
    default:
      return nullptr;
  }
}

}  // namespace sfs
