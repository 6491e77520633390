// See writer.h. Here is all but the data: names, and what the works have in common.
#include "tests/interop/faults/writer.h"

#include <algorithm>

#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/remote.h"

namespace sfs::faults {
namespace {

constexpr std::chrono::milliseconds before_trying_again{50};

nfs_fh3 as_file(const writer::handle& h) noexcept {
  return as_handle(bytes(const_cast<std::uint8_t*>(h.data()), h.size()));
}

sattr3 new_attributes(u_int mode) noexcept {
  sattr3 a{};
  a.mode.set_it = TRUE;
  a.mode.set_mode3_u.mode = mode;
  return a;
}

// What a call made, if its answer says so; the handle is empty if not.
struct new_file_of {
  writer::handle file;
  std::uint64_t inode = 0;

  explicit new_file_of(const answer& a) {
    xdr_value<new_object_res, xdr_new_object_res> res;
    if (!res.decode(a.results) || res->status != NFS3_OK) return;
    const new_object& ok = res->new_object_res_u.resok;
    if (!ok.obj.handle_follows) return;
    const auto& fh = ok.obj.post_op_fh3_u.handle.data;
    file.assign(fh.data_val, fh.data_val + fh.data_len);
    if (ok.obj_attributes.attributes_follow)
      inode = ok.obj_attributes.post_op_attr_u.attributes.fileid;
  }
};

}  // namespace

writer::writer(std::uint32_t number, std::string directory, std::unique_ptr<nfs_link> link,
               const worker_options& o)
    : number_(number),
      link_(std::move(link)),
      options_(o),
      random_(static_cast<std::uint32_t>(o.seed * 7919 + number)),
      book_(number, std::move(directory)) {}

void writer::begin() {
  ++running_;
  run();
}

eventual<done> writer::run() {
  directory_ = co_await find_directory();
  if (!directory_.empty()) {
    running_ += 5;
    write_logs();
    for (int i = 0; i < 2; ++i) {
      write_slots();
      change_names();
    }
  }
  --running_;
  co_return done{};
}

std::uint64_t writer::steps() const { return std::ranges::min(steps_); }

std::uint64_t writer::steps_altogether() const {
  std::uint64_t all = 0;
  for (const std::uint64_t n : steps_) all += n;
  return all;
}

void writer::check(findings& f) {
  book_.check(f);
  for (std::string& what : found_.wrong) f.wrong.push_back(std::move(what));
  found_.wrong.clear();
}

eventual<done> writer::step(work w) {
  ++steps_[w];
  if (options_.between.count() > 0) {
    const auto most = static_cast<std::uint32_t>(2 * options_.between.count());
    co_await pause(std::chrono::milliseconds(random_() % most));
  }
  co_return done{};
}

void writer::wrong(const std::string& what) {
  found_.wrong.push_back(book_.directory() + ": " + what);
}

nfsstat3 writer::status_of(const answer& a, const std::string& what) {
  if (!a.failed && a.results.size() >= 4) return static_cast<nfsstat3>(load_be32(a.results.data()));
  wrong(what + ": " + (a.failed ? a.why : "an answer without a status"));
  return NFS3ERR_SERVERFAULT;
}

// Whether it went well. What a full or broken disk says is no finding, nor is a server
// that has no descriptor left and will have the call again later.
bool writer::passes(nfsstat3 status, const std::string& what) {
  if (status == NFS3_OK) return true;
  if (status == NFS3ERR_NOSPC || status == NFS3ERR_DQUOT) {
    ++counts_.no_space;
    is_full_ = true;
  } else if (status == NFS3ERR_IO) {
    ++counts_.io_errors;
  } else if (status == NFS3ERR_JUKEBOX) {
    ++counts_.busy;
  } else if (status != NFS3ERR_SERVERFAULT) {
    wrong(what + ": " + status_text(status));
  }
  return false;
}

// --- Names ---

eventual<writer::handle> writer::find_directory() {
  std::string path = "/";
  dirpath root_path{1, path.data()};
  const answer a =
      co_await link_->call(MOUNT_PROGRAM, MOUNTPROC3_MNT, encoded(xdr_dirpath, root_path));
  xdr_value<mountres3, xdr_mountres3> res;
  if (a.failed || !res.decode(a.results) || res->fhs_status != MNT3_OK) {
    wrong("it cannot be mounted: " + a.why);
    co_return handle();
  }
  const auto& fh = res->mountres3_u.mountinfo.fhandle;
  handle root(fh.fhandle3_val, fh.fhandle3_val + fh.fhandle3_len);
  const std::string& all = book_.directory();
  const std::string name = all.substr(all.rfind('/') + 1);
  MKDIR3args args{{as_file(root), as_name(name)}, new_attributes(0755)};
  const answer made =
      co_await link_->call(NFS_PROGRAM, NFSPROC3_MKDIR, encoded(xdr_MKDIR3args, args));
  const new_file_of directory(made);
  if (directory.file.empty()) wrong("MKDIR: " + status_text(status_of(made, "MKDIR")));
  co_return directory.file;
}

// The handle that a call gave which made something; empty if it did not.
eventual<writer::handle> writer::new_object(std::string name, answer a) {
  const nfsstat3 status = status_of(a, name);
  if (status == NFS3ERR_EXIST && a.repeated) {
    handle found = co_await look_up(name);
    if (!found.empty()) book_.is_there(name);
    co_return found;
  }
  if (!passes(status, name)) {
    co_await pause(before_trying_again);
    co_return handle();
  }
  const new_file_of made(a);
  if (made.file.empty()) wrong(name + ": an answer without a handle");
  book_.is_there(name);
  book_.expect_now(name, true, made.inode, found_);
  co_return made.file;
}

eventual<writer::handle> writer::look_up(std::string name) {
  LOOKUP3args args{{as_file(directory_), as_name(name)}};
  const answer a =
      co_await link_->call(NFS_PROGRAM, NFSPROC3_LOOKUP, encoded(xdr_LOOKUP3args, args));
  xdr_value<LOOKUP3res, xdr_LOOKUP3res> res;
  if (!res.decode(a.results) || res->status != NFS3_OK) {
    wrong(name + ": it was made, and is not found");
    co_return handle();
  }
  const auto& fh = res->LOOKUP3res_u.resok.object.data;
  co_return handle(fh.data_val, fh.data_val + fh.data_len);
}

eventual<writer::handle> writer::create(std::string name, createmode3 how) {
  book_.may_come(name);
  CREATE3args args{{as_file(directory_), as_name(name)}, {how, {}}};
  if (how == EXCLUSIVE) {
    store_be32(reinterpret_cast<std::uint8_t*>(args.how.createhow3_u.verf), number_);
    store_be32(reinterpret_cast<std::uint8_t*>(args.how.createhow3_u.verf) + 4, random_());
  } else {
    args.how.createhow3_u.obj_attributes = new_attributes(0644);
  }
  answer a = co_await link_->call(NFS_PROGRAM, NFSPROC3_CREATE, encoded(xdr_CREATE3args, args));
  co_return co_await new_object(name, std::move(a));
}

eventual<writer::handle> writer::make_directory(std::string name) {
  book_.may_come(name);
  MKDIR3args args{{as_file(directory_), as_name(name)}, new_attributes(0755)};
  answer a = co_await link_->call(NFS_PROGRAM, NFSPROC3_MKDIR, encoded(xdr_MKDIR3args, args));
  co_return co_await new_object(name, std::move(a));
}

eventual<writer::handle> writer::make_link(std::string name) {
  book_.may_come(name);
  std::string target = "to-" + name;
  SYMLINK3args args{{as_file(directory_), as_name(name)},
                    {{}, {static_cast<u_int>(target.size()), target.data()}}};
  answer a = co_await link_->call(NFS_PROGRAM, NFSPROC3_SYMLINK, encoded(xdr_SYMLINK3args, args));
  co_return co_await new_object(name, std::move(a));
}

eventual<bool> writer::rename(std::string from, std::string to) {
  book_.may_go(from);
  book_.may_come(to);
  RENAME3args args{{as_file(directory_), as_name(from)}, {as_file(directory_), as_name(to)}};
  const answer a =
      co_await link_->call(NFS_PROGRAM, NFSPROC3_RENAME, encoded(xdr_RENAME3args, args));
  const nfsstat3 status = status_of(a, from);
  const bool was_done = status == NFS3ERR_NOENT && a.repeated;
  if (!was_done && !passes(status, "RENAME " + from)) {
    co_await pause(before_trying_again);
    co_return false;
  }
  book_.is_gone(from);
  book_.is_there(to);
  book_.expect_now(from, false, 0, found_);
  book_.expect_now(to, true, 0, found_);
  co_return true;
}

eventual<bool> writer::remove(std::string name, bool directory) {
  book_.may_go(name);
  REMOVE3args args{{as_file(directory_), as_name(name)}};
  const answer a = co_await link_->call(NFS_PROGRAM, directory ? NFSPROC3_RMDIR : NFSPROC3_REMOVE,
                                        encoded(xdr_REMOVE3args, args));
  const nfsstat3 status = status_of(a, name);
  const bool was_done = status == NFS3ERR_NOENT && a.repeated;
  if (!was_done && !passes(status, "REMOVE " + name)) {
    co_await pause(before_trying_again);
    co_return false;
  }
  book_.is_gone(name);
  book_.expect_now(name, false, 0, found_);
  co_return true;
}

// Makes something, renames it perhaps, and keeps it for a while.
eventual<done> writer::one_name(std::string number) {
  static constexpr char kinds[] = "fxdl";
  const char kind = kinds[random_() % 4];
  std::string name = kind + number;
  handle made;
  if (kind == 'd')
    made = co_await make_directory(name);
  else if (kind == 'l')
    made = co_await make_link(name);
  else
    made = co_await create(name, kind == 'x' ? EXCLUSIVE : GUARDED);
  if (made.empty()) co_return done{};
  if (random_() % 2 == 0) {
    const bool renamed = co_await rename(name, name + "-renamed");
    if (!renamed) co_return done{};
    name += "-renamed";
  }
  old_names_.push_back(name);
  co_return done{};
}

eventual<done> writer::change_names() {
  while (!stopping_) {
    co_await one_name(std::to_string(next_record_++));
    if (old_names_.size() > 20) {
      const std::string oldest = old_names_.front();
      old_names_.pop_front();
      co_await remove(oldest, oldest.front() == 'd');
    }
    co_await step(names);
  }
  --running_;
  co_return done{};
}

}  // namespace sfs::faults
