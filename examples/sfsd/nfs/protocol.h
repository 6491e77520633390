// The types that rpcgen made of nfs3.x, mount3.x and sfs.x, and XDR (libtirpc) over a caller's
// bytes. Serves stages 5 and 6.
//
// Thread safety: pure functions.
// Invariant: decoding allocates no more than the bounds in the .x files, and what it allocated is
// freed by the owner, also when decoding fails.
#pragma once

#include <cstring>
#include <string_view>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/nfs/mount3.h"
#include "examples/sfsd/nfs/nfs3.h"
#include "examples/sfsd/nfs/sfs.h"

namespace sfs {

// XDR that reads some bytes.
class xdr_reader {
 public:
  explicit xdr_reader(const_bytes from) noexcept;
  xdr_reader(const xdr_reader&) = delete;
  xdr_reader& operator=(const xdr_reader&) = delete;

  XDR* get() noexcept { return &x_; }
  std::size_t position() noexcept { return xdr_getpos(&x_); }

 private:
  XDR x_;
  XDR::xdr_ops ops_;
};

// A value of a type that rpcgen made, with its routine: xdr_value<LOOKUP3args, xdr_LOOKUP3args>.
template <class T, bool_t (*Routine)(XDR*, T*)>
class xdr_value {
 public:
  xdr_value() noexcept { std::memset(&value_, 0, sizeof value_); }
  ~xdr_value() { xdr_free(reinterpret_cast<xdrproc_t>(Routine), &value_); }
  xdr_value(const xdr_value&) = delete;
  xdr_value& operator=(const xdr_value&) = delete;

  // Whether `from` is exactly one such value, with nothing behind it.
  bool decode(const_bytes from) noexcept {
    xdr_reader x(from);
    return Routine(x.get(), &value_) && x.position() == from.size();
  }

  T& operator*() noexcept { return value_; }
  T* operator->() noexcept { return &value_; }

 private:
  T value_;
};

// Writes a value as XDR. Returns how many bytes it took; 0 if it does not fit.
template <class T>
std::size_t xdr_encode(bool_t (*routine)(XDR*, T*), T& value, bytes to) noexcept {
  XDR x;
  xdrmem_create(&x, reinterpret_cast<char*>(to.data()), static_cast<u_int>(to.size()), XDR_ENCODE);
  return routine(&x, &value) ? xdr_getpos(&x) : 0;
}

// An enumeration as it came, which may be none of its values.
template <class Enum>
std::uint32_t number_in(const Enum& e) noexcept {
  static_assert(sizeof e == sizeof(std::uint32_t));
  std::uint32_t n;
  std::memcpy(&n, &e, sizeof n);
  return n;
}

inline const_bytes bytes_of(const nfs_fh3& handle) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(handle.data.data_val), handle.data.data_len};
}

inline std::string_view text_of(const filename3& name) noexcept {
  return {name.filename3_val, name.filename3_len};
}

}  // namespace sfs
