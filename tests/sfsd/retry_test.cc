// Calls that may have been carried out twice: what looks like a failure because of that is set
// right, and what is one stays one.
#include <gtest/gtest.h>

#include "examples/sfsd/client/retry.h"
#include "tests/sfsd/fake_server.h"

namespace sfs::test {
namespace {

byte_string directory(32, 1), new_file(32, 2), other(32, 3);

diropargs3 place(std::string_view name = "name") { return {as_handle(directory), as_name(name)}; }

post_op_attr attributes(ftype3 type, std::uint64_t fileid = 7) {
  post_op_attr a{};
  a.attributes_follow = TRUE;
  a.post_op_attr_u.attributes.type = type;
  a.post_op_attr_u.attributes.fileid = fileid;
  return a;
}

byte_string failed_with(nfsstat3 status) {
  new_object_res res{};
  res.status = status;
  res.new_object_res_u.dir_wcc.after = attributes(NF3DIR, 1);
  return encoded(xdr_new_object_res, res);
}

byte_string found(const post_op_attr& a) {
  LOOKUP3res res{};
  res.LOOKUP3res_u.resok = {as_handle(new_file), a, attributes(NF3DIR, 1)};
  return encoded(xdr_LOOKUP3res, res);
}

byte_string not_found() {
  LOOKUP3res res{};
  res.status = NFS3ERR_NOENT;
  return encoded(xdr_LOOKUP3res, res);
}

byte_string got(const post_op_attr& a) {
  GETATTR3res res{};
  res.GETATTR3res_u.obj_attributes = a.post_op_attr_u.attributes;
  return encoded(xdr_GETATTR3res, res);
}

// Looks into an answer: answers the questions, one by one, with these.
struct looked_into {
  looked_into(std::uint32_t procedure, const byte_string& arguments, const byte_string& results,
              std::vector<byte_string> replies)
      : check(procedure, arguments, results) {
    for (const byte_string& reply : replies) {
      const auto q = check.next();
      if (!q) {
        ADD_FAILURE() << "nothing is asked";
        return;
      }
      asked.push_back(q->procedure);
      check.answered(reply);
    }
    EXPECT_FALSE(check.next());
    status = load_be32(check.results().data());
  }
  retry_check check;
  std::vector<std::uint32_t> asked;
  std::uint32_t status = 99;
};

template <class Args>
byte_string xdr(bool_t (*routine)(XDR*, Args*), Args args) {
  return encoded(routine, args);
}

TEST(an_answer, is_suspect_only_if_a_repetition_may_be_why) {
  const byte_string none;
  const auto suspect = [&](std::uint32_t procedure, nfsstat3 status) {
    return is_suspect(procedure, none, failed_with(status));
  };
  for (auto p : {NFSPROC3_REMOVE, NFSPROC3_RMDIR, NFSPROC3_RENAME}) {
    EXPECT_TRUE(suspect(p, NFS3ERR_NOENT));
    EXPECT_FALSE(suspect(p, NFS3ERR_ACCES));
    EXPECT_FALSE(suspect(p, NFS3ERR_EXIST));
  }
  for (auto p : {NFSPROC3_MKDIR, NFSPROC3_SYMLINK, NFSPROC3_MKNOD, NFSPROC3_LINK}) {
    EXPECT_TRUE(suspect(p, NFS3ERR_EXIST));
    EXPECT_FALSE(suspect(p, NFS3ERR_NOENT));
    EXPECT_FALSE(suspect(p, NFS3_OK));
  }
  for (auto p : {NFSPROC3_LOOKUP, NFSPROC3_GETATTR, NFSPROC3_WRITE})
    EXPECT_FALSE(suspect(p, NFS3ERR_NOENT));
  EXPECT_FALSE(is_suspect(NFSPROC3_REMOVE, none, none));
}

CREATE3args create_args(createmode3 mode) {
  CREATE3args c{place(), {}};
  c.how.mode = mode;
  return c;
}

TEST(an_answer, to_create_is_suspect_only_if_it_was_guarded) {
  for (createmode3 mode : {UNCHECKED, GUARDED, EXCLUSIVE})
    EXPECT_EQ(is_suspect(NFSPROC3_CREATE, xdr(xdr_CREATE3args, create_args(mode)),
                         failed_with(NFS3ERR_EXIST)),
              mode == GUARDED);
}

TEST(looking_into_an_answer, takes_the_absence_of_what_was_to_go_for_success) {
  for (auto procedure : {NFSPROC3_REMOVE, NFSPROC3_RMDIR}) {
    wcc_res res{};
    res.status = NFS3ERR_NOENT;
    res.wcc.after = attributes(NF3DIR, 1);
    const byte_string results = encoded(xdr_wcc_res, res);
    const looked_into l(procedure, xdr(xdr_REMOVE3args, REMOVE3args{place()}), results, {});
    xdr_value<wcc_res, xdr_wcc_res> now;
    ASSERT_TRUE(now.decode(l.check.results()));
    EXPECT_EQ(now->status, NFS3_OK);
    EXPECT_EQ(now->wcc.after.post_op_attr_u.attributes.fileid, 1u) << "the rest is kept";
  }
}

TEST(looking_into_an_answer, finds_a_directory_that_was_made) {
  const byte_string args = xdr(xdr_MKDIR3args, MKDIR3args{place(), {}});
  const byte_string exists = failed_with(NFS3ERR_EXIST);
  const looked_into l(NFSPROC3_MKDIR, args, exists, {found(attributes(NF3DIR))});
  EXPECT_EQ(l.asked, (std::vector<std::uint32_t>{NFSPROC3_LOOKUP}));
  xdr_value<new_object_res, xdr_new_object_res> now;
  ASSERT_TRUE(now.decode(l.check.results()));
  ASSERT_EQ(now->status, NFS3_OK);
  const new_object& ok = now->new_object_res_u.resok;
  ASSERT_TRUE(ok.obj.handle_follows);
  EXPECT_TRUE(std::ranges::equal(bytes_of(ok.obj.post_op_fh3_u.handle), new_file));
  EXPECT_EQ(ok.obj_attributes.post_op_attr_u.attributes.fileid, 7u);
  EXPECT_EQ(ok.dir_wcc.after.post_op_attr_u.attributes.fileid, 1u);

  const auto status_after = [&](std::vector<byte_string> replies) {
    return looked_into(NFSPROC3_MKDIR, args, exists, std::move(replies)).status;
  };
  EXPECT_EQ(status_after({found(attributes(NF3REG))}), static_cast<unsigned>(NFS3ERR_EXIST));
  EXPECT_EQ(status_after({not_found()}), static_cast<unsigned>(NFS3ERR_EXIST));
  EXPECT_EQ(status_after({{}}), static_cast<unsigned>(NFS3ERR_EXIST));
  EXPECT_EQ(status_after({byte_string(40, 0xff)}), static_cast<unsigned>(NFS3ERR_EXIST));
  EXPECT_EQ(status_after({found({}), got(attributes(NF3DIR))}), 0u) << "asks for attributes";
  EXPECT_EQ(status_after({found({}), got(attributes(NF3REG))}),
            static_cast<unsigned>(NFS3ERR_EXIST));
}

TEST(looking_into_an_answer, finds_a_file_or_device_that_was_made) {
  const byte_string exists = failed_with(NFS3ERR_EXIST);
  const byte_string file = xdr(xdr_CREATE3args, create_args(GUARDED));
  EXPECT_EQ(looked_into(NFSPROC3_CREATE, file, exists, {found(attributes(NF3REG))}).status, 0u);
  EXPECT_NE(looked_into(NFSPROC3_CREATE, file, exists, {found(attributes(NF3DIR))}).status, 0u);
  MKNOD3args m{place(), {}};
  m.what.type = NF3CHR;
  m.what.mknoddata3_u.device.spec = {1, 3};
  const byte_string device = xdr(xdr_MKNOD3args, m);
  post_op_attr a = attributes(NF3CHR);
  a.post_op_attr_u.attributes.rdev = {1, 3};
  EXPECT_EQ(looked_into(NFSPROC3_MKNOD, device, exists, {found(a)}).status, 0u);
  a.post_op_attr_u.attributes.rdev = {1, 5};
  EXPECT_NE(looked_into(NFSPROC3_MKNOD, device, exists, {found(a)}).status, 0u);
}

TEST(looking_into_an_answer, finds_a_symbolic_link_only_if_it_has_the_target) {
  char target[] = "somewhere", elsewhere[] = "elsewhere";
  SYMLINK3args s{place(), {}};
  s.symlink.symlink_data = {9, target};
  const byte_string args = xdr(xdr_SYMLINK3args, s), exists = failed_with(NFS3ERR_EXIST);
  const auto pointing_to = [](char* text) {
    READLINK3res r{};
    r.READLINK3res_u.resok.data = {9, text};
    return encoded(xdr_READLINK3res, r);
  };
  const byte_string link = found(attributes(NF3LNK));
  EXPECT_EQ(looked_into(NFSPROC3_SYMLINK, args, exists, {link, pointing_to(target)}).status, 0u);
  EXPECT_NE(looked_into(NFSPROC3_SYMLINK, args, exists, {link, pointing_to(elsewhere)}).status, 0u);
  EXPECT_NE(looked_into(NFSPROC3_SYMLINK, args, exists, {found(attributes(NF3REG))}).status, 0u);
}

TEST(looking_into_an_answer, finds_another_name_only_if_it_is_the_same_files) {
  LINK3res r{};
  r.status = NFS3ERR_EXIST;
  const byte_string exists = encoded(xdr_LINK3res, r);
  const byte_string args = xdr(xdr_LINK3args, LINK3args{as_handle(other), place()});
  const byte_string same = got(attributes(NF3REG, 7)), another = got(attributes(NF3REG, 8));
  const byte_string name = found(attributes(NF3REG, 7));
  const looked_into l(NFSPROC3_LINK, args, exists, {name, same});
  xdr_value<LINK3res, xdr_LINK3res> now;
  ASSERT_TRUE(now.decode(l.check.results()));
  EXPECT_EQ(now->status, NFS3_OK);
  EXPECT_EQ(now->file_attributes.post_op_attr_u.attributes.fileid, 7u);
  EXPECT_NE(looked_into(NFSPROC3_LINK, args, exists, {name, another}).status, 0u);
  EXPECT_EQ(looked_into(NFSPROC3_LINK, args, exists, {found({}), same, same}).status, 0u);
}

TEST(looking_into_an_answer, takes_the_new_name_for_a_sign_that_the_old_one_is_gone_by_renaming) {
  RENAME3res r{};
  r.status = NFS3ERR_NOENT;
  r.todir_wcc.after = attributes(NF3DIR, 5);
  const byte_string gone = encoded(xdr_RENAME3res, r);
  const byte_string args = xdr(xdr_RENAME3args, RENAME3args{place("a"), place("b")});
  const looked_into l(NFSPROC3_RENAME, args, gone, {found(attributes(NF3REG))});
  xdr_value<RENAME3res, xdr_RENAME3res> now;
  ASSERT_TRUE(now.decode(l.check.results()));
  EXPECT_EQ(now->status, NFS3_OK);
  EXPECT_EQ(now->todir_wcc.after.post_op_attr_u.attributes.fileid, 5u);
  EXPECT_NE(looked_into(NFSPROC3_RENAME, args, gone, {not_found()}).status, 0u);
}

TEST(looking_into_an_answer, survives_any_reply) {
  auto random = async::test::make_prng();
  const byte_string args = xdr(xdr_MKDIR3args, MKDIR3args{place(), {}});
  const byte_string exists = failed_with(NFS3ERR_EXIST);
  for (int i = 0; i < 20'000; ++i) {
    retry_check check(i % 2 ? NFSPROC3_MKDIR : static_cast<std::uint32_t>(random() % 22),
                      i % 2 ? args : random_bytes(random, random() % 100), exists);
    for (int n = 0; check.next(); ++n) {
      ASSERT_LT(n, 4);
      byte_string reply = random_bytes(random, random() % 200);
      if (reply.size() > 4 && random() % 2) store_be32(reply.data(), NFS3_OK);
      check.answered(reply);
    }
  }
}

// --- In a session ---

class a_resent_call : public testing::Test {
 protected:
  a_resent_call() {
    options.connect = server.connector(time);
    options.time = &time;
  }
  ~a_resent_call() override {
    s->end();
    time.run_soon();
  }

