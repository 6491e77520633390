// The procedures that look at files and directories without reading them: see serve.h.
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "examples/sfsd/nfs/readdir.h"
#include "examples/sfsd/nfs/serve.h"

namespace sfs {

void get_file_attributes(const call_context& c, GETATTR3args& args, GETATTR3res& res) {
  const located l = c.tree.find(bytes_of(args.object));
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  c.shown(bytes_of(args.object));
  res.GETATTR3res_u.obj_attributes = attributes_of(l.attributes);
}

void look_up(const call_context& c, LOOKUP3args& args, lookup_result& out) {
  post_op_attr directory_attributes = no_attributes();
  const located directory = find(c, args.what.dir, directory_attributes);
  const located l = directory.status == NFS3_OK
                        ? c.tree.look_up(directory, text_of(args.what.name), c.who)
                        : located::none(directory.status);
  out.res.status = l.status;
  if (l.status != NFS3_OK) {
    out.res.LOOKUP3res_u.dir_attributes = directory_attributes;
    return;
  }
  out.handle = c.tree.handle_of(l);
  c.shown(out.handle.view());
  out.res.LOOKUP3res_u.resok = {as_handle(out.handle), attributes_after(l.attributes),
                                directory_attributes};
}

namespace {

// Of R_OK, W_OK and X_OK those that the user has.
int rights_of(const located& l, const principal& who) noexcept {
  if (who.anonymous)
    return (everybody_may(l.attributes, S_IROTH) ? R_OK : 0) |
           (everybody_may(l.attributes, S_IXOTH) ? X_OK : 0);
  const acting as(who);
  int rights = 0;
  for (const int right : {R_OK, W_OK, X_OK})
    if (::faccessat(l.path_fd.get(), "", right, AT_EMPTY_PATH | AT_EACCESS) == 0) rights |= right;
  return rights;
}

}  // namespace

void check_access(const call_context& c, ACCESS3args& args, ACCESS3res& res) {
  auto& ok = res.ACCESS3res_u.resok;
  const located l = find(c, args.object, ok.obj_attributes);
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  const int rights = rights_of(l, c.who);
  unsigned may = 0;
  if (rights & R_OK) may |= ACCESS3_READ;
  if (rights & X_OK) may |= l.is_directory() ? ACCESS3_LOOKUP : ACCESS3_EXECUTE;
  if ((rights & W_OK) && !c.tree.read_only())
    may |= ACCESS3_MODIFY | ACCESS3_EXTEND | (l.is_directory() ? ACCESS3_DELETE : 0u);
  ok.access = args.access & may;
}

void read_link(const call_context& c, READLINK3args& args, link_result& out) {
  auto& ok = out.res.READLINK3res_u.resok;
  const located l = find(c, args.symlink, ok.symlink_attributes);
  out.res.status = l.status;
  if (l.status != NFS3_OK) return;
  out.res.status = NFS3ERR_INVAL;
  if (!S_ISLNK(l.attributes.stx_mode)) return;
  const ssize_t n = ::readlinkat(l.path_fd.get(), "", out.target, sizeof out.target);
  out.res.status = n < 0 ? status_of_errno(errno) : NFS3_OK;
  if (n >= 0) ok.data = {static_cast<u_int>(n), out.target};
}

void file_system_state(const call_context& c, FSSTAT3args& args, FSSTAT3res& res) {
  auto& ok = res.FSSTAT3res_u.resok;
  const located l = find(c, args.fsroot, ok.obj_attributes);
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  struct statvfs fs;
  if (::fstatvfs(l.path_fd.get(), &fs) < 0) {
    res.status = status_of_errno(errno);
    return;
  }
  ok.tbytes = std::uint64_t{fs.f_blocks} * fs.f_frsize;
  ok.fbytes = std::uint64_t{fs.f_bfree} * fs.f_frsize;
  ok.abytes = std::uint64_t{fs.f_bavail} * fs.f_frsize;
  ok.tfiles = fs.f_files;
  ok.ffiles = fs.f_ffree;
  ok.afiles = fs.f_favail;
  ok.invarsec = 0;
}

void file_system_info(const call_context& c, FSINFO3args& args, FSINFO3res& res) {
  auto& ok = res.FSINFO3res_u.resok;
  const located l = find(c, args.fsroot, ok.obj_attributes);
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  constexpr u_int page = 4096;
  ok.rtmax = ok.rtpref = ok.wtmax = ok.wtpref = NFS3_MAXDATA;
  ok.rtmult = ok.wtmult = page;
  ok.dtpref = readdir_max_reply;
  ok.maxfilesize = INT64_MAX;
  ok.time_delta = {0, 1};
  ok.properties = FSF3_LINK | FSF3_SYMLINK | FSF3_HOMOGENEOUS | FSF3_CANSETTIME;
}

void path_configuration(const call_context& c, PATHCONF3args& args, PATHCONF3res& res) {
  auto& ok = res.PATHCONF3res_u.resok;
  const located l = find(c, args.object, ok.obj_attributes);
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  const long links = ::pathconf(fd_path(l.path_fd.get()).c_str(), _PC_LINK_MAX);
  ok.linkmax = links > 0 ? static_cast<u_int>(std::min<long>(links, INT32_MAX)) : 1;
  ok.name_max = NAME_MAX;
  ok.no_trunc = ok.chown_restricted = ok.case_preserving = TRUE;
  ok.case_insensitive = FALSE;
}

}  // namespace sfs
