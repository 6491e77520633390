// NFS calls with types, for the mount: from arguments to results, however often it takes. A server
// that says "later" (JUKEBOX) is asked again after a while; one that was restarted and has
// forgotten a handle is asked for another one by the file's name (revival.h). Serves stages 5, 6.
//
//     calls.make<NFSPROC3_GETATTR>({i}, [i](GETATTR3args& a) { a.object = i->handle(); },
//                                  [=](answer<NFSPROC3_GETATTR>& r) { ... });
//
// Thread safety: one color (the default color).
// Invariants: each call is answered exactly once, never from within make(). Results are decoded
// with the bounds of nfs3.x, and freed after the answer.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/session.h"
#include "examples/sfsd/mount/inode_table.h"

namespace sfs {

template <class Args, bool_t (*EncodeArgs)(XDR*, Args*), class Results,
          bool_t (*DecodeResults)(XDR*, Results*)>
struct call_types {
  using args = Args;
  using results = Results;
  static constexpr auto encode = EncodeArgs;
  using value = xdr_value<Results, DecodeResults>;
};

template <std::uint32_t Procedure>
struct nfs;
template <>
struct nfs<NFSPROC3_GETATTR>
    : call_types<GETATTR3args, xdr_GETATTR3args, GETATTR3res, xdr_GETATTR3res> {};
template <>
struct nfs<NFSPROC3_SETATTR> : call_types<SETATTR3args, xdr_SETATTR3args, wcc_res, xdr_wcc_res> {};
template <>
struct nfs<NFSPROC3_LOOKUP> : call_types<LOOKUP3args, xdr_LOOKUP3args, LOOKUP3res, xdr_LOOKUP3res> {
};
template <>
struct nfs<NFSPROC3_ACCESS> : call_types<ACCESS3args, xdr_ACCESS3args, ACCESS3res, xdr_ACCESS3res> {
};
template <>
struct nfs<NFSPROC3_READLINK>
    : call_types<READLINK3args, xdr_READLINK3args, READLINK3res, xdr_READLINK3res> {};
template <>
struct nfs<NFSPROC3_CREATE>
    : call_types<CREATE3args, xdr_CREATE3args, new_object_res, xdr_new_object_res> {};
template <>
struct nfs<NFSPROC3_MKDIR>
    : call_types<MKDIR3args, xdr_MKDIR3args, new_object_res, xdr_new_object_res> {};
template <>
struct nfs<NFSPROC3_SYMLINK>
    : call_types<SYMLINK3args, xdr_SYMLINK3args, new_object_res, xdr_new_object_res> {};
template <>
struct nfs<NFSPROC3_MKNOD>
    : call_types<MKNOD3args, xdr_MKNOD3args, new_object_res, xdr_new_object_res> {};
template <>
struct nfs<NFSPROC3_REMOVE> : call_types<REMOVE3args, xdr_REMOVE3args, wcc_res, xdr_wcc_res> {};
template <>
struct nfs<NFSPROC3_RMDIR> : call_types<REMOVE3args, xdr_REMOVE3args, wcc_res, xdr_wcc_res> {};
template <>
struct nfs<NFSPROC3_RENAME> : call_types<RENAME3args, xdr_RENAME3args, RENAME3res, xdr_RENAME3res> {
};
template <>
struct nfs<NFSPROC3_LINK> : call_types<LINK3args, xdr_LINK3args, LINK3res, xdr_LINK3res> {};
template <>
struct nfs<NFSPROC3_READDIR>
    : call_types<READDIR3args, xdr_READDIR3args, READDIR3res, xdr_READDIR3res> {};
template <>
struct nfs<NFSPROC3_READDIRPLUS>
    : call_types<READDIRPLUS3args, xdr_READDIRPLUS3args, READDIRPLUS3res, xdr_READDIRPLUS3res> {};
template <>
struct nfs<NFSPROC3_FSSTAT> : call_types<FSSTAT3args, xdr_FSSTAT3args, FSSTAT3res, xdr_FSSTAT3res> {
};
template <>
struct nfs<NFSPROC3_FSINFO> : call_types<FSINFO3args, xdr_FSINFO3args, FSINFO3res, xdr_FSINFO3res> {
};
template <>
struct nfs<NFSPROC3_PATHCONF>
    : call_types<PATHCONF3args, xdr_PATHCONF3args, PATHCONF3res, xdr_PATHCONF3res> {};

template <std::uint32_t Procedure>
struct answer {
  int error = 0;                                        // in errno's words
  typename nfs<Procedure>::results* results = nullptr;  // null if there are none
  reply_token token;
};

// The files whose handles are in a call's arguments.
using files_named = std::vector<async::ref<inode>>;

class nfs_calls {
 public:
  // Gives files new handles after a restart, and says whether one has changed.
  using reviver = std::function<void(const files_named&, std::function<void(bool)>)>;

