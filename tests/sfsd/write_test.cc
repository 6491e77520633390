// WRITE and COMMIT: what is in the file, when it is on the disk, and what is said when it is not.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>

#include "tests/sfsd/kernel_faults.h"
#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

class writing : public a_writable_export {};
INSTANTIATE_FOR_BOTH_NAMINGS(writing);

TEST_P(writing, puts_any_bytes_anywhere_and_tells_of_the_file) {
  byte_string f = file_of(*alice, "f", "0123456789");
  nfs.be(alice);
  std::string expected = "0123456789";
  auto put = [&](std::uint64_t offset, const std::string& data, stable_how how) {
    const fattr3 before = nfs.attributes(f);
    const written w = nfs.write(f, offset, data, how);
    ASSERT_EQ(w.status, NFS3_OK);
    EXPECT_EQ(w.count, data.size());
    EXPECT_GE(w.committed, how);
    EXPECT_TRUE(tells(nfs, w.wcc, before, f));
    if (!data.empty())
      expected.resize(std::max<std::size_t>(expected.size(), offset + data.size()));
    expected.replace(offset, data.size(), data);
    EXPECT_EQ(nfs.read_at(f, 0, data_max), expected.substr(0, data_max));
  };
  put(2, std::string("\0\xff\n", 3), UNSTABLE);
  put(10, "appended", DATA_SYNC);
  put(100, "behind a hole", FILE_SYNC);
  put(4, "", UNSTABLE);
  for (std::size_t size : {1, 2, 3, 4, 5}) put(size, std::string(size, 'x'), UNSTABLE);
  put(0, std::string(65536, 'y'), UNSTABLE);
  EXPECT_EQ(std::filesystem::file_size(root / "f"), 65536u);
}

TEST_P(writing, reaches_beyond_four_gigabytes) {
  byte_string f = file_of(*alice, "f", "");
  nfs.be(alice);
  const std::uint64_t far = (std::uint64_t{5} << 30) + 3;
  ASSERT_EQ(nfs.write(f, far, "far").status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).size, far + 3);
  EXPECT_EQ(nfs.read_at(f, far - 1, 10), std::string("\0far", 4));
}

TEST_P(writing, is_refused_where_no_file_reaches) {
  byte_string f = file_of(*alice, "f", "1");
  nfs.be(alice);
  for (std::uint64_t offset : {std::uint64_t{INT64_MAX} - 1, std::uint64_t{INT64_MAX},
                               std::uint64_t{INT64_MAX} + 1, UINT64_MAX - 1, UINT64_MAX}) {
    const fattr3 before = nfs.attributes(f);
    const written w = nfs.write(f, offset, "xyz", FILE_SYNC);
    EXPECT_EQ(w.status, NFS3ERR_FBIG) << offset;
    EXPECT_TRUE(tells(nfs, w.wcc, before, f)) << "a failure tells too";
  }
  EXPECT_EQ(nfs.attributes(f).size, 1u);
}

TEST_P(writing, is_for_who_may_write_and_for_the_owner_always) {
  byte_string read_only = file_of(*alice, "f", "", 0444), closed = file_of(*alice, "g", "", 0),
              by_group = file_of(*alice, "h", "", 0664);
  ASSERT_EQ(::chown((root / "h").c_str(), alice_id, shared_group), 0);
  nfs.be(alice);
  for (byte_string* f : {&read_only, &closed, &by_group}) {
    EXPECT_EQ(nfs.write(*f, 0, "x").status, NFS3_OK);
    EXPECT_EQ(nfs.read_at(*f, 0, 1), "x") << "he may read it too";
  }
  nfs.be(bob);
  EXPECT_EQ(nfs.write(read_only, 0, "x").status, NFS3ERR_ACCES);
  EXPECT_EQ(nfs.write(closed, 0, "x").status, NFS3ERR_ACCES);
  EXPECT_EQ(nfs.write(by_group, 0, "x").status, NFS3_OK);
  EXPECT_EQ(nfs.read_at(closed, 0, 1), "");
  EXPECT_EQ(nfs.status, NFS3ERR_ACCES);
}

