// CREATE, MKDIR, SYMLINK, MKNOD: see changes.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "examples/sfsd/nfs/attributes.h"
#include "examples/sfsd/nfs/changes.h"
#include "examples/sfsd/nfs/serve.h"

namespace sfs {
namespace {

// The mode that a new object is made with; the kernel adds and takes away what its directory and
// its user demand.
mode_t first_mode(const sattr3& wanted, mode_t otherwise) noexcept {
  return wanted.mode.set_it ? wanted.mode.set_mode3_u.mode & 07777 : otherwise;
}

// A place for a new entry: a directory and a name in it, checked.
struct place {
  lone_change change;
  located directory;
  std::string name;
  nfsstat3 status;

  place(const call_context& c, const diropargs3& where)
      : change(c.watch, bytes_of(where.dir)),
        directory(c.tree.find(bytes_of(where.dir))),
        name(text_of(where.name)),
        status(directory.status) {
    if (status != NFS3_OK) return;
    c.shown(bytes_of(where.dir));
    status = directory.is_directory() ? check_name(text_of(where.name)) : NFS3ERR_NOTDIR;
    // What is there already is there, whatever else could be said about such a name.
    if (status != NFS3ERR_NOTDIR && (name == "." || name == "..")) status = NFS3ERR_EXIST;
  }
  int fd() const noexcept { return directory.path_fd.get(); }
};

// Makes an entry with the user's identity.
template <class Make>
nfsstat3 make_entry(const call_context& c, place& at, Make make) {
  if (at.status != NFS3_OK) return at.status;
  const acting as(c.who);
  return make(at.fd(), at.name.c_str()) < 0 ? status_of_errno(errno) : NFS3_OK;
}

bool asks_for_something(const sattr3& wanted) noexcept {
  return wanted.mode.set_it || wanted.uid.set_it || wanted.gid.set_it || wanted.size.set_it ||
         number_in(wanted.atime.set_it) != DONT_CHANGE ||
         number_in(wanted.mtime.set_it) != DONT_CHANGE;
}

// The rest of every such call: the attributes that were asked for, and what is given back.
void give_back(const call_context& c, const diropargs3& where, place& at, const sattr3* wanted,
               nfsstat3 status, made_result& out) {
  located l = located::none(status);
  if (status == NFS3_OK) {
    c.changed(bytes_of(where.dir));
    l = c.tree.look_up(at.directory, at.name, c.who);
    if (l.status == NFS3_OK) out.handle = c.tree.handle_of(l);
    if (l.status == NFS3_OK && wanted && asks_for_something(*wanted)) {
      const lone_change change(c.watch, out.handle.view());  // others can see it already
      l.status = apply_attributes(c, l, *wanted);
      c.changed(out.handle.view());
      get_attributes(l.path_fd.get(), l.attributes);
    }
  }
  out.res.status = l.status;
  if (l.status != NFS3_OK) {
    out.res.new_object_res_u.dir_wcc = changed_from(at.directory, at.change);
    return;
  }
  c.shown(out.handle.view());
  auto& ok = out.res.new_object_res_u.resok;
  ok.obj.handle_follows = TRUE;
  ok.obj.post_op_fh3_u.handle = as_handle(out.handle);
  ok.obj_attributes = attributes_after(l.attributes);
  ok.dir_wcc = changed_from(at.directory, at.change);
}

// What is left to be set of a new object's attributes: it was made empty, and with its mode but for
// set-id bits, which the kernel gives to no directory and takes from a file that it gives away.
sattr3 after_making(const sattr3& wanted) noexcept {
  sattr3 left = wanted;
  left.mode.set_it =
      wanted.mode.set_it && (wanted.mode.set_mode3_u.mode & (S_ISUID | S_ISGID)) != 0;
  if (left.size.set_it && left.size.set_size3_u.size == 0) left.size.set_it = FALSE;
  return left;
}

// EXCLUSIVE: the client's verifier is kept in the times of the new file, so that the same call,
// sent again after the server has forgotten it, finds out that the file is its own (RFC 1813,
// section 3.3.8). Only what every file system keeps of a time is used.
struct verifier_times {
  std::uint32_t first, second;

  explicit verifier_times(const createverf3& v) noexcept
      : first(load_be32(reinterpret_cast<const std::uint8_t*>(v)) & 0x7fffffff),
        second(load_be32(reinterpret_cast<const std::uint8_t*>(v) + 4) & 0x7fffffff) {}

