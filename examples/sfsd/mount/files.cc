// See file_system.h. Here are open files.
#include <fcntl.h>

#include <cerrno>

#include "examples/sfsd/mount/file_system.h"

namespace sfs {

// What we believe of the file must be right when it is opened: what others have closed is seen
// then, if not before.
void file_system::open(request_ref r, std::uint64_t id, const fuse_file_info& info) {
  const auto found = needed(*r, id);
  if (!found) return;
  const inode_ref i(found);
  const bool trusted = i->is_trusted(inodes_.time().now());
  r->may_be_interrupted(interruptions_);
  const bool may = what_.who.as_root || i->allowed_at == i->changed + 1;
  const auto checked = [=, this](int error) {
    if (error != 0) {
      r->error(error);
    } else {
      open_checked(r, i, info);
    }
  };
  if (trusted && may) return checked(0);
  what_.who.as_root ? fetch_attributes(i, checked) : ask_access(i, checked);
}

// The kernel has asked who may do what if it is the one to decide; else the server is.
void file_system::open_checked(request_ref r, const inode_ref& i, fuse_file_info info) {
  const int mode = info.flags & O_ACCMODE;
  const bool reads = mode != O_WRONLY, writes = mode != O_RDONLY;
  const bool runs = (i->allowed & ACCESS3_EXECUTE) != 0;  // then it can be read to be run
  if (!what_.who.as_root && ((reads && (i->allowed & ACCESS3_READ) == 0 && !runs) ||
                             (writes && (i->allowed & ACCESS3_MODIFY) == 0))) {
    r->error(EACCES);
    return;
  }
  opened(r, i, info);
}

void file_system::opened(request_ref r, const inode_ref& i, fuse_file_info info) {
  auto handle = std::make_unique<kernel_file::ref>(async::make_ref<kernel_file>(i));
  info.fh = reinterpret_cast<std::uint64_t>(handle.get());
  info.keep_cache = i->data_stale ? 0 : 1;
  info.noflush = (info.flags & O_ACCMODE) == O_RDONLY ? 1 : 0;
  if (!r->opened(info)) return;
  i->data_stale = false;
  ++i->opens;
  handle.release();
}

void file_system::closed(const inode_ref& i) {
  if (--i->opens == 0) remove_hidden(i);
}

void file_system::release(request_ref r, std::uint64_t, const fuse_file_info& info) {
  const std::unique_ptr<kernel_file::ref> handle(&kernel_file::of_info(info));
  r->error(0);
  closed((*handle)->of);
}

// Each open file is told once of what was lost.
int file_system::loss_of(kernel_file& f) noexcept {
  return std::exchange(f.losses, f.of->losses) == f.of->losses ? 0 : f.of->loss;
}

// close(2): the server has what was written. Who closes a file is told if it does not.
void file_system::flush(request_ref r, std::uint64_t, const fuse_file_info& info) {
  const kernel_file::ref f = kernel_file::of_info(info);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  writes_.flush(f->of, [r, f] {
    if (!r->is_answered()) r->error(loss_of(*f));
  });
}

void file_system::sync(request_ref r, std::uint64_t, const fuse_file_info& info) {
  const kernel_file::ref f = kernel_file::of_info(info);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  writes_.sync(f->of, [r, f] {
    if (!r->is_answered()) r->error(loss_of(*f));
  });
}

void file_system::write(request_ref r, std::uint64_t, std::uint64_t offset, const_bytes data,
                        async::ptr<write_block> owner, const fuse_file_info& info) {
  const kernel_file::ref f = kernel_file::of_info(info);
  if (const int loss = loss_of(*f)) {
    r->error(loss);
    return;
  }
  r->may_be_interrupted(interruptions_, request::kind::changes);
  writes_.write(
      f->of, offset, data, std::move(owner), [r, size = data.size()] { r->written(size); },
      [r] { return !r->is_answered(); });
}

// A COMMIT of a directory: servers that know no such thing have nothing to be committed.
void file_system::sync_directory(request_ref r, std::uint64_t id) {
  const auto found = needed(*r, id);
  if (!found) return;
  commit(inode_ref(found), [r](const write_target::outcome& o) {
    const bool real = o.error == EIO || o.error == ENOSPC || o.error == ESTALE;
    r->error(real ? o.error : 0);
  });
}

}  // namespace sfs