TEST_P(writing, is_not_for_who_may_only_execute_and_reading_is) {
  byte_string f = file_of(*alice, "f", "run", 0711);
  nfs.be(bob);
  EXPECT_EQ(nfs.read_at(f, 0, 10), "run") << "NFS has no call to execute a file";
  EXPECT_EQ(nfs.write(f, 0, "x").status, NFS3ERR_ACCES);
  ASSERT_EQ(::chmod((root / "f").c_str(), 0710), 0);
  EXPECT_EQ(nfs.read_at(f, 0, 10), "");
  EXPECT_EQ(nfs.status, NFS3ERR_ACCES);
}

TEST_P(writing, takes_the_set_id_bits_away_unless_it_is_by_root) {
  byte_string f = file_of(*alice, "f", "12345", 06777);
  nfs.be(root_user);
  ASSERT_EQ(nfs.write(f, 0, "x").status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).mode, 06777u);
  nfs.be(bob);
  ASSERT_EQ(nfs.write(f, 0, "x").status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).mode, 0777u);
}

TEST_P(writing, to_what_is_no_file_is_refused) {
  byte_string d = directory_of(*alice, "d"), f = file_of(*alice, "f", ""), forged(40, 1);
  nfs.be(alice);
  byte_string link = nfs.make_link(d, "link", "../f").handle,
              fifo = nfs.make_node(d, "fifo", NF3FIFO).handle;
  EXPECT_EQ(nfs.write(d, 0, "x").status, NFS3ERR_ISDIR);
  EXPECT_EQ(nfs.write(link, 0, "x").status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.write(fifo, 0, "x").status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.write(forged, 0, "x").status, NFS3ERR_BADHANDLE);
  EXPECT_EQ(nfs.commit(fifo).status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.commit(link).status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.commit(forged).status, NFS3ERR_BADHANDLE);
  std::filesystem::remove(root / "f");
  EXPECT_EQ(nfs.write(f, 0, "x").status, NFS3ERR_STALE);
  EXPECT_EQ(nfs.commit(f).status, NFS3ERR_STALE);
}

TEST_P(writing, to_a_file_that_was_removed_while_it_was_open_is_refused) {
  byte_string f = file_of(*alice, "f", "");
  nfsstat3 why;
  data_call call;
  call.handle = sealed_handle(f);
  call.writes = true;
  const auto held = nfs.nfs.open(call, alice, why);
  ASSERT_TRUE(held);
  std::filesystem::remove(root / "f");
  reply r = std::move(
      *nfs.nfs.read_or_write(call, held.get(), NFS3_OK, patience::wait, nfs.notes, nfs.pool));
  EXPECT_EQ(load_be32(r.at(record_mark_size + rpc_accepted_size)), std::uint32_t{NFS3ERR_STALE});
}

TEST_P(writing, reaches_the_disk_before_the_reply_only_when_that_is_asked_for) {
  byte_string f = file_of(*alice, "f", ""), d = directory_of(*alice, "d");
  nfs.be(alice);
  faults_for_a_test kernel;
  EXPECT_EQ(nfs.write(f, 0, "x", UNSTABLE).committed, UNSTABLE);
  EXPECT_EQ(kernel.syncs(), 0);
  EXPECT_EQ(nfs.write(f, 0, "x", DATA_SYNC).committed, DATA_SYNC);
  EXPECT_EQ(kernel.syncs(), 1);
  EXPECT_EQ(nfs.write(f, 0, "x", FILE_SYNC).committed, FILE_SYNC);
  EXPECT_EQ(kernel.syncs(), 2);
  EXPECT_EQ(kernel.fsyncs, 1) << "fdatasync would leave the file's times behind";
  EXPECT_EQ(nfs.commit(f).status, NFS3_OK);
  EXPECT_EQ(kernel.fsyncs, 2);
  EXPECT_EQ(nfs.commit(d).status, NFS3_OK);
  EXPECT_EQ(kernel.fsyncs, 3) << "a directory's entries too";
}

