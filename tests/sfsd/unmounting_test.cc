// The end of a mounted file system: what is waited for, and what is said to be lost.
#include "examples/sfsd/mount/file_system.h"
#include "tests/sfsd/mount_support.h"
#include "tests/sfsd/session_support.h"

namespace sfs::test {
namespace {

class an_unmounted_file_system : public a_clients_session {
 protected:
  an_unmounted_file_system() {
    keep_silent();
    open();
    served what;
    what.root = file_key(numbered_handle(1));
    files.emplace(*s, time, what, 0);
    inode_table& known = files->inodes();
    directory = known.of(numbered_handle(2));
    letter = known.of(numbered_handle(3));
    for (const inode_ref& i : {known.root(), inode_ref(directory), inode_ref(letter)})
      known.looked_up(*i);
    known.link(*known.root(), "letters", directory.get(), true);
    known.link(*directory, "first", letter.get(), true);
  }
  ~an_unmounted_file_system() override {
    if (s) s->end();
    time.run_soon();
    files.reset();
  }

  void write() {
    const byte_string data{'h', 'e', 'l', 'l', 'o'};
    bool taken = false;
    files->writes().write(inode_ref(letter), 0, data, nullptr, [&] { taken = true; });
    ASSERT_TRUE(taken);
  }
  void finish() {
    files->finish([this] { done = true; });
  }
  void answer_write(nfsstat3 status) {
    ASSERT_TRUE(wait_calls(1));
    WRITE3res res{};
    res.status = status;
    res.WRITE3res_u.resok.count = 5;
    res.WRITE3res_u.resok.committed = FILE_SYNC;
    server.channel().reply(server.seen.back().xid, xdr_WRITE3res, res);
  }
  bool wait_done() {
    return run_until(time, [&] { return done; });
  }

  std::optional<file_system> files;
  async::ptr<inode> directory, letter;
  bool done = false;
  const std::vector<std::string> nothing{}, the_letter{"letters/first"};
};

TEST_F(an_unmounted_file_system, ends_at_once_if_nothing_is_left_to_be_done) {
  finish();
  EXPECT_TRUE(done);
  EXPECT_EQ(files->unstored(), nothing);
}

TEST_F(an_unmounted_file_system, names_what_was_written_until_it_is_on_the_servers_disk) {
  write();
  finish();
  EXPECT_FALSE(done);
  EXPECT_EQ(files->unstored(), the_letter);
  answer_write(NFS3_OK);
  EXPECT_TRUE(wait_done());
  EXPECT_EQ(files->unstored(), nothing);
}

TEST_F(an_unmounted_file_system,
       names_what_the_server_has_refused_when_nobody_was_there_to_be_told) {
  write();
  finish();
  answer_write(NFS3ERR_NOSPC);
  EXPECT_TRUE(wait_done());
  EXPECT_EQ(files->unstored(), the_letter);
}

TEST_F(an_unmounted_file_system, ends_when_the_session_does_and_names_what_is_lost) {
  write();
  finish();
  s->end();
  EXPECT_TRUE(done);
  EXPECT_EQ(files->unstored(), the_letter);
}

TEST_F(an_unmounted_file_system, waits_until_no_file_has_a_hidden_name_any_more) {
  directory->hidden.emplace(".sfs0", letter);
  letter->hidden_in = directory;
  letter->hidden_name = ".sfs0";
  finish();
  ASSERT_TRUE(wait_calls(1));
  EXPECT_EQ(server.seen.back().procedure, std::uint32_t{NFSPROC3_REMOVE});
  EXPECT_FALSE(done);
  EXPECT_TRUE(files->has_hidden());
  wcc_res res{};
  server.channel().reply(server.seen.back().xid, xdr_wcc_res, res);
  EXPECT_TRUE(wait_done());
  EXPECT_FALSE(files->has_hidden());
}

TEST_F(an_unmounted_file_system, has_a_path_for_each_file_though_directories_contain_each_other) {
  inode_table& known = files->inodes();
  EXPECT_EQ(known.path_of(*known.root()), "/");
  EXPECT_EQ(known.path_of(*letter), "letters/first");
  known.unlink(*known.root(), "letters");
  EXPECT_EQ(known.path_of(*letter), "file number 0");
  known.link(*directory, "again", directory.get(), true);
  EXPECT_EQ(known.path_of(*letter), "file number 0");
}

}  // namespace
}  // namespace sfs::test
