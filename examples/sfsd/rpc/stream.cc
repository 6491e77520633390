// See stream.h.
#include "examples/sfsd/rpc/stream.h"

#include <algorithm>

namespace sfs {

message_reader::got message_reader::fail() noexcept {
  failed_ = true;
  input_ = {};
  return got::failed;
}

// Collects the four bytes in front of a fragment. False if the input ends before they do.
bool message_reader::take_mark() noexcept {
  const std::size_t n = std::min(record_mark_size - mark_filled_, input_.size());
  std::copy_n(input_.begin(), n, mark_ + mark_filled_);
  mark_filled_ += n;
  input_ = input_.subspan(n);
  if (mark_filled_ < record_mark_size) return false;
  const std::uint32_t mark = load_be32(mark_);
  mark_filled_ = 0;
  last_ = (mark & last_fragment) != 0;
  fragment_left_ = mark & ~last_fragment;
  in_fragment_ = true;
  return true;
}

message_reader::got message_reader::next(const_bytes& message) {
  if (given_) {
    partial_ = {};
    given_ = false;
  }
  while (!failed_) {
    if (!in_fragment_) {
      if (!take_mark()) return got::more;
      const bool empty_piece = fragment_left_ == 0 && !last_;
      if (++fragments_ > max_fragments || empty_piece || fragment_left_ > max_ - partial_.size())
        return fail();
      if (last_ && partial_.empty() && fragment_left_ <= input_.size()) {
        message = input_.first(fragment_left_);
        input_ = input_.subspan(fragment_left_);
        in_fragment_ = false;
        fragments_ = 0;
        return got::message;
      }
    }
    const std::size_t n = std::min(fragment_left_, input_.size());
    partial_.insert(partial_.end(), input_.begin(),
                    input_.begin() + static_cast<std::ptrdiff_t>(n));
    input_ = input_.subspan(n);
    fragment_left_ -= n;
    if (fragment_left_ > 0) return got::more;
    in_fragment_ = false;
    if (!last_) continue;
    fragments_ = 0;
    given_ = true;
    message = partial_;
    return got::message;
  }
  return got::failed;
}

}  // namespace sfs