TEST_P(writing, is_committed_by_a_user_who_may_not_read_the_file) {
  byte_string f = file_of(*alice, "f", "", 0);
  nfs.be(bob);
  const fattr3 before = nfs.attributes(f);
  const written c = nfs.commit(f, 5, 10);
  EXPECT_EQ(c.status, NFS3_OK);
  EXPECT_TRUE(tells(nfs, c.wcc, before, f));
}

TEST_P(writing, has_one_verifier_as_long_as_nothing_is_lost) {
  byte_string f = file_of(*alice, "f", ""), g = file_of(*alice, "g", "");
  const std::uint64_t verifier = nfs.write(f, 0, "x").verifier;
  EXPECT_EQ(nfs.write(g, 0, "x", FILE_SYNC).verifier, verifier);
  EXPECT_EQ(nfs.commit(f).verifier, verifier);
  nfs.create(top, "n", GUARDED);
  EXPECT_EQ(nfs.commit(g).verifier, verifier);
  writing_client after_a_restart(root, anonymous::read, 1, how());
  after_a_restart.be(root_user);
  byte_string there = after_a_restart.mount(), same = after_a_restart.look_up(there, "f");
  EXPECT_NE(after_a_restart.write(same, 0, "x").verifier, verifier);
}

TEST_P(writing, has_another_verifier_each_time_the_disk_has_failed) {
  byte_string f = file_of(*alice, "f", ""), d = directory_of(*alice, "d");
  std::uint64_t verifier = nfs.write(f, 0, "x").verifier;
  auto fails = [&](auto ask, int error, nfsstat3 expected) {
    {
      faults_for_a_test kernel;
      kernel.sync_error = error;
      const fattr3 before = nfs.attributes(f);
      const written w = ask();
      EXPECT_EQ(w.status, expected);
      EXPECT_TRUE(tells(nfs, w.wcc, before, f));
    }
    const std::uint64_t now = nfs.commit(f).verifier;
    EXPECT_NE(now, verifier);
    verifier = now;
  };
  fails([&] { return nfs.write(f, 0, "x", FILE_SYNC); }, EIO, NFS3ERR_IO);
  fails([&] { return nfs.write(f, 0, "x", DATA_SYNC); }, EIO, NFS3ERR_IO);
  fails([&] { return nfs.commit(f); }, EIO, NFS3ERR_IO);
  fails([&] { return nfs.commit(f); }, ENOSPC, NFS3ERR_NOSPC);
  fails([&] { return nfs.write(f, 0, "x", FILE_SYNC); }, EDQUOT, NFS3ERR_DQUOT);
}

TEST_P(writing, has_failed_for_a_commit_though_another_program_was_told_of_it_before) {
  byte_string f = file_of(*alice, "f", ""), g = file_of(*alice, "g", "");
  const std::uint64_t verifier = nfs.write(f, 0, "x").verifier;
  data_call call;
  call.handle = sealed_handle(f);
  call.writes = true;
  nfsstat3 why = NFS3_OK;
  // Long ago: it is not used to write any more, and still open.
  nfs.open_files.remember(call, nfs.nfs.open(call, root_user, why), {});
  ASSERT_EQ(why, NFS3_OK);
  {
    faults_for_a_test kernel;
    kernel.sync_error = EIO;
    kernel.sync_error_is_old = true;
    EXPECT_EQ(nfs.commit(g).status, NFS3_OK) << "it is another file";
    EXPECT_EQ(nfs.commit(f).status, NFS3ERR_IO);
  }
  EXPECT_EQ(nfs.commit(f).status, NFS3_OK);
  EXPECT_NE(nfs.commit(f).verifier, verifier);
}

