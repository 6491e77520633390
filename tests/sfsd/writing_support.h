// A client that changes things: every procedure of NFS version 3 as a function, what it gave as a
// value, and users to call it as.
//
// Serves no stage of its own. Thread safety: one thread.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sfsd/nfs_support.h"

namespace sfs::test {

// The attributes that a call asks for: wanted().mode(0640).size(0).
class wanted {
 public:
  wanted& mode(u_int m) {
    a_.mode.set_it = TRUE;
    a_.mode.set_mode3_u.mode = m;
    return *this;
  }
  wanted& uid(u_int id) {
    a_.uid.set_it = TRUE;
    a_.uid.set_uid3_u.uid = id;
    return *this;
  }
  wanted& gid(u_int id) {
    a_.gid.set_it = TRUE;
    a_.gid.set_gid3_u.gid = id;
    return *this;
  }
  wanted& size(std::uint64_t s) {
    a_.size.set_it = TRUE;
    a_.size.set_size3_u.size = s;
    return *this;
  }
  wanted& atime(nfstime3 t) {
    a_.atime.set_it = SET_TO_CLIENT_TIME;
    a_.atime.set_atime_u.atime = t;
    return *this;
  }
  wanted& mtime(nfstime3 t) {
    a_.mtime.set_it = SET_TO_CLIENT_TIME;
    a_.mtime.set_mtime_u.mtime = t;
    return *this;
  }
  wanted& atime_now() {
    a_.atime.set_it = SET_TO_SERVER_TIME;
    return *this;
  }
  wanted& mtime_now() {
    a_.mtime.set_it = SET_TO_SERVER_TIME;
    return *this;
  }
  operator sattr3() const { return a_; }

 private:
  sattr3 a_{};
};

inline bool operator==(const nfstime3& a, const nfstime3& b) {
  return a.seconds == b.seconds && a.nseconds == b.nseconds;
}

struct made {
  nfsstat3 status = NFS3ERR_SERVERFAULT;
  byte_string handle;
  fattr3 attributes{};
  wcc_data directory{};
};
struct changed {
  nfsstat3 status = NFS3ERR_SERVERFAULT;
  wcc_data wcc{};
};
struct renamed {
  nfsstat3 status = NFS3ERR_SERVERFAULT;
  wcc_data from{}, to{};
};
struct linked {
  nfsstat3 status = NFS3ERR_SERVERFAULT;
  post_op_attr file{};
  wcc_data directory{};
};
struct written {
  nfsstat3 status = NFS3ERR_SERVERFAULT;
  wcc_data wcc{};
  u_int count = 0;
  stable_how committed = UNSTABLE;
  std::uint64_t verifier = 0;
};

inline async::ref<const principal> user_named(uid_t uid, gid_t gid, std::vector<gid_t> groups) {
  user u;
  u.name = "user" + std::to_string(uid);
  u.uid = uid;
  u.gid = gid;
  u.groups = std::move(groups);
  return async::make_ref<principal>(std::move(u));
}

inline constexpr uid_t alice_id = 12345, bob_id = 23456;
inline constexpr gid_t alice_group = 12345, bob_group = 23456, shared_group = 34567;

inline diropargs3 at_name(byte_string& directory, std::string_view name) {
  return {as_handle(directory), as_name(name)};
}

class writing_client : public nfs_client {
 public:
  using nfs_client::nfs_client;

  void be(const async::ref<const principal>& user) { who = user; }

  changed set(byte_string& file, const sattr3& attributes, const nfstime3* guard = nullptr) {
    SETATTR3args args{as_handle(file), attributes, {}};
    args.guard.check = guard != nullptr;
    if (guard) args.guard.sattrguard3_u.obj_ctime = *guard;
    auto res = call<wcc_res, xdr_wcc_res>(NFS_PROGRAM, NFSPROC3_SETATTR, xdr_SETATTR3args, args);
    return {(*res)->status, (*res)->wcc};
  }

  made create(byte_string& directory, std::string_view name, createmode3 mode,
              const sattr3& attributes = {}) {
    CREATE3args args{at_name(directory, name), {mode, {}}};
    args.how.createhow3_u.obj_attributes = attributes;
    return make(NFSPROC3_CREATE, xdr_CREATE3args, args);
  }
  made create_exclusive(byte_string& directory, std::string_view name, std::uint64_t verifier) {
    CREATE3args args{at_name(directory, name), {EXCLUSIVE, {}}};
    store_be64(reinterpret_cast<std::uint8_t*>(args.how.createhow3_u.verf), verifier);
    return make(NFSPROC3_CREATE, xdr_CREATE3args, args);
  }
  made make_directory(byte_string& directory, std::string_view name,
                      const sattr3& attributes = {}) {
    MKDIR3args args{at_name(directory, name), attributes};
    return make(NFSPROC3_MKDIR, xdr_MKDIR3args, args);
  }
  made make_link(byte_string& directory, std::string_view name, std::string_view target,
                 const sattr3& attributes = {}) {
    SYMLINK3args args{at_name(directory, name), {attributes, {}}};
    args.symlink.symlink_data = {static_cast<u_int>(target.size()),
                                 const_cast<char*>(target.data())};
    return make(NFSPROC3_SYMLINK, xdr_SYMLINK3args, args);
  }
  made make_node(byte_string& directory, std::string_view name, ftype3 type,
                 const sattr3& attributes = {}, specdata3 device = {}) {
    MKNOD3args args{at_name(directory, name), {type, {}}};
    if (type == NF3CHR || type == NF3BLK) {
      args.what.mknoddata3_u.device = {attributes, device};
    } else {
      args.what.mknoddata3_u.pipe_attributes = attributes;
    }
    return make(NFSPROC3_MKNOD, xdr_MKNOD3args, args);
  }

