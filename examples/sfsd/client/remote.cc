// See remote.h.
#include "examples/sfsd/client/remote.h"

#include <algorithm>

namespace sfs {
namespace {

constexpr std::uint32_t page_size = 32768;

}  // namespace

std::string rpc_trouble(const rpc_reply& r) {
  if (r.denied) return "the server denied the call";
  switch (r.status) {
    case rpc_accept::garbage_args:
      return "the server did not understand the call";
    case rpc_accept::system_err:
      return "the server has a problem of its own";
    default:
      return "the server does not do this";
  }
}

namespace {

using mount_result = xdr_value<mountres3, xdr_mountres3>;
using lookup_result = xdr_value<LOOKUP3res, xdr_LOOKUP3res>;
using getattr_result = xdr_value<GETATTR3res, xdr_GETATTR3res>;
using readlink_result = xdr_value<READLINK3res, xdr_READLINK3res>;
using readdir_result = xdr_value<READDIR3res, xdr_READDIR3res>;
using read_result = xdr_value<READ3res, xdr_READ3res>;

bool same_content(const fattr3& a, const fattr3& b) noexcept {
  return a.size == b.size && a.mtime.seconds == b.mtime.seconds &&
         a.mtime.nseconds == b.mtime.nseconds && a.fileid == b.fileid;
}

}  // namespace

std::string status_text(nfsstat3 status) {
  switch (status) {
    case NFS3ERR_PERM:
    case NFS3ERR_ACCES:
      return "the server does not allow it";
    case NFS3ERR_NOENT:
      return "there is no such file";
    case NFS3ERR_EXIST:
      return "there is such a file already";
    case NFS3ERR_NOSPC:
    case NFS3ERR_DQUOT:
      return "there is no room left on the server";
    case NFS3ERR_FBIG:
      return "the file is too large for the server";
    case NFS3ERR_ROFS:
      return "the server only lets files be read";
    case NFS3ERR_NOTEMPTY:
      return "the directory is not empty";
    case NFS3ERR_IO:
      return "the server cannot read it";
    case NFS3ERR_NOTDIR:
      return "it is not a directory";
    case NFS3ERR_ISDIR:
      return "it is a directory";
    case NFS3ERR_INVAL:
      return "that cannot be done with it";
    case NFS3ERR_NAMETOOLONG:
      return "the name is too long";
    case NFS3ERR_STALE:
      return "the file is gone, or the server was started anew";
    case NFS3ERR_JUKEBOX:
      return "the server is too busy";
    default:
      return "the server says error " + std::to_string(status);
  }
}

outcome<file_handle> remote_files::mount() {
  char root[] = "/";
  dirpath path{1, root};
  mount_result res;
  if (auto why = call(MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath, path, res); !why.empty())
    return failure{why};
  if (res->fhs_status != MNT3_OK) {
    const bool refused = res->fhs_status == MNT3ERR_ACCES || res->fhs_status == MNT3ERR_PERM;
    return failure{refused && !user_ ? nothing_for_nobody
                   : refused         ? "the server does not allow it"
                                     : "the server cannot give out its root"};
  }
  const auto& fh = res->mountres3_u.mountinfo.fhandle;
  return file_handle(fh.fhandle3_val, fh.fhandle3_val + fh.fhandle3_len);
}

outcome<file_handle> remote_files::look_up(file_handle& directory, std::string_view name) {
  LOOKUP3args args{{as_handle(directory), as_name(name)}};
  lookup_result res;
  if (auto why = call(NFS_PROGRAM, NFSPROC3_LOOKUP, xdr_LOOKUP3args, args, res); !why.empty())
    return failure{why};
  if (res->status != NFS3_OK) return failure{status_text(res->status)};
  const auto& fh = res->LOOKUP3res_u.resok.object.data;
  return file_handle(fh.data_val, fh.data_val + fh.data_len);
}

outcome<fattr3> remote_files::attributes(file_handle& file) {
  GETATTR3args args{as_handle(file)};
  getattr_result res;
  if (auto why = call(NFS_PROGRAM, NFSPROC3_GETATTR, xdr_GETATTR3args, args, res); !why.empty())
    return failure{why};
  if (res->status != NFS3_OK) return failure{status_text(res->status)};
  return res->GETATTR3res_u.obj_attributes;
}

outcome<std::string> remote_files::link_target(file_handle& link) {
  READLINK3args args{as_handle(link)};
  readlink_result res;
  if (auto why = call(NFS_PROGRAM, NFSPROC3_READLINK, xdr_READLINK3args, args, res); !why.empty())
    return failure{why};
  if (res->status != NFS3_OK) return failure{status_text(res->status)};
  const auto& target = res->READLINK3res_u.resok.data;
  return std::string(target.nfspath3_val, target.nfspath3_len);
}

outcome<file_handle> remote_files::walk(std::string_view path, bool goes_on) {
  auto at = mount();
  std::string_view directory;
  while (at && !path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (name.empty()) continue;
    auto next = look_up(*at, name);
    if (!next) {
      if (!directory.empty() && next.why() == status_text(NFS3ERR_NOTDIR))
        return failure{std::string(directory) + ": " + next.why()};
      const bool is_last = !goes_on && path.find_first_not_of('/') == path.npos;
      return is_last ? next.as_failure() : failure{std::string(name) + ": " + next.why()};
    }
    at = std::move(next);
    directory = name;
  }
  return at;
}

outcome<std::vector<remote_files::entry>> remote_files::list(file_handle& directory,
                                                             std::size_t most) {
  std::vector<entry> all;
  std::size_t taken = 0;
  READDIR3args args{as_handle(directory), 0, {}, page_size};
  for (bool eof = false; !eof;) {
    readdir_result res;
    if (auto why = call(NFS_PROGRAM, NFSPROC3_READDIR, xdr_READDIR3args, args, res); !why.empty())
      return failure{why};
    if (res->status != NFS3_OK) return failure{status_text(res->status)};
    const auto& ok = res->READDIR3res_u.resok;
    if (!ok.reply.eof && !ok.reply.entries) return failure{"the server's list does not end"};
    std::copy_n(ok.cookieverf, sizeof args.cookieverf, args.cookieverf);
    for (const entry3* e = ok.reply.entries; e; e = e->nextentry) {
      taken += sizeof(entry) + text_of(e->name).size();
      if (taken > most) return failure{"the directory is too large to be listed"};
      all.push_back({std::string(text_of(e->name)), e->fileid});
      args.cookie = e->cookie;
    }
    eof = ok.reply.eof;
  }
  return all;
}

std::string remote_files::ask(file_handle& file, const piece& p) {
  READ3args args{as_handle(file), p.offset, p.count};
  std::vector<std::uint8_t> message;
  append_call(message, p.xid, NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, args, user_);
  return channel_->send(message);
}

// Receives one of the pieces that were asked for. What is missing at its end stays in `under_way`,
// at the back, to be asked for again.
std::string remote_files::take_piece(std::vector<piece>& under_way, const taker& take) {
  const auto answer = channel_->receive();
  if (!answer) return answer.why();
  const auto r = parse_reply(*answer);
  const auto at = std::find_if(under_way.begin(), under_way.end(),
                               [&](const piece& p) { return r && p.xid == r->xid; });
  if (at == under_way.end()) return "the server's reply makes no sense";
  if (r->denied || r->status != rpc_accept::success) return rpc_trouble(*r);
  piece p = *at;
  under_way.erase(at);
  read_result res;
  if (!res.decode(r->results)) return "the server's reply makes no sense";
  if (res->status != NFS3_OK) return status_text(res->status);
  const auto& data = res->READ3res_u.resok.data;
  if (data.data_len == 0 || data.data_len > p.count) return "the file changed while it was read";
  std::string why =
      take(p.offset, {reinterpret_cast<const std::uint8_t*>(data.data_val), data.data_len});
  p.offset += data.data_len;
  p.count -= data.data_len;
  p.xid = 0;
  if (p.count > 0) under_way.push_back(p);
  return why;
}

outcome<std::uint64_t> remote_files::read_all(file_handle& file, std::size_t ahead,
                                              const taker& take, std::uint64_t begin) {
  const auto before = attributes(file);
  if (!before) return before.as_failure();
  if (before->type != NF3REG) return failure{"it is not a regular file"};
  std::uint64_t next = begin;
  std::vector<piece> under_way;
  while (next < before->size || !under_way.empty()) {
    while (under_way.size() < ahead && next < before->size) {
      const std::uint64_t left = before->size - next;
      under_way.push_back(
          {next_xid_++, next,
           static_cast<std::uint32_t>(std::min<std::uint64_t>(left, NFS3_MAXDATA))});
      next += under_way.back().count;
      if (auto why = ask(file, under_way.back()); !why.empty()) return failure{why};
    }
    if (auto why = take_piece(under_way, take); !why.empty()) return failure{why};
    if (under_way.empty() || under_way.back().xid != 0) continue;
    under_way.back().xid = next_xid_++;
    if (auto why = ask(file, under_way.back()); !why.empty()) return failure{why};
  }
  const auto after = attributes(file);
  if (!after) return after.as_failure();
  if (!same_content(*before, *after)) return failure{"the file changed while it was read"};
  return before->size;
}

}  // namespace sfs