  nfs_calls(session& s, inode_table& inodes, unsigned login)
      : session_(s), inodes_(inodes), login_(login) {}
  ~nfs_calls();

  void set_reviver(reviver r) { reviver_ = std::move(r); }

  // `fill(args)` is called whenever the call is sent; what it points to must live until then.
  template <std::uint32_t Procedure, class Fill, class Done>
  void make(files_named files, Fill fill, Done done) {
    using types = nfs<Procedure>;
    auto c = std::make_shared<call>();
    c->procedure = Procedure;
    c->files = std::move(files);
    c->arguments = [fill = std::move(fill)]() mutable {
      typename types::args args{};
      fill(args);
      return encoded<typename types::args>(types::encode, args);
    };
    c->done = [this, done = std::move(done)](const call_reply& r) mutable {
      typename types::value value;
      answer<Procedure> a;
      a.token = r.token;
      a.error = decoded(r, value);
      if (has_results(r, a.error)) a.results = &*value;
      done(a);
    };
    start(std::move(c));
  }

  // The same for READ and WRITE, whose data does not go through XDR. `data` may be empty.
  using raw_done = std::function<void(const call_reply&)>;
  void make_raw(std::uint32_t procedure, files_named files,
                std::function<std::vector<std::uint8_t>()> arguments,
                std::function<async::suio()> data, raw_done done);

  // What a call that changed something counts as.
  std::uint64_t count_change() { return session_.count_change(); }
  // The session takes calls again.
  void room();

  int errno_without_results(const call_reply& r) const noexcept;
  // By the status that is in front of all results.
  int errno_of_reply(const call_reply& r) const noexcept {
    return r.what == call_reply::kind::results ? status_errno(r.results) : errno_without_results(r);
  }

  // Calls back when `holds` says so, which is asked now and after each answer. Once at a time.
  void when(std::function<bool()> holds, std::function<void()> done);

 private:
  struct call {
    std::uint32_t procedure = 0;
    files_named files;
    std::function<std::vector<std::uint8_t>()> arguments;
    std::function<async::suio()> data;
    raw_done done;
    unsigned delays = 0;
    bool revived = false;
  };

  template <class Value>
  int decoded(const call_reply& r, Value& value) const {
    if (r.what != call_reply::kind::results) return errno_without_results(r);
    if (!value.decode(r.results)) return EPROTO;
    return status_errno(r.results);
  }
  static bool has_results(const call_reply& r, int error) noexcept {
    return r.what == call_reply::kind::results && error != EPROTO;
  }
  static int status_errno(const_bytes results) noexcept;

  void start(std::shared_ptr<call> c);
  void send(std::shared_ptr<call> c);
  void answered(std::shared_ptr<call> c, const call_reply& r);
  void settle(call& c, const call_reply& r);
  bool may_revive(const call& c) const noexcept;

  session& session_;
  inode_table& inodes_;
  unsigned login_;
  reviver reviver_;
  std::deque<std::shared_ptr<call>> waiting_;  // for room in the session
  std::function<bool()> holds_;
  std::function<void()> when_holds_;
};

}  // namespace sfs
