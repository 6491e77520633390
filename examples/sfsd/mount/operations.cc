// See fuse_loop.h. Here is libfuse's table: what the kernel asks for, and who answers. Each request
// becomes an object that answers it (request.h).
#include <algorithm>
#include <cerrno>

#include "examples/sfsd/mount/fuse_loop.h"

namespace sfs {
namespace {

using node = fuse_ino_t;
using info = fuse_file_info;

fuse_loop& loop_of(fuse_req_t r) noexcept { return *static_cast<fuse_loop*>(fuse_req_userdata(r)); }

file_system& fs(fuse_req_t r) noexcept { return loop_of(r).files(); }

request_ref made(fuse_req_t r) { return async::make_ref<request>(r); }

void initialize(void* userdata, fuse_conn_info* c) {
  auto* const loop = static_cast<fuse_loop*>(userdata);
  const auto& settings = loop->settings();
  loop->agreed();
  const auto want = [c](unsigned what, bool yes) {
    c->want = yes ? c->want | (c->capable & what) : c->want & ~what;
  };
  want(FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS, true);
  want(FUSE_CAP_CACHE_SYMLINKS, true);
  // With O_TRUNC, the kernel truncates by setattr, which also takes set-user-id bits away.
  want(FUSE_CAP_ATOMIC_O_TRUNC, false);
  want(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO, true);
  // The kernel's own write-back cache would make it believe itself, and nobody else, about sizes
  // and times.
  want(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_POSIX_ACL, false);
  want(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE, false);
  // If the server tells of changes then we tell the kernel; else it finds them by the times, and
  // takes our own changes for somebody else's.
  const bool can_tell = settings.leased && (c->capable & FUSE_CAP_EXPLICIT_INVAL_DATA) != 0;
  want(FUSE_CAP_AUTO_INVAL_DATA, !can_tell);
  want(FUSE_CAP_EXPLICIT_INVAL_DATA, can_tell);
  c->max_write = std::min(c->max_write, 1u << 20);
  c->max_background = 64;
  c->congestion_threshold = 48;
}

void lookup(fuse_req_t r, node parent, const char* name) { fs(r).look_up(made(r), parent, name); }

void forget(fuse_req_t r, node n, std::uint64_t times) {
  fs(r).forget(n, times);
  fuse_reply_none(r);
}

void forget_multi(fuse_req_t r, std::size_t count, fuse_forget_data* all) {
  for (std::size_t i = 0; i < count; ++i) fs(r).forget(all[i].ino, all[i].nlookup);
  fuse_reply_none(r);
}

void getattr(fuse_req_t r, node n, info*) { fs(r).get_attributes(made(r), n); }

void setattr(fuse_req_t r, node n, struct stat* wanted, int to_set, info*) {
  fs(r).set_attributes(made(r), n, *wanted, to_set);
}

void readlink(fuse_req_t r, node n) { fs(r).read_link(made(r), n); }

void mknod(fuse_req_t r, node parent, const char* name, mode_t mode, dev_t device) {
  fs(r).make_node(made(r), parent, name, mode, device);
}

void mkdir(fuse_req_t r, node parent, const char* name, mode_t mode) {
  fs(r).make_directory(made(r), parent, name, mode);
}

void unlink(fuse_req_t r, node parent, const char* name) { fs(r).remove(made(r), parent, name); }

void rmdir(fuse_req_t r, node parent, const char* name) {
  fs(r).remove_directory(made(r), parent, name);
}

void symlink(fuse_req_t r, const char* target, node parent, const char* name) {
  fs(r).make_symbolic_link(made(r), target, parent, name);
}

void rename(fuse_req_t r, node parent, const char* name, node to, const char* new_name,
            unsigned flags) {
  fs(r).rename(made(r), parent, name, to, new_name, flags);
}

void link(fuse_req_t r, node n, node to, const char* name) {
  fs(r).make_link(made(r), n, to, name);
}

void create(fuse_req_t r, node parent, const char* name, mode_t mode, info* f) {
  fs(r).create(made(r), parent, name, mode, *f);
}

void open(fuse_req_t r, node n, info* f) { fs(r).open(made(r), n, *f); }

void read(fuse_req_t r, node n, std::size_t size, off_t offset, info*) {
  fs(r).read(made(r), n, static_cast<std::uint64_t>(offset), size);
}

void write(fuse_req_t r, node n, const char* data, std::size_t size, off_t offset, info* f) {
  const const_bytes d(reinterpret_cast<const std::uint8_t*>(data), size);
  const auto owner = loop_of(r).keep_buffer(size);
  fs(r).write(made(r), n, static_cast<std::uint64_t>(offset), d, owner, *f);
}

void flush(fuse_req_t r, node n, info* f) { fs(r).flush(made(r), n, *f); }

void release(fuse_req_t r, node n, info* f) { fs(r).release(made(r), n, *f); }

void fsync(fuse_req_t r, node n, int, info* f) { fs(r).sync(made(r), n, *f); }

void opendir(fuse_req_t r, node n, info* f) { fs(r).open_directory_of(made(r), n, *f); }

void readdir(fuse_req_t r, node, std::size_t size, off_t offset, info* f) {
  fs(r).read_directory(made(r), *f, static_cast<std::uint64_t>(offset), size, false);
}

void readdirplus(fuse_req_t r, node, std::size_t size, off_t offset, info* f) {
  fs(r).read_directory(made(r), *f, static_cast<std::uint64_t>(offset), size, true);
}

void releasedir(fuse_req_t r, node, info* f) { fs(r).release_directory(made(r), *f); }

void fsyncdir(fuse_req_t r, node n, int, info*) { fs(r).sync_directory(made(r), n); }

void statfs(fuse_req_t r, node n) { fs(r).statistics(made(r), n); }

void access(fuse_req_t r, node n, int mask) { fs(r).access(made(r), n, mask); }

void fallocate(fuse_req_t r, node, int, off_t, off_t, info*) { fuse_reply_err(r, EOPNOTSUPP); }

fuse_lowlevel_ops make_operations() noexcept {
  fuse_lowlevel_ops all{};
  all.init = initialize;
  all.lookup = lookup;
  all.forget = forget;
  all.forget_multi = forget_multi;
  all.getattr = getattr;
  all.setattr = setattr;
  all.readlink = readlink;
  all.mknod = mknod;
  all.mkdir = mkdir;
  all.unlink = unlink;
  all.rmdir = rmdir;
  all.symlink = symlink;
  all.rename = rename;
  all.link = link;
  all.create = create;
  all.open = open;
  all.read = read;
  all.write = write;
  all.flush = flush;
  all.release = release;
  all.fsync = fsync;
  all.opendir = opendir;
  all.readdir = readdir;
  all.readdirplus = readdirplus;
  all.releasedir = releasedir;
  all.fsyncdir = fsyncdir;
  all.statfs = statfs;
  all.access = access;
  all.fallocate = fallocate;
  return all;
}

}  // namespace

const fuse_lowlevel_ops& operations() noexcept {
  static const fuse_lowlevel_ops all = make_operations();
  return all;
}

}  // namespace sfs