TEST_P(writing, says_how_much_was_written_when_the_disk_takes_no_more) {
  byte_string f = file_of(*alice, "f", "");
  nfs.be(alice);
  faults_for_a_test kernel;
  kernel.write_most = 10;
  EXPECT_EQ(nfs.write(f, 0, std::string(95, 'a')).count, 95u) << "piece by piece";
  kernel.write_error = ENOSPC;
  kernel.writes_left = 3;
  const written some = nfs.write(f, 0, std::string(95, 'b'), FILE_SYNC);
  EXPECT_EQ(some.status, NFS3_OK);
  EXPECT_EQ(some.count, 30u);
  EXPECT_EQ(nfs.read_at(f, 0, 100), std::string(30, 'b') + std::string(65, 'a'));
  const written none = nfs.write(f, 0, "c");
  EXPECT_EQ(none.status, NFS3ERR_NOSPC);
  for (auto [error, status] :
       {std::pair{EIO, NFS3ERR_IO}, std::pair{EDQUOT, NFS3ERR_DQUOT},
        std::pair{EFBIG, NFS3ERR_FBIG}, std::pair{EAGAIN, NFS3ERR_JUKEBOX}}) {
    kernel.write_error = error;
    EXPECT_EQ(nfs.write(f, 0, "c").status, status) << error;
  }
}

TEST_P(writing, beyond_the_limit_of_the_process_is_refused) {
  byte_string f = file_of(*alice, "f", "");
  nfs.be(alice);
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = ::signal(SIGXFSZ, SIG_IGN);  // as the program has it
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_EQ(nfs.write(f, 0, std::string(5000, 'x')).count, 4096u);
  EXPECT_EQ(nfs.write(f, 4096, "x").status, NFS3ERR_FBIG);
  EXPECT_EQ(nfs.set(f, wanted().size(5000)).status, NFS3ERR_FBIG);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old);
}

// A small file system beneath the scratch directory, if we may mount one.
class small_disk {
 public:
  explicit small_disk(const std::filesystem::path& at) : at_(at) {
    mounted_ = ::mount("none", at.c_str(), "tmpfs", 0, "size=64k,mode=0777,nr_inodes=20") == 0;
  }
  ~small_disk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return mounted_; }

 private:
  std::filesystem::path at_;
  bool mounted_ = false;
};

TEST_P(writing, to_a_disk_that_is_full_says_so_and_keeps_what_was_written) {
  const auto at = scratch.directory("small");
  const small_disk disk(at);
  if (!disk) GTEST_SKIP() << "this needs the right to mount";
  writing_client small(at, anonymous::read, 1, how());
  small.be(alice);
  byte_string there = small.mount();
  made f = small.create(there, "f", GUARDED);
  ASSERT_EQ(f.status, NFS3_OK);
  std::uint64_t size = 0;
  written w;
  for (int i = 0; i < 100; ++i) {
    w = small.write(f.handle, size, std::string(5000, 'x'), FILE_SYNC);
    if (w.status != NFS3_OK) break;
    ASSERT_GT(w.count, 0u);
    size += w.count;
  }
  EXPECT_EQ(w.status, NFS3ERR_NOSPC);
  EXPECT_EQ(small.attributes(f.handle).size, size);
  nfsstat3 status = NFS3_OK;
  for (int i = 0; i < 30 && status == NFS3_OK; ++i)
    status = small.create(there, std::to_string(i), GUARDED).status;
  EXPECT_EQ(status, NFS3ERR_NOSPC) << "of files";
  EXPECT_EQ(small.make_directory(there, "d").status, NFS3ERR_NOSPC);
  EXPECT_EQ(small.make_link(there, "l", "t").status, NFS3ERR_NOSPC);
}

TEST_P(writing, to_a_file_system_that_is_read_only_says_so) {
  const auto at = scratch.directory("small");
  const small_disk disk(at);
  if (!disk) GTEST_SKIP() << "this needs the right to mount";
  scratch.file("small/f", "x");
  writing_client small(at, anonymous::read, 1, how());
  small.be(root_user);
  byte_string there = small.mount(), f = small.look_up(there, "f");
  ASSERT_EQ(::mount("none", at.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  // The server holds nothing that is open for writing, so the kernel may do it at any time.
  EXPECT_EQ(small.write(f, 0, "y").status, NFS3ERR_ROFS);
  EXPECT_EQ(small.set(f, wanted().mode(0)).status, NFS3ERR_ROFS);
  EXPECT_EQ(small.create(there, "n", GUARDED).status, NFS3ERR_ROFS);
  EXPECT_EQ(small.remove(there, "f").status, NFS3ERR_ROFS);
  EXPECT_EQ(small.read_at(f, 0, 1), "x");
}

}  // namespace
}  // namespace sfs::test
