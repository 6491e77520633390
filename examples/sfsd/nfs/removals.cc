// REMOVE, RMDIR, RENAME, LINK: see changes.h.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "examples/sfsd/nfs/attributes.h"
#include "examples/sfsd/nfs/changes.h"
#include "examples/sfsd/nfs/serve.h"

namespace sfs {
namespace {

// A directory that a call names, noted as shown.
located directory_of(const call_context& c, const nfs_fh3& handle) {
  located l = c.tree.find(bytes_of(handle));
  if (l.status != NFS3_OK) return l;
  c.shown(bytes_of(handle));
  if (!l.is_directory()) l.status = NFS3ERR_NOTDIR;
  return l;
}

// What an entry is before it goes, for those who have a lease on it.
void note_entry(const call_context& c, const located& directory, std::string_view name) {
  if (!c.notes.note_changed || directory.status != NFS3_OK) return;
  if (const located l = c.tree.look_up(directory, name, c.who); l.status == NFS3_OK) c.changed(l);
}

// A table of names looks for a file where it was seen last: here, from now on. Who has made a new
// name often takes the old one away.
void learn_name(const call_context& c, const located& directory, std::string_view name) {
  if (!c.tree.any_thread()) (void)c.tree.look_up(directory, name, c.who);
}

void remove_entry(const call_context& c, const diropargs3& what, int flags, nfsstat3 for_dot,
                  wcc_res& res) {
  const lone_change change(c.watch, bytes_of(what.dir));
  const located directory = directory_of(c, what.dir);
  const std::string name(text_of(what.name));
  res.status = directory.status;
  if (res.status == NFS3_OK) res.status = check_name(text_of(what.name), true);
  if (res.status == NFS3_OK && name == ".") res.status = for_dot;
  if (res.status == NFS3_OK && name == "..")
    res.status = flags == AT_REMOVEDIR ? NFS3ERR_NOTEMPTY : NFS3ERR_ISDIR;
  if (res.status == NFS3_OK) {
    note_entry(c, directory, name);
    const acting as(c.who);
    if (::unlinkat(directory.path_fd.get(), name.c_str(), flags) < 0)
      res.status = status_of_errno(errno);
  }
  if (res.status == NFS3_OK) c.changed(bytes_of(what.dir));
  res.wcc = changed_from(directory, change);
}

}  // namespace

void remove_file(const call_context& c, REMOVE3args& args, wcc_res& res) {
  remove_entry(c, args.object, 0, NFS3ERR_ISDIR, res);
}

void remove_directory(const call_context& c, REMOVE3args& args, wcc_res& res) {
  remove_entry(c, args.object, AT_REMOVEDIR, NFS3ERR_INVAL, res);
}

void rename(const call_context& c, RENAME3args& args, RENAME3res& res) {
  const lone_change of_from(c.watch, bytes_of(args.from.dir)),
      of_to(c.watch, bytes_of(args.to.dir), of_from);
  const located from = directory_of(c, args.from.dir), to = directory_of(c, args.to.dir);
  const std::string old_name(text_of(args.from.name)), new_name(text_of(args.to.name));
  for (const nfsstat3 problem : {from.status, to.status, check_name(text_of(args.from.name)),
                                 check_name(text_of(args.to.name))})
    if (res.status == NFS3_OK) res.status = problem;
  if (res.status == NFS3_OK) {
    note_entry(c, from, old_name);
    note_entry(c, to, new_name);
    const acting as(c.who);
    if (::renameat(from.path_fd.get(), old_name.c_str(), to.path_fd.get(), new_name.c_str()) < 0)
      res.status = errno == EXDEV ? NFS3ERR_XDEV : status_of_errno(errno);
  }
  if (res.status == NFS3_OK) {
    c.changed(bytes_of(args.from.dir));
    c.changed(bytes_of(args.to.dir));
    learn_name(c, to, new_name);
  }
  res.fromdir_wcc = changed_from(from, of_from);
  res.todir_wcc = changed_from(to, of_to);
}

void link(const call_context& c, LINK3args& args, LINK3res& res) {
  const lone_change of_file(c.watch, bytes_of(args.file)),
      of_directory(c.watch, bytes_of(args.link.dir), of_file);
  const located file = c.tree.find(bytes_of(args.file));
  const located directory = directory_of(c, args.link.dir);
  const std::string name(text_of(args.link.name));
  for (const nfsstat3 problem :
       {file.status, directory.status, check_name(text_of(args.link.name))})
    if (res.status == NFS3_OK) res.status = problem;
  if (res.status == NFS3_OK && file.is_directory()) res.status = NFS3ERR_PERM;
  if (res.status == NFS3_OK) {
    // Through the path of the descriptor: linking the descriptor itself is for root only.
    const acting as(c.who);
    if (::linkat(AT_FDCWD, fd_path(file.path_fd.get()).c_str(), directory.path_fd.get(),
                 name.c_str(), AT_SYMLINK_FOLLOW) < 0)
      res.status = errno == EXDEV ? NFS3ERR_XDEV : status_of_errno(errno);
  }
  if (res.status == NFS3_OK) {
    c.changed(bytes_of(args.file));
    c.changed(bytes_of(args.link.dir));
    learn_name(c, directory, name);
  }
  res.file_attributes = changed_from(file, of_file).after;
  if (file.status == NFS3_OK) c.shown(bytes_of(args.file));
  res.linkdir_wcc = changed_from(directory, of_directory);
}

}  // namespace sfs
