// See learn.h.
#include "examples/sfsd/client/learn.h"

#include <optional>

namespace sfs {
namespace {

const_bytes handle_in(const nfs_fh3& h) noexcept { return bytes_of(h); }

const fattr3* in(const post_op_attr& a) noexcept {
  return a.attributes_follow ? &a.post_op_attr_u.attributes : nullptr;
}

// The handle with which most arguments begin, without decoding the rest.
std::optional<const_bytes> first_handle(const_bytes arguments) noexcept {
  if (arguments.size() < 4) return std::nullopt;
  const std::uint32_t size = load_be32(arguments.data());
  if (size > NFS3_FHSIZE || size > arguments.size() - 4) return std::nullopt;
  return arguments.subspan(4, size);
}

// What follows the status of most results, whether they are good or not. The rest, which may be
// 64 KiB of data, is left alone.
template <class T, bool_t (*Routine)(XDR*, T*)>
std::optional<T> behind_status(const_bytes results) noexcept {
  if (results.size() < 4) return std::nullopt;
  const const_bytes rest = results.subspan(4);
  T value{};
  XDR x;
  auto* memory = const_cast<char*>(reinterpret_cast<const char*>(rest.data()));
  xdrmem_create(&x, memory, static_cast<u_int>(rest.size()), XDR_DECODE);
  if (!Routine(&x, &value)) return std::nullopt;
  return value;
}

class learner {
 public:
  learner(lease_cache& cache, session& s, const_bytes arguments, const call_reply& reply)
      : cache_(cache), session_(s), arguments_(arguments), reply_(reply) {
    if (reply_.what == call_reply::kind::results) results_ = reply_.results;
    if (const auto h = first_handle(arguments)) first_ = *h;
  }

  void learn_from(std::uint32_t procedure);

 private:
  // Decodes the results as this type and passes them on, if they decode.
  template <class Res, bool_t (*Routine)(XDR*, Res*), class Use>
  void with(Use use) {
    xdr_value<Res, Routine> res;
    if (res.decode(results_)) use(*res);
  }

  void knows(const_bytes handle, const post_op_attr& a) {
    if (const fattr3* attributes = in(a)) cache_.store(handle, *attributes, reply_.token);
  }
  void changed(const_bytes handle, const fattr3* after = nullptr) {
    cache_.changed(handle, after, reply_.token, session_.count_change());
  }
  void changed(const_bytes handle, const wcc_data& wcc) { changed(handle, in(wcc.after)); }

  void getattr();
  void access();
  void lookup();
  void readdirplus();
  void first_attributes();
  void commit();
  void first_changed();
  void made_object();
  void linked();

  lease_cache& cache_;
  session& session_;
  const_bytes arguments_, results_, first_;
  const call_reply& reply_;
};

void learner::getattr() {
  with<GETATTR3res, xdr_GETATTR3res>([&](GETATTR3res& r) {
    if (number_in(r.status) == NFS3_OK)
      cache_.store(first_, r.GETATTR3res_u.obj_attributes, reply_.token);
  });
}

void learner::access() {
  xdr_value<ACCESS3args, xdr_ACCESS3args> args;
  first_attributes();
  with<ACCESS3res, xdr_ACCESS3res>([&](ACCESS3res& r) {
    if (number_in(r.status) == NFS3_OK && args.decode(arguments_))
      cache_.store_access(first_, args->access, r.ACCESS3res_u.resok.access, reply_.token);
  });
}

void learner::lookup() {
  with<LOOKUP3res, xdr_LOOKUP3res>([&](LOOKUP3res& r) {
    if (number_in(r.status) != NFS3_OK) return knows(first_, r.LOOKUP3res_u.dir_attributes);
    const LOOKUP3resok& ok = r.LOOKUP3res_u.resok;
    knows(first_, ok.dir_attributes);
    knows(handle_in(ok.object), ok.obj_attributes);
  });
}

void learner::readdirplus() {
  with<READDIRPLUS3res, xdr_READDIRPLUS3res>([&](READDIRPLUS3res& r) {
    if (number_in(r.status) != NFS3_OK) return knows(first_, r.READDIRPLUS3res_u.dir_attributes);
    const READDIRPLUS3resok& ok = r.READDIRPLUS3res_u.resok;
    knows(first_, ok.dir_attributes);
    for (const entryplus3* e = ok.reply.entries; e; e = e->nextentry)
      if (e->name_handle.handle_follows)
        knows(handle_in(e->name_handle.post_op_fh3_u.handle), e->name_attributes);
  });
}

// READ and many others.
void learner::first_attributes() {
  if (const auto a = behind_status<post_op_attr, xdr_post_op_attr>(results_)) knows(first_, *a);
}

void learner::commit() {
  if (const auto wcc = behind_status<wcc_data, xdr_wcc_data>(results_)) knows(first_, wcc->after);
}

// SETATTR, WRITE; REMOVE and RMDIR, as far as the directory is concerned.
void learner::first_changed() {
  const auto wcc = behind_status<wcc_data, xdr_wcc_data>(results_);
  changed(first_, wcc ? in(wcc->after) : nullptr);
}

// CREATE may also have cut short a file that there was.
void learner::made_object() {
  xdr_value<new_object_res, xdr_new_object_res> res;
  if (!res.decode(results_)) return changed(first_);
  if (number_in(res->status) != NFS3_OK) return changed(first_, res->new_object_res_u.dir_wcc);
  const new_object& ok = res->new_object_res_u.resok;
  changed(first_, ok.dir_wcc);
  if (ok.obj.handle_follows) changed(handle_in(ok.obj.post_op_fh3_u.handle), in(ok.obj_attributes));
}

void learner::linked() {
  xdr_value<LINK3args, xdr_LINK3args> args;
  xdr_value<LINK3res, xdr_LINK3res> res;
  if (!args.decode(arguments_)) return;
  const bool good = res.decode(results_);
  changed(handle_in(args->file), good ? in(res->file_attributes) : nullptr);
  changed(handle_in(args->link.dir), good ? in(res->linkdir_wcc.after) : nullptr);
}

void learner::learn_from(std::uint32_t procedure) {
  switch (procedure) {
    case NFSPROC3_GETATTR:
      return getattr();
    case NFSPROC3_LOOKUP:
      return lookup();
    case NFSPROC3_ACCESS:
      return access();
    case NFSPROC3_READLINK:
    case NFSPROC3_READ:
    case NFSPROC3_READDIR:
    case NFSPROC3_FSSTAT:
    case NFSPROC3_FSINFO:
    case NFSPROC3_PATHCONF:
      return first_attributes();
    case NFSPROC3_READDIRPLUS:
      return readdirplus();
    case NFSPROC3_COMMIT:
      return commit();
    case NFSPROC3_SETATTR:
    case NFSPROC3_WRITE:
    case NFSPROC3_RMDIR:
      return first_changed();
    case NFSPROC3_REMOVE:
      cache_.changed_links(session_.count_change());
      return first_changed();
    case NFSPROC3_CREATE:
    case NFSPROC3_MKDIR:
    case NFSPROC3_SYMLINK:
    case NFSPROC3_MKNOD:
      return made_object();
    case NFSPROC3_RENAME:
      // The handles of the file that was renamed, and of one that it may have replaced, are not in
      // the call.
      return cache_.clear(session_.count_change());
    case NFSPROC3_LINK:
      return linked();
    default:
      return;
  }
}

}  // namespace

void learn(lease_cache& cache, session& s, std::uint32_t procedure, const_bytes arguments,
           const call_reply& reply) {
  learner(cache, s, arguments, reply).learn_from(procedure);
}

}  // namespace sfs
