// The NFS procedures but READ: see procedures.h. Each is a function from arguments to result;
// `serve` does what is the same for all.
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "examples/sfsd/nfs/attributes.h"
#include "examples/sfsd/nfs/procedures.h"
#include "examples/sfsd/nfs/readdir.h"

namespace sfs {
namespace {

// In these, the result is all zero at first, so attributes that are not known do not follow.

// The file of a handle; with it, and whatever happens next, its attributes go into `follow`.
located find(export_tree& tree, const nfs_fh3& handle, post_op_attr& follow) {
  located l = tree.find(bytes_of(handle));
  if (l.status == NFS3_OK) follow = attributes_after(l.attributes);
  return l;
}

nfs_fh3 as_handle(sealed_handle& sealed) noexcept {
  return {{sealed_handle_size, reinterpret_cast<char*>(sealed.data())}};
}

void get_attributes(export_tree& tree, GETATTR3args& args, GETATTR3res& res) {
  const located l = tree.find(bytes_of(args.object));
  res.status = l.status;
  if (l.status == NFS3_OK) res.GETATTR3res_u.obj_attributes = attributes_of(l.attributes);
}

struct lookup_result {
  LOOKUP3res res;
  sealed_handle handle;
};

void look_up(export_tree& tree, LOOKUP3args& args, lookup_result& out) {
  post_op_attr directory_attributes = no_attributes();
  const located directory = find(tree, args.what.dir, directory_attributes);
  const located l =
      directory.status == NFS3_OK ? tree.look_up(directory, text_of(args.what.name)) : located{};
  out.res.status = directory.status == NFS3_OK ? l.status : directory.status;
  if (out.res.status != NFS3_OK) {
    out.res.LOOKUP3res_u.dir_attributes = directory_attributes;
    return;
  }
  out.handle = tree.handle_of(l.node);
  out.res.LOOKUP3res_u.resok = {as_handle(out.handle), attributes_after(l.attributes),
                                directory_attributes};
}

void check_access(export_tree& tree, ACCESS3args& args, ACCESS3res& res) {
  auto& ok = res.ACCESS3res_u.resok;
  const located l = find(tree, args.object, ok.obj_attributes);
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  unsigned may = 0;
  const bool directory = S_ISDIR(l.attributes.stx_mode);
  if (everybody_may(l.attributes, S_IROTH)) may |= ACCESS3_READ;
  if (everybody_may(l.attributes, S_IXOTH)) may |= directory ? ACCESS3_LOOKUP : ACCESS3_EXECUTE;
  ok.access = args.access & may;
}

struct link_result {
  READLINK3res res;
  char target[NFS3_MAXPATH];
};

void read_link(export_tree& tree, READLINK3args& args, link_result& out) {
  auto& ok = out.res.READLINK3res_u.resok;
  const located l = find(tree, args.symlink, ok.symlink_attributes);
  out.res.status = l.status;
  if (l.status != NFS3_OK) return;
  out.res.status = NFS3ERR_INVAL;
  if (!S_ISLNK(l.attributes.stx_mode)) return;
  const ssize_t n = ::readlinkat(l.path_fd.get(), "", out.target, sizeof out.target);
  out.res.status = n < 0 ? status_of_errno(errno) : NFS3_OK;
  if (n >= 0) ok.data = {static_cast<u_int>(n), out.target};
}

struct readdir_result {
  READDIR3res res;
  directory_page page;
};

// Positions stay good as long as the directory is the same one: that is what the verifier says.
void make_verifier(const located& directory, cookieverf3& verifier) noexcept {
  const file_identity f = identity_of(directory.attributes);
  store_be64(reinterpret_cast<std::uint8_t*>(verifier),
             f.number ^ static_cast<std::uint64_t>(f.born));
}

void read_directory(export_tree& tree, READDIR3args& args, readdir_result& out) {
  auto& ok = out.res.READDIR3res_u.resok;
  const located l = find(tree, args.dir, ok.dir_attributes);
  out.res.status = l.status;
  if (l.status != NFS3_OK) return;
  make_verifier(l, ok.cookieverf);
  if (!S_ISDIR(l.attributes.stx_mode)) {
    out.res.status = NFS3ERR_NOTDIR;
  } else if (!everybody_may(l.attributes, S_IROTH)) {
    out.res.status = NFS3ERR_ACCES;
  } else if (args.cookie != 0 &&
             std::memcmp(args.cookieverf, ok.cookieverf, sizeof ok.cookieverf) != 0) {
    out.res.status = NFS3ERR_BAD_COOKIE;
  } else {
    const bool root = l.node == node_table::root_id;
    out.res.status = out.page.read(tree, l, args.cookie, args.count, root);
  }
  if (out.res.status == NFS3_OK) ok.reply = out.page.list();
}

void file_system_state(export_tree& tree, FSSTAT3args& args, FSSTAT3res& res) {
  auto& ok = res.FSSTAT3res_u.resok;
  const located l = find(tree, args.fsroot, ok.obj_attributes);
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  struct statvfs fs;
  const fd_owner fd = tree.open_root();
  if (!fd || ::fstatvfs(fd.get(), &fs) < 0) {
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

void file_system_info(export_tree& tree, FSINFO3args& args, FSINFO3res& res) {
  auto& ok = res.FSINFO3res_u.resok;
  const located l = find(tree, args.fsroot, ok.obj_attributes);
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  constexpr u_int page = 4096;
  ok.rtmax = ok.rtpref = NFS3_MAXDATA;
  ok.wtmax = ok.wtpref = NFS3_MAXDATA;  // of no use here, but zero would confuse clients
  ok.rtmult = ok.wtmult = page;
  ok.dtpref = readdir_max_reply;
  ok.maxfilesize = INT64_MAX;
  ok.time_delta = {0, 1};
  ok.properties = FSF3_SYMLINK | FSF3_HOMOGENEOUS;
}

void path_configuration(export_tree& tree, PATHCONF3args& args, PATHCONF3res& res) {
  auto& ok = res.PATHCONF3res_u.resok;
  const located l = find(tree, args.object, ok.obj_attributes);
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  const fd_owner fd = tree.open_root();
  const long links = fd ? ::fpathconf(fd.get(), _PC_LINK_MAX) : -1;
  ok.linkmax = links > 0 ? static_cast<u_int>(std::min<long>(links, INT32_MAX)) : 1;
  ok.name_max = NAME_MAX;
  ok.no_trunc = ok.chown_restricted = ok.case_preserving = TRUE;
  ok.case_insensitive = FALSE;
}

// What is encoded of a result that brings memory of its own along.
template <class Result>
Result& encoded_part(Result& r) noexcept {
  return r;
}
LOOKUP3res& encoded_part(lookup_result& r) noexcept { return r.res; }
READLINK3res& encoded_part(link_result& r) noexcept { return r.res; }
READDIR3res& encoded_part(readdir_result& r) noexcept { return r.res; }

// A failed result of any of these: its status, and either nothing or that no attributes follow.
// Clients that may do nothing get this whatever they ask for.
std::size_t encode_refusal(bytes results, bool with_attributes) noexcept {
  store_be32(results.data(), NFS3ERR_ACCES);
  if (with_attributes) store_be32(results.data() + 4, FALSE);
  return with_attributes ? 8 : 4;
}

template <class Args, auto DecodeArgs, class Result, auto EncodeResult,
          void (*Work)(export_tree&, Args&, Result&)>
rpc_accept serve(export_tree& tree, const_bytes arguments, bytes results, std::size_t& size) {
  xdr_value<Args, DecodeArgs> args;
  if (!args.decode(arguments)) return rpc_accept::garbage_args;
  if (tree.allowed() == anonymous::nothing) {
    size = encode_refusal(results, !std::is_same_v<Result, GETATTR3res>);
    return rpc_accept::success;
  }
  Result result{};
  Work(tree, *args, result);
  size = xdr_encode(EncodeResult, encoded_part(result), results);
  return size != 0 ? rpc_accept::success : rpc_accept::system_err;
}

// A READ whose arguments do not decode ends up here; one that does, in read.cc.
rpc_accept bad_read(export_tree&, const_bytes, bytes, std::size_t&) {
  return rpc_accept::garbage_args;
}

// A procedure that would change something: the status, and behind it this many words that say that
// no attributes follow (RFC 1813 gives each procedure's failure its own shape).
template <nfsstat3 Status, unsigned Words>
rpc_accept no(export_tree&, const_bytes, bytes results, std::size_t& size) {
  std::fill_n(results.begin(), 4 * (Words + 1), std::uint8_t{0});
  store_be32(results.data(), Status);
  size = 4 * (Words + 1);
  return rpc_accept::success;
}

constexpr std::size_t small = 512;
constexpr unsigned wcc_data = 2;  // words: no attributes before, none after

constexpr procedure procedures[] = {
    /*  0 NULL */ {small, do_nothing},
    /*  1 GETATTR */
    {small, serve<GETATTR3args, xdr_GETATTR3args, GETATTR3res, xdr_GETATTR3res, get_attributes>},
    /*  2 SETATTR */ {small, no<NFS3ERR_ROFS, wcc_data>},
    /*  3 LOOKUP */
    {small, serve<LOOKUP3args, xdr_LOOKUP3args, lookup_result, xdr_LOOKUP3res, look_up>},
    /*  4 ACCESS */
    {small, serve<ACCESS3args, xdr_ACCESS3args, ACCESS3res, xdr_ACCESS3res, check_access>},
    /*  5 READLINK */
    {small + NFS3_MAXPATH,
     serve<READLINK3args, xdr_READLINK3args, link_result, xdr_READLINK3res, read_link>},
    /*  6 READ */ {small, bad_read},
    /*  7 WRITE */ {small, no<NFS3ERR_ROFS, wcc_data>},
    /*  8 CREATE */ {small, no<NFS3ERR_ROFS, wcc_data>},
    /*  9 MKDIR */ {small, no<NFS3ERR_ROFS, wcc_data>},
    /* 10 SYMLINK */ {small, no<NFS3ERR_ROFS, wcc_data>},
    /* 11 MKNOD */ {small, no<NFS3ERR_ROFS, wcc_data>},
    /* 12 REMOVE */ {small, no<NFS3ERR_ROFS, wcc_data>},
    /* 13 RMDIR */ {small, no<NFS3ERR_ROFS, wcc_data>},
    /* 14 RENAME */ {small, no<NFS3ERR_ROFS, 2 * wcc_data>},
    /* 15 LINK */ {small, no<NFS3ERR_ROFS, 1 + wcc_data>},
    /* 16 READDIR */
    {small + readdir_max_reply,
     serve<READDIR3args, xdr_READDIR3args, readdir_result, xdr_READDIR3res, read_directory>},
    /* 17 READDIRPLUS */ {small, no<NFS3ERR_NOTSUPP, 1>},
    /* 18 FSSTAT */
    {small, serve<FSSTAT3args, xdr_FSSTAT3args, FSSTAT3res, xdr_FSSTAT3res, file_system_state>},
    /* 19 FSINFO */
    {small, serve<FSINFO3args, xdr_FSINFO3args, FSINFO3res, xdr_FSINFO3res, file_system_info>},
    /* 20 PATHCONF */
    {small,
     serve<PATHCONF3args, xdr_PATHCONF3args, PATHCONF3res, xdr_PATHCONF3res, path_configuration>},
    /* 21 COMMIT */ {small, no<NFS3ERR_ROFS, wcc_data>},
};

}  // namespace

const procedure* nfs_procedure(std::uint32_t number) noexcept {
  return number < std::size(procedures) ? &procedures[number] : nullptr;
}

}  // namespace sfs