  changed remove(byte_string& directory, std::string_view name) {
    return unmake(NFSPROC3_REMOVE, directory, name);
  }
  changed remove_directory(byte_string& directory, std::string_view name) {
    return unmake(NFSPROC3_RMDIR, directory, name);
  }
  renamed rename(byte_string& from, std::string_view name, byte_string& to,
                 std::string_view new_name) {
    RENAME3args args{at_name(from, name), at_name(to, new_name)};
    auto res =
        call<RENAME3res, xdr_RENAME3res>(NFS_PROGRAM, NFSPROC3_RENAME, xdr_RENAME3args, args);
    return {(*res)->status, (*res)->fromdir_wcc, (*res)->todir_wcc};
  }
  linked link(byte_string& file, byte_string& directory, std::string_view name) {
    LINK3args args{as_handle(file), at_name(directory, name)};
    auto res = call<LINK3res, xdr_LINK3res>(NFS_PROGRAM, NFSPROC3_LINK, xdr_LINK3args, args);
    return {(*res)->status, (*res)->file_attributes, (*res)->linkdir_wcc};
  }

  written write(byte_string& file, std::uint64_t offset, std::string_view data,
                stable_how how = UNSTABLE) {
    last_reply = ask(write_message(file, offset, data, how));
    const auto r = parse_reply(last_reply);
    xdr_value<WRITE3res, xdr_WRITE3res> res;
    if (!r || r->denied || r->status != rpc_accept::success || !res.decode(r->results)) {
      ADD_FAILURE() << "no good reply to a WRITE";
      return {};
    }
    written w;
    w.status = res->status;
    w.wcc = res->status == NFS3_OK ? res->WRITE3res_u.resok.file_wcc : res->WRITE3res_u.file_wcc;
    if (w.status != NFS3_OK) return w;
    const auto& ok = res->WRITE3res_u.resok;
    w.count = ok.count;
    w.committed = ok.committed;
    w.verifier = load_be64(reinterpret_cast<const std::uint8_t*>(ok.verf));
    return w;
  }

  // What WRITE and COMMIT say of the disk in one value: COMMIT has no count.
  written commit(byte_string& file, std::uint64_t offset = 0, u_int count = 0) {
    COMMIT3args args{as_handle(file), offset, count};
    auto res =
        call<COMMIT3res, xdr_COMMIT3res>(NFS_PROGRAM, NFSPROC3_COMMIT, xdr_COMMIT3args, args);
    const auto& u = (*res)->COMMIT3res_u;
    written w;
    w.status = (*res)->status;
    w.wcc = w.status == NFS3_OK ? u.resok.file_wcc : u.file_wcc;
    if (w.status == NFS3_OK)
      w.verifier = load_be64(reinterpret_cast<const std::uint8_t*>(u.resok.verf));
    return w;
  }

  u_int may(byte_string& file, u_int what = 0x3f) {
    ACCESS3args args{as_handle(file), what};
    auto res =
        call<ACCESS3res, xdr_ACCESS3res>(NFS_PROGRAM, NFSPROC3_ACCESS, xdr_ACCESS3args, args);
    status = (*res)->status;
    return status == NFS3_OK ? (*res)->ACCESS3res_u.resok.access : 0;
  }

  std::string target_of(byte_string& file) {
    READLINK3args args{as_handle(file)};
    auto res = call<READLINK3res, xdr_READLINK3res>(NFS_PROGRAM, NFSPROC3_READLINK,
                                                    xdr_READLINK3args, args);
    status = (*res)->status;
    if (status != NFS3_OK) return {};
    const auto& data = (*res)->READLINK3res_u.resok.data;
    return {data.nfspath3_val, data.nfspath3_len};
  }

  static byte_string write_message(byte_string& file, std::uint64_t offset, std::string_view data,
                                   stable_how how) {
    const auto size = static_cast<u_int>(data.size());
    WRITE3head head{as_handle(file), offset, size, how, size};
    byte_string message;
    append_call(message, 17, NFS_PROGRAM, NFSPROC3_WRITE, xdr_WRITE3head, head);
    message.erase(message.begin(), message.begin() + record_mark_size);
    message.insert(message.end(), data.begin(), data.end());
    message.resize((message.size() + 3) & ~std::size_t{3});
    return message;
  }

