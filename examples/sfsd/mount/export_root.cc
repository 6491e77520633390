// See export_root.h.
#include "examples/sfsd/mount/export_root.h"

#include <algorithm>

#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/remote.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

using found_root = std::function<void(const root_found&)>;
using found_export = std::function<void(const export_found&)>;

std::string trouble(const call_reply& r, nfsstat3 status) {
  if (r.what == call_reply::kind::failed) return std::string(r.why);
  if (r.what == call_reply::kind::refused) return "the server refused the call";
  return status == NFS3_OK ? "the server's reply makes no sense" : status_text(status);
}

// A call that is not repeated; `done(reply, results)`, where there are results if it worked.
template <class Value, class Args, class Done>
void ask(session& s, unsigned login, std::uint32_t program, std::uint32_t procedure,
         bool_t (*routine)(XDR*, Args*), Args args, Done done) {
  session_call c{program, procedure, encoded(routine, args), {}, login};
  s.call(std::move(c), async::wrap([done](const call_reply& r) {
           Value value;
           const bool good = r.what == call_reply::kind::results && value.decode(r.results);
           done(r, good ? &*value : nullptr);
         }));
}

// Goes down the path, name by name.
void walk(session& s, file_key at, std::string path, unsigned login, found_root done) {
  const std::size_t begin = path.find_first_not_of('/');
  if (begin == path.npos) return done({at, {}, false});
  const std::size_t end = std::min(path.find('/', begin), path.size());
  const std::string name = path.substr(begin, end - begin), rest = path.substr(end);
  auto arguments = [&] { return LOOKUP3args{{at.as_handle(), as_name(name)}}; };
  ask<xdr_value<LOOKUP3res, xdr_LOOKUP3res>>(
      s, login, NFS_PROGRAM, NFSPROC3_LOOKUP, xdr_LOOKUP3args, arguments(),
      [&s, name, rest, login, done](const call_reply& r, LOOKUP3res* res) {
        if (!res || res->status != NFS3_OK)
          return done({{}, name + ": " + trouble(r, res ? res->status : NFS3_OK), false});
        walk(s, file_key(bytes_of(res->LOOKUP3res_u.resok.object)), rest, login, done);
      });
}

}  // namespace

void find_root(session& s, const std::string& path, unsigned login, found_root done) {
  std::string top = "/";
  dirpath name{1, top.data()};
  ask<xdr_value<mountres3, xdr_mountres3>>(
      s, login, MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath, name,
      [&s, path, login, done](const call_reply& r, mountres3* res) {
        const bool refused =
            res && (res->fhs_status == MNT3ERR_ACCES || res->fhs_status == MNT3ERR_PERM);
        if (!res || res->fhs_status != MNT3_OK)
          return done(
              {{}, trouble(r, res ? static_cast<nfsstat3>(res->fhs_status) : NFS3_OK), refused});
        const auto& handle = res->mountres3_u.mountinfo.fhandle;
        const auto* data = reinterpret_cast<const std::uint8_t*>(handle.fhandle3_val);
        walk(s, file_key({data, handle.fhandle3_len}), path, login, done);
      });
}

namespace {

void ask_limits(session& s, std::shared_ptr<export_found> e, unsigned login, found_export done) {
  PATHCONF3args args{e->what.root.as_handle()};
  ask<xdr_value<PATHCONF3res, xdr_PATHCONF3res>>(
      s, login, NFS_PROGRAM, NFSPROC3_PATHCONF, xdr_PATHCONF3args, args,
      [e, done](const call_reply&, PATHCONF3res* res) {
        if (res && res->status == NFS3_OK)
          e->what.longest_name = std::clamp(res->PATHCONF3res_u.resok.name_max, 1u, 1024u);
        done(*e);
      });
}

void ask_sizes(session& s, std::shared_ptr<export_found> e, unsigned login, found_export done) {
  FSINFO3args args{e->what.root.as_handle()};
  ask<xdr_value<FSINFO3res, xdr_FSINFO3res>>(
      s, login, NFS_PROGRAM, NFSPROC3_FSINFO, xdr_FSINFO3args, args,
      [&s, e, login, done](const call_reply& r, FSINFO3res* res) {
        if (!res || res->status != NFS3_OK) {
          e->why = trouble(r, res ? res->status : NFS3_OK);
          return done(*e);
        }
        const FSINFO3resok& ok = res->FSINFO3res_u.resok;
        constexpr std::uint32_t least = 512, most = NFS3_MAXDATA;
        e->what.read_size = std::clamp(ok.rtpref, least, most);
        e->what.write_size = ok.wtmax == 0 ? most : std::clamp(ok.wtmax, least, most);
        e->what.directory_size = std::clamp(ok.dtpref, 4096u, most / 2);
        ask_limits(s, e, login, done);
      });
}

}  // namespace

void examine_export(session& s, served what, unsigned login, found_export done) {
  auto e = std::make_shared<export_found>();
  e->what = std::move(what);
  GETATTR3args args{e->what.root.as_handle()};
  ask<xdr_value<GETATTR3res, xdr_GETATTR3res>>(
      s, login, NFS_PROGRAM, NFSPROC3_GETATTR, xdr_GETATTR3args, args,
      [&s, e, login, done](const call_reply& r, GETATTR3res* res) {
        if (!res || res->status != NFS3_OK) {
          e->why = trouble(r, res ? res->status : NFS3_OK);
        } else if (res->GETATTR3res_u.obj_attributes.type != NF3DIR) {
          e->why = "it is not a directory";
        }
        if (!e->why.empty()) return done(*e);
        e->root_attributes = res->GETATTR3res_u.obj_attributes;
        ask_sizes(s, e, login, done);
      });
}

}  // namespace sfs
