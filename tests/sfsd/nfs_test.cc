// The NFS and MOUNT programs over a real directory: what is shown, what is refused, and that
// nothing outside the export can be reached.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/sfsd/nfs_support.h"

namespace sfs::test {
namespace {

INSTANTIATE_FOR_BOTH_NAMINGS(an_export);

TEST_P(an_export, is_mounted_by_its_name_and_so_is_any_directory_in_it) {
  scratch.directory("root/a/b");
  EXPECT_FALSE(top.empty());
  EXPECT_EQ(nfs.mount(""), top);
  byte_string b = nfs.mount("/a/b"), a = nfs.look_up(top, "a");
  EXPECT_EQ(nfs.look_up(a, "b"), b);
  EXPECT_EQ(nfs.mount("//a//b/"), b);
  file("plain", "x");
  EXPECT_TRUE(nfs.mount("/plain").empty());
  EXPECT_EQ(nfs.mount_status, MNT3ERR_NOTDIR);
  EXPECT_TRUE(nfs.mount("/nothing").empty());
  EXPECT_EQ(nfs.mount_status, MNT3ERR_NOENT);
  EXPECT_EQ(nfs.mount("/../../.."), top) << "the root is its own parent";
  EXPECT_TRUE(nfs.mount(std::string("/a\0b", 4)).empty());
  EXPECT_EQ(nfs.mount_status, MNT3ERR_INVAL);
}

TEST_P(an_export, shows_attributes_as_the_kernel_has_them) {
  file("f", "12345");
  byte_string f = nfs.look_up(top, "f");
  const fattr3 a = nfs.attributes(f);
  struct stat st;
  ASSERT_EQ(::stat((root / "f").c_str(), &st), 0);
  EXPECT_EQ(a.type, NF3REG);
  EXPECT_EQ(a.mode, 0644u);
  EXPECT_EQ(a.size, 5u);
  EXPECT_EQ(a.fileid, st.st_ino);
  EXPECT_EQ(a.nlink, 1u);
  EXPECT_EQ(a.uid, st.st_uid);
  EXPECT_EQ(a.mtime.seconds, static_cast<u_int>(st.st_mtim.tv_sec));
  EXPECT_EQ(a.mtime.nseconds, static_cast<u_int>(st.st_mtim.tv_nsec));
  EXPECT_EQ(nfs.attributes(top).type, NF3DIR);
}

TEST_P(an_export, gives_one_file_one_handle_under_all_its_names) {
  file("f", "x");
  std::filesystem::create_hard_link(root / "f", root / "g");
  EXPECT_EQ(nfs.look_up(top, "f"), nfs.look_up(top, "g"));
  EXPECT_EQ(nfs.look_up(top, "."), top);
  EXPECT_EQ(nfs.look_up(top, ".."), top);
  scratch.directory("root/d");
  byte_string d = nfs.look_up(top, "d");
  EXPECT_EQ(nfs.look_up(d, ".."), top);
  EXPECT_EQ(nfs.look_up(d, "."), d);
}

TEST_P(an_export, refuses_names_that_are_no_names) {
  auto status = [&](std::string_view name) {
    nfs.look_up(top, name);
    return nfs.status;
  };
  EXPECT_EQ(status(""), NFS3ERR_INVAL);
  EXPECT_EQ(status("a/b"), NFS3ERR_INVAL);
  EXPECT_EQ(status("/"), NFS3ERR_INVAL);
  EXPECT_EQ(status("../secret"), NFS3ERR_INVAL);
  EXPECT_EQ(status(std::string_view("f\0g", 3)), NFS3ERR_INVAL);
  EXPECT_EQ(status(std::string(255, 'n')), NFS3ERR_NOENT);
  EXPECT_EQ(status(std::string(256, 'n')), NFS3ERR_NAMETOOLONG);
  EXPECT_EQ(status(std::string(1024, 'n')), NFS3ERR_NAMETOOLONG);
}

TEST_P(an_export, never_follows_a_symbolic_link_and_shows_it_instead) {
  std::filesystem::create_symlink(outside, root / "link");
  std::filesystem::create_directory_symlink(scratch.path(), root / "up");
  byte_string link = nfs.look_up(top, "link");
  EXPECT_EQ(nfs.attributes(link).type, NF3LNK);
  EXPECT_EQ(nfs.read_at(link, 0, 100), "");
  EXPECT_EQ(nfs.status, NFS3ERR_INVAL);
  READLINK3args args{as_handle(link)};
  auto res = nfs.call<READLINK3res, xdr_READLINK3res>(NFS_PROGRAM, NFSPROC3_READLINK,
                                                      xdr_READLINK3args, args);
  ASSERT_EQ((*res)->status, NFS3_OK);
  const auto& target = (*res)->READLINK3res_u.resok.data;
  EXPECT_EQ(std::string(target.nfspath3_val, target.nfspath3_len), outside.string());
  byte_string up = nfs.look_up(top, "up");
  EXPECT_TRUE(nfs.look_up(up, "secret").empty());
  EXPECT_EQ(nfs.status, NFS3ERR_NOTDIR);
  EXPECT_TRUE(nfs.mount("/up").empty());
}

TEST_P(an_export, does_not_leave_its_root_when_a_directory_becomes_a_link) {
  scratch.directory("root/d");
  file("d/secret", "exported");
  byte_string d = nfs.look_up(top, "d"), f = nfs.look_up(d, "secret");
  EXPECT_EQ(nfs.read_at(f, 0, 100), "exported");
  std::filesystem::rename(root / "d", root / "e");
  std::filesystem::create_directory_symlink(scratch.path(), root / "d");
  if (by_kernel()) {
    EXPECT_EQ(nfs.look_up(d, "secret"), f) << "the handle follows the directory";
  } else {
    EXPECT_EQ(nfs.attributes(f).size, 0u);
    EXPECT_EQ(nfs.status, NFS3ERR_STALE);
    EXPECT_TRUE(nfs.look_up(d, "secret").empty());
    EXPECT_EQ(nfs.status, NFS3ERR_STALE);
  }
  EXPECT_EQ(nfs.look_up(top, "e"), d) << "found again under its new name";
  EXPECT_EQ(nfs.read_at(f, 0, 100), "exported");
}

TEST_P(an_export, calls_a_handle_stale_whose_file_is_gone_or_another_one) {
  file("f", "old");
  byte_string f = nfs.look_up(top, "f");
  EXPECT_EQ(nfs.read_at(f, 0, 10), "old");
  std::filesystem::remove(root / "f");
  nfs.attributes(f);
  EXPECT_EQ(nfs.status, NFS3ERR_STALE);
  file("f", "new");
  nfs.attributes(f);
  EXPECT_EQ(nfs.status, NFS3ERR_STALE);
  EXPECT_EQ(nfs.read_at(f, 0, 10), "");
  EXPECT_EQ(nfs.status, NFS3ERR_STALE);
  byte_string again = nfs.look_up(top, "f");
  EXPECT_NE(again, f);
  EXPECT_EQ(nfs.read_at(again, 0, 10), "new");
}

TEST_P(an_export, refuses_forged_handles_and_those_of_other_exports) {
  file("f", "x");
  scratch.directory("root/d");
  byte_string f = nfs.look_up(top, "f");
  for (std::size_t bit = 0; bit < f.size() * 8; bit += 7) {
    byte_string forged = f;
    forged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    nfs.attributes(forged);
    ASSERT_EQ(nfs.status, NFS3ERR_BADHANDLE) << bit;
    nfs.read_at(forged, 0, 10);
    ASSERT_EQ(nfs.status, NFS3ERR_BADHANDLE) << bit;
  }
  auto random = async::test::make_prng();
  for (std::size_t size = 0; size <= NFS3_FHSIZE; ++size) {
    byte_string guess = random_bytes(random, size);
    nfs.attributes(guess);
    ASSERT_EQ(nfs.status, NFS3ERR_BADHANDLE) << size;
  }
  scratch.directory("other");
  nfs_client other_export(scratch.path() / "other", anonymous::read, 1, how()),
      other_key(root, anonymous::read, 2, how()), inner(root / "d", anonymous::read, 1, how());
  for (nfs_client* other : {&other_export, &other_key, &inner}) {
    other->attributes(f);
    EXPECT_EQ(other->status, NFS3ERR_BADHANDLE);
  }
}

TEST_P(an_export, knows_its_handles_again_after_a_restart) {
  file("f", "x");
  byte_string f = nfs.look_up(top, "f");
  std::filesystem::rename(root / "f", root / "renamed meanwhile");
  nfs_client other_run(root, anonymous::read, 1, how());
  EXPECT_EQ(other_run.read_at(f, 0, 10), by_kernel() ? "x" : "");
}

TEST_P(an_export, lets_everybody_do_what_the_permission_bits_allow_everybody) {
  file("closed", "x");
  ::chmod((root / "closed").c_str(), 0640);
  scratch.directory("root/unsearchable");
  file("unsearchable/f", "x");
  ::chmod((root / "unsearchable").c_str(), 0754);
  file("run", "x");
  ::chmod((root / "run").c_str(), 0755);
  byte_string closed = nfs.look_up(top, "closed"), dir = nfs.look_up(top, "unsearchable"),
              run = nfs.look_up(top, "run");
  EXPECT_EQ(nfs.read_at(closed, 0, 1), "");
  EXPECT_EQ(nfs.status, NFS3ERR_ACCES);
  EXPECT_TRUE(nfs.look_up(dir, "f").empty());
  EXPECT_EQ(nfs.status, NFS3ERR_ACCES);
  auto may = [&](byte_string& handle) {
    ACCESS3args args{as_handle(handle), 0x3f};
    auto res =
        nfs.call<ACCESS3res, xdr_ACCESS3res>(NFS_PROGRAM, NFSPROC3_ACCESS, xdr_ACCESS3args, args);
    EXPECT_EQ((*res)->status, NFS3_OK);
    return (*res)->ACCESS3res_u.resok.access;
  };
  EXPECT_EQ(may(closed), 0u);
  EXPECT_EQ(may(dir), u_int{ACCESS3_READ});
  EXPECT_EQ(may(run), u_int{ACCESS3_READ | ACCESS3_EXECUTE});
  EXPECT_EQ(may(top), u_int{ACCESS3_READ | ACCESS3_LOOKUP});
}

TEST_P(an_export, closes_a_file_to_readers_as_soon_as_it_is_closed_to_everybody) {
  file("f", "x");
  byte_string f = nfs.look_up(top, "f");
  EXPECT_EQ(nfs.read_at(f, 0, 1), "x");
  nfsstat3 why;
  data_call call;
  call.handle = sealed_handle(f);
  call.count = 1;
  const auto held = nfs.nfs.open(call, nfs.who, why);
  ::chmod((root / "f").c_str(), 0600);
  reply r = std::move(*read_file(call, held.get(), NFS3_OK, patience::wait, nfs.pool));
  EXPECT_EQ(load_be32(r.at(record_mark_size + rpc_accepted_size)), std::uint32_t{NFS3ERR_ACCES});
}

TEST_P(an_export, lets_an_anonymous_client_do_nothing_unless_it_is_told_to) {
  file("f", "x");
  byte_string f = nfs.look_up(top, "f");
  nfs_client closed(root, anonymous::nothing, 1, how());
  EXPECT_TRUE(closed.mount().empty());
  EXPECT_EQ(closed.mount_status, MNT3ERR_ACCES);
  for (byte_string handle : {f, top}) {
    closed.attributes(handle);
    EXPECT_EQ(closed.status, NFS3ERR_ACCES);
    closed.look_up(handle, "f");
    EXPECT_EQ(closed.status, NFS3ERR_ACCES);
    closed.read_at(handle, 0, 1);
    EXPECT_EQ(closed.status, NFS3ERR_ACCES);
  }
}

TEST_P(an_export, never_opens_what_is_not_a_regular_file) {
  ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0666), 0);
  byte_string fifo = nfs.look_up(top, "fifo");
  EXPECT_EQ(nfs.attributes(fifo).type, NF3FIFO);
  nfs.read_at(fifo, 0, 1);
  EXPECT_EQ(nfs.status, NFS3ERR_INVAL);
  nfs.read_at(top, 0, 1);
  EXPECT_EQ(nfs.status, NFS3ERR_ISDIR);
  const int s = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = root / "socket";
  std::copy_n(path.c_str(), std::min(path.size() + 1, sizeof address.sun_path), address.sun_path);
  ASSERT_EQ(::bind(s, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  byte_string socket = nfs.look_up(top, "socket");
  EXPECT_EQ(nfs.attributes(socket).type, NF3SOCK);
  nfs.read_at(socket, 0, 1);
  EXPECT_EQ(nfs.status, NFS3ERR_INVAL);
  ::close(s);
}

TEST_P(an_export, reads_any_range_of_a_file) {
  auto random = async::test::make_prng();
  const byte_string content = random_bytes(random, 200'000);
  file("f", {reinterpret_cast<const char*>(content.data()), content.size()});
  byte_string f = nfs.look_up(top, "f");
  auto expect = [&](std::uint64_t offset, std::uint32_t count) {
    const std::string got = nfs.read_at(f, offset, count);
    ASSERT_EQ(nfs.status, NFS3_OK);
    const std::size_t from = std::min<std::uint64_t>(offset, content.size());
    const std::size_t size =
        std::min<std::size_t>({count, std::size_t{data_max}, content.size() - from});
    ASSERT_EQ(got.size(), size) << offset << " " << count;
    EXPECT_TRUE(
        std::equal(got.begin(), got.end(), content.begin() + static_cast<long>(from),
                   [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; }));
    EXPECT_EQ(nfs.eof, from + size >= content.size()) << offset << " " << count;
  };
  for (std::uint32_t count : {0u, 1u, 2u, 3u, 4u, 8192u, 65399u, 65400u, 65401u, 65535u, 65536u,
                              65537u, 0x7fffffffu, 0xffffffffu})
    for (std::uint64_t offset :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{134464}, std::uint64_t{199'999},
          std::uint64_t{200'000}, std::uint64_t{200'001}, std::uint64_t{INT64_MAX},
          std::uint64_t{INT64_MAX} + 1, UINT64_MAX, UINT64_MAX - 4})
      expect(offset, count);
  for (int i = 0; i < 200; ++i)
    expect(random() % 210'000, static_cast<std::uint32_t>(random() % 70'000));
}

TEST_P(an_export, reads_holes_and_ends_beyond_four_gigabytes) {
  file("sparse", "");
  const std::uint64_t size = (std::uint64_t{5} << 30) + 10;
  std::filesystem::resize_file(root / "sparse", size);
  byte_string f = nfs.look_up(top, "sparse");
  EXPECT_EQ(nfs.attributes(f).size, size);
  EXPECT_EQ(nfs.read_at(f, (std::uint64_t{5} << 30) - 4, 8), std::string(8, '\0'));
  EXPECT_FALSE(nfs.eof);
  EXPECT_EQ(nfs.read_at(f, std::uint64_t{5} << 30, 65536), std::string(10, '\0'));
  EXPECT_TRUE(nfs.eof);
  EXPECT_EQ(nfs.read_at(f, size, 10), "");
  EXPECT_TRUE(nfs.eof);
}

TEST_P(an_export, describes_itself) {
  FSINFO3args args{as_handle(top)};
  auto info =
      nfs.call<FSINFO3res, xdr_FSINFO3res>(NFS_PROGRAM, NFSPROC3_FSINFO, xdr_FSINFO3args, args);
  ASSERT_EQ((*info)->status, NFS3_OK);
  EXPECT_EQ((*info)->FSINFO3res_u.resok.rtmax, 65536u);
  FSSTAT3args stat_args{as_handle(top)};
  auto stat = nfs.call<FSSTAT3res, xdr_FSSTAT3res>(NFS_PROGRAM, NFSPROC3_FSSTAT, xdr_FSSTAT3args,
                                                   stat_args);
  ASSERT_EQ((*stat)->status, NFS3_OK);
  EXPECT_GT((*stat)->FSSTAT3res_u.resok.tbytes, 0u);
  PATHCONF3args conf_args{as_handle(top)};
  auto conf = nfs.call<PATHCONF3res, xdr_PATHCONF3res>(NFS_PROGRAM, NFSPROC3_PATHCONF,
                                                       xdr_PATHCONF3args, conf_args);
  ASSERT_EQ((*conf)->status, NFS3_OK);
  EXPECT_EQ((*conf)->PATHCONF3res_u.resok.name_max, 255u);
  const auto list = [&] {
    byte_string message;
    append_call(message, 1, MOUNT_PROGRAM, MOUNTPROC3_EXPORT);
    return nfs.ask(const_bytes(message).subspan(record_mark_size));
  }();
  xdr_value<exports, xdr_exports> decoded;
  ASSERT_TRUE(decoded.decode(parse_reply(list)->results));
  ASSERT_NE(*decoded, nullptr);
  EXPECT_EQ(std::string((*decoded)->ex_dir.dirpath_val, (*decoded)->ex_dir.dirpath_len), "/");
  EXPECT_EQ((*decoded)->ex_next, nullptr);
}

}  // namespace
}  // namespace sfs::test
