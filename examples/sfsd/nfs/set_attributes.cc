// SETATTR: see changes.h.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "examples/sfsd/nfs/attributes.h"
#include "examples/sfsd/nfs/changes.h"
#include "examples/sfsd/nfs/recent_files.h"
#include "examples/sfsd/nfs/serve.h"

namespace sfs {
namespace {

timespec time_wanted(time_how how, const nfstime3& given) noexcept {
  switch (how) {
    case SET_TO_SERVER_TIME:
      return {0, UTIME_NOW};
    case SET_TO_CLIENT_TIME:
      return {given.seconds, given.nseconds};
    default:
      return {0, UTIME_OMIT};
  }
}

// Nanoseconds above these have a meaning of their own for utimensat.
bool is_time(time_how how, const nfstime3& given) noexcept {
  return how != SET_TO_CLIENT_TIME || given.nseconds < 1'000'000'000;
}

// What can be refused before anything is changed. The kernel takes the largest number of a user or
// a group for "as it is".
nfsstat3 check_attributes(const sattr3& wanted) noexcept {
  constexpr u_int nobody_at_all = 0xffffffff;
  if (number_in(wanted.atime.set_it) > SET_TO_CLIENT_TIME ||
      number_in(wanted.mtime.set_it) > SET_TO_CLIENT_TIME)
    return NFS3ERR_INVAL;
  if (!is_time(wanted.atime.set_it, wanted.atime.set_atime_u.atime) ||
      !is_time(wanted.mtime.set_it, wanted.mtime.set_mtime_u.mtime) ||
      (wanted.uid.set_it && wanted.uid.set_uid3_u.uid == nobody_at_all) ||
      (wanted.gid.set_it && wanted.gid.set_gid3_u.gid == nobody_at_all))
    return NFS3ERR_INVAL;
  return NFS3_OK;
}

nfsstat3 set_size(const call_context& c, const located& file, std::uint64_t size) {
  if (file.is_directory()) return NFS3ERR_ISDIR;
  if (!S_ISREG(file.attributes.stx_mode)) return NFS3ERR_INVAL;
  if (size > INT64_MAX) return NFS3ERR_FBIG;
  nfsstat3 status = NFS3_OK;
  const fd_owner fd = c.tree.reopen(file, O_WRONLY, c.who, status);
  if (!fd) return status;
  const acting as(c.who);
  return ::ftruncate(fd.get(), static_cast<off_t>(size)) < 0 ? status_of_errno(errno) : NFS3_OK;
}

nfsstat3 set_owner(const located& file, const sattr3& wanted) noexcept {
  const uid_t uid = wanted.uid.set_it ? wanted.uid.set_uid3_u.uid : static_cast<uid_t>(-1);
  const gid_t gid = wanted.gid.set_it ? wanted.gid.set_gid3_u.gid : static_cast<gid_t>(-1);
  const int done = ::fchownat(file.path_fd.get(), "", uid, gid, AT_EMPTY_PATH);
  return done < 0 ? status_of_errno(errno) : NFS3_OK;
}

nfsstat3 set_times(const located& file, const sattr3& wanted) noexcept {
  const set_atime& a = wanted.atime;
  const set_mtime& m = wanted.mtime;
  const timespec times[] = {time_wanted(a.set_it, a.set_atime_u.atime),
                            time_wanted(m.set_it, m.set_mtime_u.mtime)};
  const int done = ::utimensat(AT_FDCWD, fd_path(file.path_fd.get()).c_str(), times, 0);
  return done < 0 ? status_of_errno(errno) : NFS3_OK;
}

}  // namespace

nfsstat3 apply_attributes(const call_context& c, const located& file, const sattr3& wanted) {
  nfsstat3 status = check_attributes(wanted);
  if (status == NFS3_OK && wanted.size.set_it)
    status = set_size(c, file, wanted.size.set_size3_u.size);
  const acting as(c.who);
  if (status == NFS3_OK && (wanted.uid.set_it || wanted.gid.set_it))
    status = set_owner(file, wanted);
  // After the owner: changing that takes the set-id bits away. A symbolic link has no mode.
  if (status == NFS3_OK && wanted.mode.set_it && !S_ISLNK(file.attributes.stx_mode) &&
      ::chmod(fd_path(file.path_fd.get()).c_str(), wanted.mode.set_mode3_u.mode & 07777) < 0)
    status = status_of_errno(errno);
  // Who may write may set the size, which sets the time of modification, but only the owner may set
  // that alone: it has the server's time already.
  sattr3 left = wanted;
  if (wanted.size.set_it && wanted.mtime.set_it == SET_TO_SERVER_TIME)
    left.mtime.set_it = DONT_CHANGE;
  if (status == NFS3_OK && (left.atime.set_it != DONT_CHANGE || left.mtime.set_it != DONT_CHANGE))
    status = set_times(file, left);
  return status;
}

wcc_data changed_from(const located& before, const lone_change& change) noexcept {
  wcc_data w;
  std::memset(&w, 0, sizeof w);
  if (before.status != NFS3_OK) return w;
  struct statx now {};
  if (get_attributes(before.path_fd.get(), now)) w.after = attributes_after(now);
  w.before = attributes_before(before.attributes, change);
  return w;
}

void set_file_attributes(const call_context& c, SETATTR3args& args, wcc_res& res) {
  const lone_change change(c.watch, bytes_of(args.object));
  const located l = c.tree.find(bytes_of(args.object));
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  if (args.guard.check) {
    const nfstime3 &expected = args.guard.sattrguard3_u.obj_ctime,
                   &is = attributes_of(l.attributes).ctime;
    if (expected.seconds != is.seconds || expected.nseconds != is.nseconds)
      res.status = NFS3ERR_NOT_SYNC;
  }
  if (res.status == NFS3_OK) {
    res.status = apply_attributes(c, l, args.new_attributes);
    c.changed(bytes_of(args.object));
  }
  c.shown(bytes_of(args.object));
  res.wcc = changed_from(l, change);
}

namespace {

// The kernel tells of data that it could not write once to each descriptor that was open then: the
// one with which the client wrote knows it even if a program on this machine has been told before
// the file was opened anew.
nfsstat3 make_safe(const call_context& c, const_bytes handle, const located& file) {
  fd_owner again;
  const open_file* const written = c.open.longest_written(handle);
  if (!written) {
    const int flags = file.is_directory() ? O_RDONLY | O_DIRECTORY : O_RDONLY;
    again = fd_owner(::open(fd_path(file.path_fd.get()).c_str(), flags | O_CLOEXEC | O_NONBLOCK));
    nfsstat3 why = again ? NFS3_OK : status_of_errno(errno);
    // A server that is not root may be unable to read what its users have written.
    if (why == NFS3ERR_ACCES && !file.is_directory())
      again = c.tree.reopen(file, O_WRONLY, c.who, why);
    if (!again) return why;
  }
  if (::fsync(written ? written->fd() : again.get()) == 0) return NFS3_OK;
  const nfsstat3 status = status_of_errno(errno);
  c.verifier.change();
  return status;
}

}  // namespace

void commit(const call_context& c, COMMIT3args& args, COMMIT3res& res) {
  auto& ok = res.COMMIT3res_u.resok;
  const lone_change change(c.watch, bytes_of(args.file));
  const located l = c.tree.find(bytes_of(args.file));
  res.status = l.status;
  if (l.status != NFS3_OK) return;
  // Whoever holds the handle may ask that the file be safe. A directory too: that makes its entries
  // safe, which the RFC does not provide for.
  if (!S_ISREG(l.attributes.stx_mode) && !l.is_directory()) {
    res.status = NFS3ERR_INVAL;
  } else {
    res.status = make_safe(c, bytes_of(args.file), l);
  }
  ok.file_wcc = changed_from(l, change);
  c.shown(bytes_of(args.file));
  if (res.status == NFS3_OK) c.verifier.put(ok.verf);
}

}  // namespace sfs
