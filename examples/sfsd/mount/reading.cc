// See file_system.h. Here is reading: one request of the kernel's becomes several READs, all under
// way at once.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "examples/sfsd/mount/file_system.h"

namespace sfs {
namespace {

// What is before a READ's data and after it, decoded; the data stays where it is.
struct read_result {
  post_op_attr attributes{};
  bool eof = false;
  const_bytes data;
};

bool decode(const_bytes from, read_result& out) noexcept {
  XDR x;
  auto* memory = const_cast<char*>(reinterpret_cast<const char*>(from.data()));
  xdrmem_create(&x, memory, static_cast<u_int>(from.size()), XDR_DECODE);
  nfsstat3 status = NFS3_OK;
  u_int count = 0, length = 0;
  bool_t eof = FALSE;
  if (!xdr_nfsstat3(&x, &status) || status != NFS3_OK || !xdr_post_op_attr(&x, &out.attributes) ||
      !xdr_u_int(&x, &count) || !xdr_bool(&x, &eof) || !xdr_u_int(&x, &length))
    return false;
  const std::size_t at = xdr_getpos(&x), padded = (std::size_t{length} + 3) & ~std::size_t{3};
  if (count != length || from.size() - at != padded) return false;
  out.eof = eof;
  out.data = from.subspan(at, length);
  return true;
}

}  // namespace

struct file_system::reading {
  // Not zeroed: what is before `end` is filled before it is given to anybody.
  void make_buffer() { buffer.reset(new std::uint8_t[end]); }
  const_bytes result() const noexcept { return {buffer.get(), end}; }

  request_ref request;
  inode_ref file;
  std::uint64_t offset;
  std::size_t end;  // of the file, if it is in the buffer; else of the buffer
  std::unique_ptr<std::uint8_t[]> buffer{};
  unsigned asked = 0;  // READs that are not answered
  int error = 0;
};

void file_system::read(request_ref r, std::uint64_t id, std::uint64_t offset, std::size_t size) {
  const auto found = needed(*r, id);
  if (!found) return;
  const inode_ref i(found);
  size = std::min<std::size_t>(size, 16 << 20);
  auto all = std::make_shared<reading>(reading{r, i, offset, size});
  if (i->dirty && !i->data_stale) {
    all->make_buffer();
    if (i->dirty->read(offset, {all->buffer.get(), size})) {
      r->data(all->result());
      return;
    }
  }
  r->may_be_interrupted(interruptions_);
  // What was written is at the server before it is asked.
  writes_.flush(i, [this, all, size] {
    if (all->request->is_answered()) return;
    if (size > what_.read_size && !all->buffer) all->make_buffer();
    for (std::size_t at = 0; at < size; at += what_.read_size)
      ask_piece(all, at, std::min<std::size_t>(what_.read_size, size - at));
    if (size == 0) all->request->data({});
  });
}

void file_system::ask_piece(std::shared_ptr<reading> all, std::size_t at, std::size_t size) {
  ++all->asked;
  const auto arguments = [all, at, size] {
    READ3args args{handle_of(all->file), all->offset + at, static_cast<u_int>(size)};
    return encoded(xdr_READ3args, args);
  };
  calls_.make_raw(NFSPROC3_READ, {all->file}, arguments, nullptr,
                  [=, this](const call_reply& r) { piece_arrived(all, at, size, r); });
}

void file_system::piece_arrived(std::shared_ptr<reading> all, std::size_t at, std::size_t size,
                                const call_reply& r) {
  --all->asked;
  read_result res;
  if (const int error = calls_.errno_of_reply(r)) {
    all->error = error;
  } else if (!decode(r.results, res) || res.data.size() > size) {
    all->error = EIO;
  } else {
    learn(*all->file, res.attributes, r.token);
    if (!all->buffer && all->asked == 0 && at == 0 &&
        (res.eof || res.data.size() == size || res.data.empty())) {
      all->request->data(res.data);  // not copied
      return;
    }
    if (!all->buffer) all->make_buffer();
    std::memcpy(all->buffer.get() + at, res.data.data(), res.data.size());
    const std::size_t got = at + res.data.size();
    if (res.eof || res.data.empty()) {
      all->end = std::min(all->end, got);
    } else if (res.data.size() < size) {
      return ask_piece(all, got, size - res.data.size());
    }
  }
  if (all->asked > 0) return;
  if (all->error != 0) {
    all->request->error(all->error);
  } else {
    all->request->data(all->result());
  }
}

}  // namespace sfs
