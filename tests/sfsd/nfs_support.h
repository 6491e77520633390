// A client of the NFS service without a channel: calls go in as messages, replies come out decoded.
//
// Serves no stage of its own. Thread safety: one thread.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/nfs/export.h"
#include "examples/sfsd/nfs/recent_files.h"
#include "examples/sfsd/nfs/service.h"
#include "tests/sfsd/support.h"

namespace sfs::test {

class nfs_client {
 public:
  explicit nfs_client(const std::filesystem::path& directory, anonymous allowed = anonymous::read,
                      std::uint8_t key = 1, export_tree::options o = {})
      : tree(open(directory, allowed, key, o)), nfs(*tree) {}

  std::unique_ptr<export_tree> tree;
  service nfs;
  block_pool pool;
  async::ref<const principal> who = make_anonymous();
  lease_notes notes;
  std::counting_semaphore<> permits{16};
  recent_files open_files{permits};  // none, unless a test remembers one

  // The payload of the reply to a message (after the record mark); empty if the channel would end.
  byte_string ask(const_bytes message) {
    classified c;
    classify(message, c);
    if (c.kind == call_class::nonsense) return {};
    reply r = c.kind == call_class::data      ? read_or_write(c.data)
              : c.kind == call_class::refused ? refuse(c, pool)
                                              : nfs.answer(c.call, *who, notes, open_files, pool);
    const bytes framed = payload_of(r.frame());
    byte_string payload(framed.begin(), framed.end());
    EXPECT_EQ(load_be32(payload.data()), last_fragment | (payload.size() - record_mark_size));
    payload.erase(payload.begin(), payload.begin() + record_mark_size);
    pool.give(r.release());
    return payload;
  }

  reply read_or_write(const data_call& call) {
    nfsstat3 why = NFS3_OK;
    const auto file = nfs.open(call, who, why);
    return std::move(*nfs.read_or_write(call, file.get(), why, patience::wait, notes, pool));
  }

  // A call with arguments that XDR takes; its result, or that RPC itself said no.
  template <class Res, bool_t (*DecodeRes)(XDR*, Res*), class Args>
  std::unique_ptr<xdr_value<Res, DecodeRes>> call(std::uint32_t program, std::uint32_t procedure,
                                                  bool_t (*routine)(XDR*, Args*), Args args) {
    byte_string message;
    append_call(message, 17, program, procedure, routine, args);
    last_reply = ask(const_bytes(message).subspan(record_mark_size));
    auto result = std::make_unique<xdr_value<Res, DecodeRes>>();
    const auto r = parse_reply(last_reply);
    if (!r || r->xid != 17 || r->denied || r->status != rpc_accept::success ||
        !result->decode(r->results)) {
      ADD_FAILURE() << "no good reply to procedure " << procedure;
    }
    return result;
  }

  byte_string mount(std::string_view path = "/") {
    dirpath where{static_cast<u_int>(path.size()), const_cast<char*>(path.data())};
    auto res = call<mountres3, xdr_mountres3>(MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath, where);
    mount_status = (*res)->fhs_status;
    if (mount_status != MNT3_OK) return {};
    const auto& fh = (*res)->mountres3_u.mountinfo.fhandle;
    return {fh.fhandle3_val, fh.fhandle3_val + fh.fhandle3_len};
  }

  // The handle of a name in a directory; empty, and `status`, if it is not there.
  byte_string look_up(byte_string& directory, std::string_view name) {
    LOOKUP3args args{{as_handle(directory), as_name(name)}};
    auto res =
        call<LOOKUP3res, xdr_LOOKUP3res>(NFS_PROGRAM, NFSPROC3_LOOKUP, xdr_LOOKUP3args, args);
    status = (*res)->status;
    if (status != NFS3_OK) return {};
    const auto& fh = (*res)->LOOKUP3res_u.resok.object.data;
    return {fh.data_val, fh.data_val + fh.data_len};
  }

  // A file's attributes; `status` says whether they are any good.
  fattr3 attributes(byte_string& handle) {
    GETATTR3args args{as_handle(handle)};
    auto res =
        call<GETATTR3res, xdr_GETATTR3res>(NFS_PROGRAM, NFSPROC3_GETATTR, xdr_GETATTR3args, args);
    status = (*res)->status;
    return status == NFS3_OK ? (*res)->GETATTR3res_u.obj_attributes : fattr3{};
  }

  // What READ gives; `status`, `eof`.
  std::string read_at(byte_string& handle, std::uint64_t offset, std::uint32_t count) {
    READ3args args{as_handle(handle), offset, count};
    auto res = call<READ3res, xdr_READ3res>(NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, args);
    status = (*res)->status;
    if (status != NFS3_OK) return {};
    const auto& ok = (*res)->READ3res_u.resok;
    EXPECT_EQ(ok.count, ok.data.data_len);
    eof = ok.eof;
    return {ok.data.data_val, ok.data.data_len};
  }

  mountstat3 mount_status = MNT3_OK;
  nfsstat3 status = NFS3_OK;
  bool eof = false;
  byte_string last_reply;

 private:
  static std::unique_ptr<export_tree> open(const std::filesystem::path& directory,
                                           anonymous allowed, std::uint8_t key,
                                           export_tree::options o) {
    o.allowed = allowed;
    auto tree = export_tree::open(directory, secret_of(key), o);
    EXPECT_TRUE(tree);
    return std::move(*tree);
  }
};

// How the server names files for handles. Only root can have the kernel's handles.
enum class naming : std::uint8_t { kernel, table };

// A directory that is exported, and a client of it.
class an_export : public testing::TestWithParam<naming> {
 protected:
  bool by_kernel() const { return GetParam() == naming::kernel; }
  export_tree::options how() const {
    export_tree::options o;
    o.kernel_handles = by_kernel();
    return o;
  }

  void SetUp() override {
    if (by_kernel() && !nfs.tree->any_thread()) GTEST_SKIP() << "this needs root";
  }

  scratch_directory scratch;
  std::filesystem::path root = scratch.directory("root");
  std::filesystem::path outside = scratch.file("secret", "not exported");
  nfs_client nfs{root, anonymous::read, 1, how()};
  byte_string top = nfs.mount();

  void file(const std::string& name, std::string_view content) {
    scratch.file("root/" + name, content);
  }
};

inline std::string name_of(const testing::TestParamInfo<naming>& info) {
  return info.param == naming::kernel ? "by_kernel" : "by_table";
}

#define INSTANTIATE_FOR_BOTH_NAMINGS(fixture) \
  INSTANTIATE_TEST_SUITE_P(named, fixture, testing::Values(naming::kernel, naming::table), name_of)

}  // namespace sfs::test