 private:
  template <class Args>
  made make(std::uint32_t procedure, bool_t (*routine)(XDR*, Args*), Args& args) {
    auto res = call<new_object_res, xdr_new_object_res>(NFS_PROGRAM, procedure, routine, args);
    made m;
    m.status = (*res)->status;
    auto& u = (*res)->new_object_res_u;
    m.directory = m.status == NFS3_OK ? u.resok.dir_wcc : u.dir_wcc;
    if (m.status != NFS3_OK) return m;
    EXPECT_TRUE(u.resok.obj.handle_follows && u.resok.obj_attributes.attributes_follow);
    const auto& fh = u.resok.obj.post_op_fh3_u.handle.data;
    m.handle.assign(fh.data_val, fh.data_val + fh.data_len);
    m.attributes = u.resok.obj_attributes.post_op_attr_u.attributes;
    return m;
  }
  changed unmake(std::uint32_t procedure, byte_string& directory, std::string_view name) {
    REMOVE3args args{at_name(directory, name)};
    auto res = call<wcc_res, xdr_wcc_res>(NFS_PROGRAM, procedure, xdr_REMOVE3args, args);
    return {(*res)->status, (*res)->wcc};
  }
};

inline bool same_attributes(const fattr3& a, const fattr3& b) {
  return a.type == b.type && a.mode == b.mode && a.nlink == b.nlink && a.uid == b.uid &&
         a.gid == b.gid && a.size == b.size && a.rdev.specdata1 == b.rdev.specdata1 &&
         a.rdev.specdata2 == b.rdev.specdata2 && a.fsid == b.fsid && a.fileid == b.fileid &&
         a.mtime == b.mtime && a.ctime == b.ctime;
}

// Weak cache consistency: what the file was before the call, and what it is after it.
inline testing::AssertionResult tells(writing_client& nfs, const wcc_data& wcc,
                                      const fattr3& before, byte_string& file) {
  if (!wcc.before.attributes_follow) return testing::AssertionFailure() << "nothing of before";
  if (!wcc.after.attributes_follow) return testing::AssertionFailure() << "nothing of after";
  const wcc_attr& was = wcc.before.pre_op_attr_u.attributes;
  if (was.size != before.size || !(was.mtime == before.mtime) || !(was.ctime == before.ctime))
    return testing::AssertionFailure() << "before is wrong";
  if (!same_attributes(wcc.after.post_op_attr_u.attributes, nfs.attributes(file)))
    return testing::AssertionFailure() << "after is wrong";
  return testing::AssertionSuccess();
}

// An export that may be written to, and the users who do. The umask is the server's.
class a_writable_export : public testing::TestWithParam<naming> {
 protected:
  a_writable_export() { nfs.be(root_user); }

  bool by_kernel() const { return GetParam() == naming::kernel; }
  export_tree::options how() const {
    export_tree::options o;
    o.kernel_handles = by_kernel();
    return o;
  }
  void SetUp() override {
    if (!can_act()) GTEST_SKIP() << "this needs root";
    if (by_kernel() && !nfs.tree->any_thread()) GTEST_SKIP() << "the file system has no handles";
  }

  // A directory of a user's own.
  byte_string directory_of(const principal& owner, const std::string& name, mode_t mode = 0755) {
    const auto path = scratch.directory("root/" + name);
    EXPECT_EQ(::chown(path.c_str(), owner.account.uid, owner.account.gid), 0);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return nfs.look_up(top, name);
  }
  // A file of a user's, in the root.
  byte_string file_of(const principal& owner, const std::string& name, std::string_view content,
                      mode_t mode = 0644) {
    const auto path = scratch.file("root/" + name, content);
    EXPECT_EQ(::chown(path.c_str(), owner.account.uid, owner.account.gid), 0);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return nfs.look_up(top, name);
  }
  struct stat stat_of(const std::string& name) const {
    struct stat st {};
    EXPECT_EQ(::lstat((root / name).c_str(), &st), 0) << name;
    return st;
  }

  struct the_servers_umask {
    const mode_t before = ::umask(0);
    ~the_servers_umask() { ::umask(before); }
  } umask_;
  async::ref<const principal> root_user = user_named(0, 0, {0});
  async::ref<const principal> alice =
      user_named(alice_id, alice_group, {alice_group, shared_group});
  async::ref<const principal> bob = user_named(bob_id, bob_group, {bob_group, shared_group});
  scratch_directory scratch;
  std::filesystem::path root = scratch.directory("root");
  writing_client nfs{root, anonymous::read, 1, how()};
  byte_string top = nfs.mount();
};

}  // namespace sfs::test
