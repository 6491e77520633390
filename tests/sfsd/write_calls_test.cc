// WRITEs that are malformed: each length that is wrong makes the call garbage, and nothing is
// written. And COMMITs and the other calls that change something, cut and blown up.
#include <gtest/gtest.h>

#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

// Where the words of a WRITE with a handle of `handle` bytes are, from the front of the arguments.
struct places {
  explicit places(std::size_t handle)
      : offset(4 + ((handle + 3) & ~std::size_t{3})),
        count(offset + 8),
        stable(count + 4),
        length(stable + 4),
        data(length + 4) {}
  std::size_t offset, count, stable, length, data;
};

class a_write : public a_writable_export {
 protected:
  byte_string f = (scratch.file("root/f", "0123456789"), nfs.look_up(top, "f"));
  const places at{f.size()};

  byte_string arguments(std::string_view data) {
    byte_string message = writing_client::write_message(f, 0, data, UNSTABLE);
    message.erase(message.begin(), message.begin() + rpc_call_size(0));
    return message;
  }
  // What RPC says to a call with these arguments.
  rpc_accept ask(const byte_string& args, std::uint32_t procedure = NFSPROC3_WRITE) {
    byte_string message(rpc_call_size(0));
    write_call(message.data(), 5, NFS_PROGRAM, 3, procedure);
    message.insert(message.end(), args.begin(), args.end());
    const byte_string answer = nfs.ask(message);
    const auto r = parse_reply(answer);
    EXPECT_TRUE(r && r->xid == 5 && !r->denied);
    return r->status;
  }
  bool untouched() { return nfs.read_at(f, 0, 100) == "0123456789"; }
};
INSTANTIATE_FOR_BOTH_NAMINGS(a_write);

TEST_P(a_write, that_is_cut_or_too_long_is_garbage) {
  for (std::size_t size : {0, 1, 2, 3, 4, 5, 100}) {
    const byte_string good = arguments(std::string(size, 'x'));
    for (std::size_t n = 0; n < good.size(); ++n) {
      const byte_string cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n));
      ASSERT_EQ(ask(cut), rpc_accept::garbage_args) << n << " of " << size;
    }
    for (std::size_t more : {1, 2, 3, 4, 64}) {
      byte_string longer = good;
      longer.resize(good.size() + more);
      ASSERT_EQ(ask(longer), rpc_accept::garbage_args) << size << " and " << more;
    }
  }
  EXPECT_TRUE(untouched());
}

TEST_P(a_write, whose_count_is_not_the_length_of_its_data_is_garbage) {
  for (std::uint32_t wrong : {0u, 1u, 4u, 6u, 7u, 8u, 9u, 65536u, 0x7fffffffu, 0x80000000u,
                              0xfffffffbu, 0xfffffffdu, 0xffffffffu}) {
    for (std::size_t word : {at.count, at.length}) {
      byte_string args = arguments("12345");
      store_be32(args.data() + word, wrong);
      ASSERT_EQ(ask(args), rpc_accept::garbage_args) << wrong;
    }
    byte_string both = arguments("12345");
    store_be32(both.data() + at.count, wrong);
    store_be32(both.data() + at.length, wrong);
    // With the padding these are as many bytes as there are: it is a good call of another length.
    if (wrong > 5 && wrong <= 8) continue;
    ASSERT_EQ(ask(both), rpc_accept::garbage_args) << wrong;
  }
  EXPECT_TRUE(untouched());
}

TEST_P(a_write, whose_handle_has_an_impossible_length_is_garbage) {
  for (std::uint32_t wrong :
       {65u, 66u, 68u, 400u, 0x7fffffffu, 0x80000000u, 0xfffffffdu, 0xffffffffu}) {
    byte_string args = arguments(std::string(200, 'x'));
    store_be32(args.data(), wrong);
    ASSERT_EQ(ask(args), rpc_accept::garbage_args) << wrong;
  }
  EXPECT_TRUE(untouched());
}