  // Has a MKDIR sent twice; the second time the server says that there is such a name.
  void make_directory_twice() {
    server.on_call = [](fake_channel&, const rpc_call&) {};
    s = async::make_ref<session>(server.path(), std::move(options));
    s->begin();
    s->call({NFS_PROGRAM, NFSPROC3_MKDIR, xdr(xdr_MKDIR3args, MKDIR3args{place(), {}}), {}, 0},
            async::wrap([this](const call_reply& r) {
              ++answers;
              status = r.results.size() < 4 ? 99 : load_be32(r.results.data());
            }));
    ASSERT_TRUE(run_until(time, [&] { return server.calls() == 1; }));
    server.channel().cut();
    server.on_call = [this](fake_channel& c, const rpc_call& call) {
      if (call.procedure == NFSPROC3_LOOKUP) return c.reply(call.xid, found(attributes(NF3DIR)));
      for (int n = 0; n < (twice ? 2 : 1); ++n) c.reply(call.xid, failed_with(NFS3ERR_EXIST));
    };
    ASSERT_TRUE(run_until(time, [&] {
      time.advance(std::chrono::milliseconds(50));
      return answers > 0;
    }));
    EXPECT_EQ(s->unanswered(), 0u);
  }

  fake_server server;
  fake_timing time;
  session_options options;
  async::ptr<session> s;
  int answers = 0;
  bool twice = false;  // the server says twice that there is such a name
  unsigned losses = 0;
  std::uint32_t status = 98;
};

TEST_F(a_resent_call, that_was_carried_out_twice_succeeds) {
  make_directory_twice();
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(status, 0u);
  ASSERT_EQ(server.calls(), 3u);
  EXPECT_EQ(server.seen[2].procedure, static_cast<std::uint32_t>(NFSPROC3_LOOKUP));
}

TEST_F(a_resent_call, is_looked_into_also_if_the_channel_that_told_of_it_never_opened) {
  unsigned restarts = 0;
  options.events.restarted = async::wrap([&] { ++restarts; });
  login_key key;
  key.sign = [](const session_id&,
                std::uint32_t) -> outcome<std::array<std::uint8_t, SFS_SIGSIZE>> {
    return std::array<std::uint8_t, SFS_SIGSIZE>{};
  };
  options.logins = {key};
  options.events.lost = async::wrap([&](const std::string&) {
    server.hello.resumed = ++losses > 1;  // the session that the second channel made
    server.hello.run[0] = 9;
    server.cut_at_login = losses == 1;
  });
  make_directory_twice();
  EXPECT_EQ(losses, 2u);
  EXPECT_EQ(status, 0u);
  EXPECT_EQ(restarts, 1u);
}

TEST_F(a_resent_call, is_answered_as_it_is_by_a_server_that_remembers_it) {
  server.hello.resumed = TRUE;
  make_directory_twice();
  EXPECT_EQ(status, static_cast<std::uint32_t>(NFS3ERR_EXIST));
  EXPECT_EQ(server.calls(), 2u);
}

TEST_F(a_resent_call, is_looked_into_even_if_that_too_is_interrupted) {
  server.on_call = [](fake_channel&, const rpc_call&) {};
  s = async::make_ref<session>(server.path(), std::move(options));
  s->begin();
  s->call({NFS_PROGRAM, NFSPROC3_MKDIR, xdr(xdr_MKDIR3args, MKDIR3args{place(), {}}), {}, 0},
          async::wrap([this](const call_reply& r) {
            ++answers;
            status = load_be32(r.results.data());
          }));
  ASSERT_TRUE(run_until(time, [&] { return server.calls() == 1; }));
  server.channel().cut();
  bool cut = false;
  server.on_call = [&](fake_channel& c, const rpc_call& call) {
    if (call.procedure == NFSPROC3_MKDIR) return c.reply(call.xid, failed_with(NFS3ERR_EXIST));
    if (!std::exchange(cut, true)) return c.cut();
    c.reply(call.xid, found(attributes(NF3DIR)));
  };
  ASSERT_TRUE(run_until(time, [&] {
    time.advance(std::chrono::milliseconds(50));
    return answers > 0;
  }));
  EXPECT_EQ(status, 0u);
}

TEST_F(a_resent_call, that_is_answered_again_while_it_is_looked_into_costs_the_server_the_channel) {
  twice = true;
  make_directory_twice();
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(status, 0u);
  EXPECT_EQ(server.channels.size(), 3u) << "it is asked about on another one";
}

TEST_F(a_resent_call, that_is_being_looked_into_fails_with_the_session) {
  server.on_call = [](fake_channel&, const rpc_call&) {};
  s = async::make_ref<session>(server.path(), std::move(options));
  s->begin();
  call_reply::kind what = call_reply::kind::results;
  s->call({NFS_PROGRAM, NFSPROC3_MKDIR, xdr(xdr_MKDIR3args, MKDIR3args{place(), {}}), {}, 0},
          async::wrap([&](const call_reply& r) {
            ++answers;
            what = r.what;
          }));
  ASSERT_TRUE(run_until(time, [&] { return server.calls() == 1; }));
  server.channel().cut();
  server.on_call = [&](fake_channel& c, const rpc_call& call) {
    if (call.procedure == NFSPROC3_MKDIR) c.reply(call.xid, failed_with(NFS3ERR_EXIST));
  };
  ASSERT_TRUE(run_until(time, [&] {
    time.advance(std::chrono::milliseconds(50));
    return server.calls() == 3;
  }));
  s->end();
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(what, call_reply::kind::failed);
}

}  // namespace
}  // namespace sfs::test
