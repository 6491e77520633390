// See inbox.h.
#include "examples/sfsd/channel/inbox.h"

#include <algorithm>

namespace sfs {

bytes inbox::space() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == size_ && begin_ > 0) {
    std::copy(buffer_.get() + begin_, buffer_.get() + end_, buffer_.get());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == size_) {
    const std::size_t larger = std::min(max_size, std::max(first_size, size_ * 4));
    std::unique_ptr<std::uint8_t[]> grown(new std::uint8_t[larger]);
    std::copy_n(buffer_.get(), end_, grown.get());
    buffer_ = std::move(grown);
    size_ = larger;
  }
  return {buffer_.get() + end_, size_ - end_};
}

void inbox::trim() noexcept {
  if (begin_ != end_ || size_ == 0) return;
  buffer_.reset();
  size_ = begin_ = end_ = 0;
}

inbox::got inbox::next(const_bytes& message) {
  while (true) {
    switch (messages_.next(message)) {
      case message_reader::got::message:
        return got::message;
      case message_reader::got::failed:
        return got::failed;
      case message_reader::got::more:
        break;
    }
    const got g = open_frame();
    if (g != got::message) return g;
  }
}

// Opens the next record, if it is there whole, and gives what is in it to the message reader.
inbox::got inbox::open_frame() {
  const std::size_t there = end_ - begin_;
  if (there < record_header_size) return receiver_->closed() ? got::closed : got::more;
  std::uint8_t* const at = buffer_.get() + begin_;
  const auto size = frame_size(at);
  if (!size) return got::failed;
  if (*size > there) return got::more;
  begin_ += *size;
  const bytes frame(at, *size);
  switch (receiver_->open(frame)) {
    case opened::data:
      messages_.feed(payload_of(frame));
      return got::message;
    case opened::ratcheted:
      return got::message;
    case opened::closed:
      return messages_.in_message() || begin_ != end_ ? got::failed : got::closed;
    case opened::failed:
      break;
  }
  return got::failed;
}

}  // namespace sfs