TEST_P(a_write, that_asks_for_an_unknown_stability_is_garbage) {
  for (std::uint32_t wrong : {3u, 4u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    byte_string args = arguments("x");
    store_be32(args.data() + at.stable, wrong);
    ASSERT_EQ(ask(args), rpc_accept::garbage_args) << wrong;
  }
  EXPECT_TRUE(untouched());
}

TEST_P(a_write, of_more_than_the_server_takes_is_garbage_and_as_much_as_it_takes_is_good) {
  const std::string most(data_max, 'x');
  EXPECT_EQ(ask(arguments(most + "y")), rpc_accept::garbage_args);
  EXPECT_TRUE(untouched());
  EXPECT_EQ(ask(arguments(most)), rpc_accept::success);
  EXPECT_EQ(nfs.attributes(f).size, data_max);
}

TEST_P(a_write, takes_its_data_from_behind_any_length_of_handle) {
  for (std::size_t size = 0; size <= NFS3_FHSIZE; ++size) {
    byte_string other(size, 9);
    const byte_string message = writing_client::write_message(other, 7, "12345", DATA_SYNC);
    data_call call;
    ASSERT_TRUE(parse_write(const_bytes(message).subspan(rpc_call_size(0)), call)) << size;
    EXPECT_TRUE(std::ranges::equal(call.handle.view(), other));
    EXPECT_EQ(call.offset, 7u);
    EXPECT_EQ(call.count, 5u);
    EXPECT_EQ(call.stable, DATA_SYNC);
    EXPECT_TRUE(std::ranges::equal(call.data, std::string_view("12345")));
    EXPECT_EQ(nfs.write(other, 0, "x").status, NFS3ERR_BADHANDLE) << size;
  }
}

// A good call of each procedure that changes something, as the client makes it.
template <class Args>
byte_string encoded(bool_t (*routine)(XDR*, Args*), Args args) {
  byte_string to(8192);
  to.resize(xdr_encode(routine, args, to));
  return to;
}

TEST_P(a_write, like_any_call_that_changes_something_is_garbage_when_it_is_cut) {
  byte_string d = directory_of(*alice, "d"), gone = file_of(*alice, "gone", "");
  std::filesystem::remove(root / "gone");
  const sattr3 all = wanted().mode(1).uid(2).gid(3).size(4).atime({5, 6}).mtime({7, 8});
  const diropargs3 place = at_name(gone, "name");
  CREATE3args exclusive{place, {EXCLUSIVE, {}}}, unchecked{place, {UNCHECKED, {}}};
  unchecked.how.createhow3_u.obj_attributes = all;
  MKNOD3args device{place, {NF3CHR, {}}}, fifo{place, {NF3FIFO, {}}};
  device.what.mknoddata3_u.device = {all, {1, 2}};
  fifo.what.mknoddata3_u.pipe_attributes = all;
  char target[] = "target";
  SETATTR3args set{as_handle(gone), all, {TRUE, {}}};
  set.guard.sattrguard3_u.obj_ctime = {1, 2};
  const std::pair<std::uint32_t, byte_string> calls[] = {
      {NFSPROC3_SETATTR, encoded(xdr_SETATTR3args, set)},
      {NFSPROC3_CREATE, encoded(xdr_CREATE3args, exclusive)},
      {NFSPROC3_CREATE, encoded(xdr_CREATE3args, unchecked)},
      {NFSPROC3_MKDIR, encoded(xdr_MKDIR3args, MKDIR3args{place, all})},
      {NFSPROC3_SYMLINK, encoded(xdr_SYMLINK3args, SYMLINK3args{place, {all, {6, target}}})},
      {NFSPROC3_MKNOD, encoded(xdr_MKNOD3args, device)},
      {NFSPROC3_MKNOD, encoded(xdr_MKNOD3args, fifo)},
      {NFSPROC3_REMOVE, encoded(xdr_REMOVE3args, REMOVE3args{place})},
      {NFSPROC3_RMDIR, encoded(xdr_REMOVE3args, REMOVE3args{place})},
      {NFSPROC3_RENAME, encoded(xdr_RENAME3args, RENAME3args{place, place})},
      {NFSPROC3_LINK, encoded(xdr_LINK3args, LINK3args{as_handle(gone), place})},
      {NFSPROC3_COMMIT, encoded(xdr_COMMIT3args, COMMIT3args{as_handle(gone), 0, 0})},
  };
  for (const auto& [procedure, good] : calls) {
    EXPECT_EQ(ask(good, procedure), rpc_accept::success) << procedure;
    for (std::size_t n = 0; n < good.size(); ++n) {
      const byte_string cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n));
      ASSERT_EQ(ask(cut, procedure), rpc_accept::garbage_args) << procedure << " " << n;
    }
    byte_string longer = good;
    longer.resize(good.size() + 4);
    EXPECT_EQ(ask(longer, procedure), rpc_accept::garbage_args) << procedure;
  }
  byte_string impossible = calls[1].second;  // CREATE, and the way to do it behind handle and name
  store_be32(impossible.data() + impossible.size() - 12, 3);
  EXPECT_EQ(ask(impossible, NFSPROC3_CREATE), rpc_accept::garbage_args);
}

}  // namespace
}  // namespace sfs::test
