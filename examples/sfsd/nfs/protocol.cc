// See protocol.h.
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {
namespace {

using get_bytes = bool_t (*)(XDR*, char*, u_int);
get_bytes of_memory = nullptr;  // libtirpc's, set once

// The bytes that fill an item up to a multiple of four are the only ones that begin elsewhere.
// libtirpc reads them into a buffer that all threads share, so they would race for it.
bool_t get_bytes_or_padding(XDR* x, char* to, u_int size) {
  char padding[BYTES_PER_XDR_UNIT];
  const bool is_padding = xdr_getpos(x) % BYTES_PER_XDR_UNIT != 0 && size < sizeof padding;
  return of_memory(x, is_padding ? padding : to, size);
}

}  // namespace

xdr_reader::xdr_reader(const_bytes from) noexcept {
  // XDR only reads in this direction, though its parameter is not const.
  auto* memory = const_cast<char*>(reinterpret_cast<const char*>(from.data()));
  xdrmem_create(&x_, memory, static_cast<u_int>(from.size()), XDR_DECODE);
  ops_ = *x_.x_ops;
  [[maybe_unused]] static const bool once = (of_memory = ops_.x_getbytes, true);
  ops_.x_getbytes = get_bytes_or_padding;
  x_.x_ops = &ops_;
}

}  // namespace sfs
