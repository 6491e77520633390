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

INSTANTIATE_FOR_BOTH_NAMINGS(a_call);

TEST_P(a_call, for_what_is_not_here_is_told_so) {
  EXPECT_EQ(ask(100000, 2, 0).accepted, rpc_accept::prog_unavail);
  EXPECT_EQ(ask(NFS_PROGRAM, 2, 0).accepted, rpc_accept::prog_mismatch);
  EXPECT_EQ(ask(NFS_PROGRAM, 2, 0).first_word, 3u);
  EXPECT_EQ(ask(MOUNT_PROGRAM, 1, 0).accepted, rpc_accept::prog_mismatch);
  for (std::uint32_t p : {22u, 23u, 1000u, 0xffffffffu})
    EXPECT_EQ(ask(NFS_PROGRAM, 3, p).accepted, rpc_accept::proc_unavail) << p;
  for (std::uint32_t p : {6u, 7u, 0xffffffffu})
    EXPECT_EQ(ask(MOUNT_PROGRAM, 3, p).accepted, rpc_accept::proc_unavail) << p;
  EXPECT_EQ(ask(NFS_PROGRAM, 3, 0).accepted, rpc_accept::success);
  EXPECT_EQ(ask(MOUNT_PROGRAM, 3, 0).accepted, rpc_accept::success);
}

// Arguments of every procedure that changes something: handles, and zeros behind them, mean
// something to each.
byte_string changing_arguments(const byte_string& handle, std::size_t handles, std::size_t names,
                               std::size_t tail) {
  byte_string made;
  for (std::size_t i = 0; i < std::max(handles, names); ++i) {
    if (i < handles) {
      made.insert(made.end(), {0, 0, 0, static_cast<std::uint8_t>(handle.size())});
      made.insert(made.end(), handle.begin(), handle.end());
    }
    if (i < names) made.insert(made.end(), {0, 0, 0, 1, 'n', 0, 0, 0});
  }
  made.resize(made.size() + tail);
  return made;
}

struct changing_call {
  std::uint32_t procedure;
  std::size_t handles, names, tail;  // of the arguments
  std::size_t refusal;               // how many bytes say no
};
constexpr std::size_t no_attributes_at_all = 6 * 4;  // of a sattr3
constexpr changing_call changing_calls[] = {
    {NFSPROC3_SETATTR, 1, 0, no_attributes_at_all + 4, 12},
    {NFSPROC3_WRITE, 1, 0, 8 + 4 + 4 + 4, 12},
    {NFSPROC3_CREATE, 1, 1, 4 + no_attributes_at_all, 12},
    {NFSPROC3_MKDIR, 1, 1, no_attributes_at_all, 12},
    {NFSPROC3_SYMLINK, 1, 1, no_attributes_at_all + 4, 12},
    {NFSPROC3_MKNOD, 1, 1, 4, 12},
    {NFSPROC3_REMOVE, 1, 1, 0, 12},
    {NFSPROC3_RMDIR, 1, 1, 0, 12},
    {NFSPROC3_RENAME, 2, 2, 0, 20},
    {NFSPROC3_LINK, 2, 0, 4 + 4, 16},
    {NFSPROC3_COMMIT, 1, 0, 12, 12},
};

TEST_P(a_call, that_would_change_something_is_refused_to_anonymous_clients_and_in_its_own_shape) {
  const auto before = std::filesystem::last_write_time(root);
  for (const changing_call& c : changing_calls) {
    // LINK has the name behind the second handle.
    byte_string arguments = changing_arguments(top, c.handles, c.names, c.tail);
    if (c.procedure == NFSPROC3_LINK) {
      store_be32(arguments.data() + arguments.size() - 8, 1);
      arguments[arguments.size() - 4] = 'n';
    }
    const verdict v = ask(NFS_PROGRAM, 3, c.procedure, arguments);
    EXPECT_EQ(v.accepted, rpc_accept::success) << c.procedure;
    EXPECT_EQ(v.first_word, std::uint32_t{NFS3ERR_ACCES}) << c.procedure;
    EXPECT_EQ(v.size, c.refusal) << c.procedure;
  }
  EXPECT_EQ(std::filesystem::last_write_time(root), before);
}

TEST_P(a_call, with_arguments_that_are_cut_too_long_or_oversized_is_garbage) {
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
    store_be32(good.data(), static_cast<std::uint32_t>(top.size()));
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