  sattr3 as_attributes() const noexcept {
    sattr3 a;
    std::memset(&a, 0, sizeof a);
    a.atime.set_it = a.mtime.set_it = SET_TO_CLIENT_TIME;
    a.atime.set_atime_u.atime = {first, 0};
    a.mtime.set_mtime_u.mtime = {second, 0};
    return a;
  }
  bool are_of(const struct statx& s) const noexcept {
    return s.stx_size == 0 && s.stx_atime.tv_sec == first && s.stx_atime.tv_nsec == 0 &&
           s.stx_mtime.tv_sec == second && s.stx_mtime.tv_nsec == 0;
  }
};

int make_file(int directory, const char* name, mode_t mode) noexcept {
  const fd_owner made(
      ::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  return made ? 0 : -1;
}

// The file gets its name when it has its verifier: if the server ended in between, nobody would
// know it for what the call, when it is sent again, has made. Where a file cannot be without a
// name, it is made as any other, and give_back() does the rest.
int make_file_at(const verifier_times& verifier, int directory, const char* name) noexcept {
  const fd_owner made(::openat(directory, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
  if (!made) return make_file(directory, name, 0600);
  const timespec times[] = {{verifier.first, 0}, {verifier.second, 0}};
  if (::futimens(made.get(), times) < 0) return -1;
  return ::linkat(AT_FDCWD, fd_path(made.get()).c_str(), directory, name, AT_SYMLINK_FOLLOW);
}

// What is there already, if it is a regular file: else it is in the way.
located existing_file(const call_context& c, const place& at) {
  located l = c.tree.look_up(at.directory, at.name, c.who);
  if (l.status == NFS3_OK && !S_ISREG(l.attributes.stx_mode)) l.status = NFS3ERR_EXIST;
  return l;
}

void create_exclusive(const call_context& c, CREATE3args& args, place& at, made_result& out) {
  const verifier_times verifier(args.how.createhow3_u.verf);
  const sattr3 times = verifier.as_attributes();
  nfsstat3 status =
      make_entry(c, at, [&](int d, const char* name) { return make_file_at(verifier, d, name); });
  if (status != NFS3ERR_EXIST) return give_back(c, args.where, at, &times, status, out);
  const located there = existing_file(c, at);
  if (there.status == NFS3_OK && verifier.are_of(there.attributes)) status = NFS3_OK;
  give_back(c, args.where, at, nullptr, status, out);
}

}  // namespace

void create(const call_context& c, CREATE3args& args, made_result& out) {
  place at(c, args.where);
  if (args.how.mode == EXCLUSIVE) return create_exclusive(c, args, at, out);
  const sattr3& wanted = args.how.createhow3_u.obj_attributes;
  const mode_t mode = first_mode(wanted, 0666);
  nfsstat3 status =
      make_entry(c, at, [&](int d, const char* name) { return make_file(d, name, mode); });
  if (status == NFS3_OK) {
    const sattr3 left = after_making(wanted);
    return give_back(c, args.where, at, &left, status, out);
  }
  if (status == NFS3ERR_EXIST && args.how.mode == UNCHECKED) {
    // An existing file keeps its attributes; only its length can be asked for here.
    const located there = existing_file(c, at);
    status = there.status;
    sattr3 length;
    std::memset(&length, 0, sizeof length);
    length.size = wanted.size;
    if (status == NFS3_OK && length.size.set_it) {
      const sealed_handle handle = c.tree.handle_of(there);
      const lone_change change(c.watch, handle.view());
      status = apply_attributes(c, there, length);
      c.changed(handle.view());
    }
  }
  give_back(c, args.where, at, nullptr, status, out);
}

void make_directory(const call_context& c, MKDIR3args& args, made_result& out) {
  place at(c, args.where);
  const mode_t mode = first_mode(args.attributes, 0777);
  const nfsstat3 status =
      make_entry(c, at, [&](int d, const char* name) { return ::mkdirat(d, name, mode); });
  sattr3 left = after_making(args.attributes);
  // When set-id bits are set, those that were handed down must not go.
  if (at.status == NFS3_OK)
    left.mode.set_mode3_u.mode |= at.directory.attributes.stx_mode & S_ISGID;
  give_back(c, args.where, at, &left, status, out);
}

void make_link(const call_context& c, SYMLINK3args& args, made_result& out) {
  place at(c, args.where);
  const std::string target(args.symlink.symlink_data.nfspath3_val,
                           args.symlink.symlink_data.nfspath3_len);
  if (at.status == NFS3_OK && (target.empty() || target.find('\0') != target.npos))
    at.status = NFS3ERR_INVAL;
  const nfsstat3 status = make_entry(
      c, at, [&](int d, const char* name) { return ::symlinkat(target.c_str(), d, name); });
  const sattr3 left = after_making(args.symlink.symlink_attributes);
  give_back(c, args.where, at, &left, status, out);
}

void make_node(const call_context& c, MKNOD3args& args, made_result& out) {
  place at(c, args.where);
  const auto& what = args.what.mknoddata3_u;
  mode_t type = 0;
  dev_t device = 0;
  const sattr3* wanted = &what.pipe_attributes;
  switch (number_in(args.what.type)) {
    case NF3CHR:
    case NF3BLK:
      type = args.what.type == NF3CHR ? S_IFCHR : S_IFBLK;
      wanted = &what.device.dev_attributes;
      device = ::makedev(what.device.spec.specdata1, what.device.spec.specdata2);
      break;
    case NF3SOCK:
      type = S_IFSOCK;
      break;
    case NF3FIFO:
      type = S_IFIFO;
      break;
    default:
      out.res.status = NFS3ERR_BADTYPE;
      out.res.new_object_res_u.dir_wcc = changed_from(at.directory, at.change);
      return;
  }
  const mode_t mode = first_mode(*wanted, 0666);
  const nfsstat3 status = make_entry(
      c, at, [&](int d, const char* name) { return ::mknodat(d, name, type | mode, device); });
  const sattr3 left = after_making(*wanted);
  give_back(c, args.where, at, &left, status, out);
}

}  // namespace sfs
