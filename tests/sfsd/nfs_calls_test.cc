// What becomes of calls that are for nobody, change something, or are malformed.
#include <gtest/gtest.h>

#include "tests/sfsd/nfs_support.h"

namespace sfs::test {
namespace {

// What RPC says to a call, and the first word of the results.
struct verdict {
  rpc_accept accepted;
  std::uint32_t first_word = 0;
  std::size_t size = 0;
};

class a_call : public an_export {
 protected:
  verdict ask(std::uint32_t program, std::uint32_t version, std::uint32_t procedure,
              const byte_string& arguments = {}) {
    byte_string message(rpc_call_size(0));
    write_call(message.data(), 5, program, version, procedure);
    message.insert(message.end(), arguments.begin(), arguments.end());
    const byte_string answer = nfs.ask(message);
    const auto r = parse_reply(answer);
    EXPECT_TRUE(r);
    EXPECT_EQ(r->xid, 5u);
    return {r->status, r->results.size() >= 4 ? load_be32(r->results.data()) : 0,
            r->results.size()};
  }
};

TEST_F(a_call, for_what_is_not_here_is_told_so) {
  EXPECT_EQ(ask(100000, 2, 0).accepted, rpc_accept::prog_unavail);
  EXPECT_EQ(ask(NFS_PROGRAM, 2, 0).accepted, rpc_accept::prog_mismatch);
  EXPECT_EQ(ask(NFS_PROGRAM, 2, 0).first_word, 3u);
  EXPECT_EQ(ask(MOUNT_PROGRAM, 1, 0).accepted, rpc_accept::prog_mismatch);
  for (std::uint32_t p : {22u, 23u, 1000u, 0xffffffffu})
    EXPECT_EQ(ask(NFS_PROGRAM, 3, p).accepted, rpc_accept::proc_unavail) << p;
  for (std::uint32_t p : {2u, 4u, 6u, 0xffffffffu})
    EXPECT_EQ(ask(MOUNT_PROGRAM, 3, p).accepted, rpc_accept::proc_unavail) << p;
  EXPECT_EQ(ask(NFS_PROGRAM, 3, 0).accepted, rpc_accept::success);
  EXPECT_EQ(ask(MOUNT_PROGRAM, 3, 0).accepted, rpc_accept::success);
}

TEST_F(a_call, that_would_change_something_is_told_that_it_cannot) {
  const std::pair<std::uint32_t, std::size_t> sizes[] = {{2, 12},  {7, 12},  {8, 12},  {9, 12},
                                                         {10, 12}, {11, 12}, {12, 12}, {13, 12},
                                                         {14, 20}, {15, 16}, {21, 12}};
  for (auto [procedure, size] : sizes) {
    const verdict v = ask(NFS_PROGRAM, 3, procedure, byte_string(100));
    EXPECT_EQ(v.accepted, rpc_accept::success) << procedure;
    EXPECT_EQ(v.first_word, std::uint32_t{NFS3ERR_ROFS}) << procedure;
    EXPECT_EQ(v.size, size) << procedure;
  }
  EXPECT_EQ(ask(NFS_PROGRAM, 3, 17).first_word, std::uint32_t{NFS3ERR_NOTSUPP});
}

TEST_F(a_call, with_arguments_that_are_cut_too_long_or_oversized_is_garbage) {
  struct sample {
    std::uint32_t program, procedure;
    std::size_t tail;  // bytes after the handle
  };
  for (const sample& s : {sample{NFS_PROGRAM, 1, 0},
                          {NFS_PROGRAM, 4, 4},
                          {NFS_PROGRAM, 5, 0},
                          {NFS_PROGRAM, 6, 12},
                          {NFS_PROGRAM, 16, 20},
                          {NFS_PROGRAM, 18, 0},
                          {NFS_PROGRAM, 19, 0},
                          {NFS_PROGRAM, 20, 0}}) {
    byte_string good(4);
    store_be32(good.data(), sealed_handle_size);
    good.insert(good.end(), top.begin(), top.end());
    good.resize(good.size() + s.tail);
    EXPECT_EQ(ask(s.program, 3, s.procedure, good).accepted, rpc_accept::success) << s.procedure;
    for (std::size_t size = 0; size < good.size(); ++size) {
      const byte_string cut(good.begin(), good.begin() + static_cast<long>(size));
      ASSERT_EQ(ask(s.program, 3, s.procedure, cut).accepted, rpc_accept::garbage_args)
          << s.procedure << " " << size;
    }
    byte_string longer = good;
    longer.resize(good.size() + 4);
    EXPECT_EQ(ask(s.program, 3, s.procedure, longer).accepted, rpc_accept::garbage_args);
    for (std::uint32_t length : {65u, 0x7fffffffu, 0x80000000u, 0xfffffffdu, 0xffffffffu}) {
      byte_string huge = good;
      store_be32(huge.data(), length);
      EXPECT_EQ(ask(s.program, 3, s.procedure, huge).accepted, rpc_accept::garbage_args)
          << s.procedure << " " << length;
    }
  }
  for (std::uint32_t length : {1025u, 0x7fffffffu, 0xffffffffu}) {
    byte_string path(2000);
    store_be32(path.data(), length);
    EXPECT_EQ(ask(MOUNT_PROGRAM, 3, 1, path).accepted, rpc_accept::garbage_args);
    EXPECT_EQ(ask(MOUNT_PROGRAM, 3, 3, path).accepted, rpc_accept::garbage_args);
  }
  EXPECT_EQ(ask(NFS_PROGRAM, 3, 0, byte_string(4)).accepted, rpc_accept::garbage_args);
  EXPECT_EQ(ask(MOUNT_PROGRAM, 3, 5, byte_string(4)).accepted, rpc_accept::garbage_args);
}

}  // namespace
}  // namespace sfs::test
