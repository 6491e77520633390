// How a suio's ranges, free space and completion marks come, go and move between suios.
//
// Serves stage 6 (output). Thread-safety and invariants: see suio.h. Besides those there: wherever
// code that is not ours may run (a completion callback, the destructor of an owner or of a
// callback), the suio is consistent, and afterwards a `watch` is asked if it still exists.
#include "suio/suio.h"

#include <algorithm>
#include <cstdio>

#include "suio/detail/watch.h"
#include "wrap/detail/misuse.h"

namespace async {

suio::~suio() {
  clear();
  watch::destroyed(watch_);
}

suio& suio::operator=(suio&& other) noexcept {
  if (this != &other) {
    clear();
    take(other);
  }
  return *this;
}

// --- Free space ---

// `bytes` bytes of the block `tail`, which no suio knows yet, become our free space.
void suio::own_free_space(ptr<detail::block> tail, std::size_t bytes) noexcept {
  tail_ = std::move(tail);
  free_ = tail_->data();
  free_end_ = free_ + bytes;
}

void suio::new_free_space(std::size_t bytes) { own_free_space(detail::block::make(bytes), bytes); }

void suio::drop_free_space() noexcept {
  tail_ = nullptr;
  free_ = free_end_ = nullptr;
}

// --- Putting bytes in ---

// Fills the free space up, and puts the rest into one new block. What is left over of that becomes
// the new free space.
void suio::copy_in_parts(const char* data, std::size_t bytes) {
  if (const std::size_t first = free_size(); first != 0) {
    std::memcpy(free_, data, first);
    commit(first);
    data += first;
    bytes -= first;
  }
  using detail::block;
  new_free_space(std::max(
      bytes, empty() && bytes <= block::small_payload ? block::small_payload : block::payload));
  std::memcpy(free_, data, bytes);
  commit(bytes);
}

bool suio::format(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  const bool converted = vformat(format, arguments);
  va_end(arguments);
  return converted;
}

bool suio::vformat(const char* format, std::va_list arguments) {
  using detail::block;
  if (free_size() == 0) new_free_space(empty() ? block::small_payload : block::payload);
  std::va_list again;
  va_copy(again, arguments);
  int length = std::vsnprintf(free_, free_size(), format, arguments);
  if (length >= 0 && static_cast<std::size_t>(length) >= free_size()) {
    const std::size_t with_end = static_cast<std::size_t>(length) + 1;
    new_free_space(std::max(with_end, block::payload));
    length = std::vsnprintf(free_, free_size(), format, again);
  }
  va_end(again);
  if (length > 0) commit(static_cast<std::size_t>(length));
  if (empty()) drop_free_space();
  return length >= 0;
}

// --- Moving between suios ---

void suio::take(suio& other, where caller) {
  if (&other == this) detail::misuse(caller, "suio::take: a suio can't take from itself");
  const std::size_t bytes = other.resid();
  take_marks(other, bytes);
  if (ranges_.empty()) {
    ranges_.swap(other.ranges_);
    owners_.swap(other.owners_);
    end_ += bytes;
    other.begin_ += bytes;
  } else {
    take_ranges(other, bytes);
  }
  // Exactly one of the two owns the space from here on; the larger is worth more.
  if (other.free_size() > free_size()) {
    tail_ = std::move(other.tail_);
    free_ = other.free_;
    free_end_ = other.free_end_;
  }
  other.drop_free_space();
}

void suio::take(suio& other, std::size_t bytes, where caller) {
  if (&other == this) detail::misuse(caller, "suio::take: a suio can't take from itself");
  if (bytes > other.resid()) detail::misuse(caller, "suio::take: more bytes than the other has");
  if (bytes == other.resid()) return take(other, caller);
  take_marks(other, bytes);
  take_ranges(other, bytes);
}

// The free space of `other` stays with it, also where it is behind a range that goes.
void suio::take_ranges(suio& other, std::size_t bytes) {
  while (bytes != 0) {
    iovec& range = other.ranges_.front();
    char* const data = static_cast<char*>(range.iov_base);
    const std::size_t taken = std::min(bytes, range.iov_len);
    if (taken == range.iov_len) {
      other.ranges_.pop_front();
      append(data, taken, other.owners_.pop_front());
    } else {
      range.iov_base = data + taken;
      range.iov_len -= taken;
      append(data, taken, other.owners_.front());
    }
    other.begin_ += taken;
    bytes -= taken;
  }
}

// Moves the marks among and right behind the first `bytes` bytes. Those that are due already are
// being called by a function of `other` further up the stack, which will go on with them.
void suio::take_marks(suio& other, std::size_t bytes) {
  if (other.marks_.empty()) return;
  std::size_t first = 0;
  while (first < other.marks_.size() && other.marks_[first].position <= other.begin_) ++first;
  std::size_t last = first;
  for (; last < other.marks_.size(); ++last) {
    mark& moved = other.marks_[last];
    if (moved.position > other.begin_ + bytes) break;
    marks_.push_back({moved.position - other.begin_ + end_, std::move(moved.cb)});
  }
  other.marks_.erase(first, last);
}

// --- Completion, and taking bytes out ---

void suio::iovcb(callback<void>::ref cb) {
  marks_.push_back({end_, std::move(cb)});
  if (empty()) {
    watch alive(*this);
    run_due(alive);
  }
}

// Calls what is due, unless a caller further up is doing so.
void suio::run_due(const watch& alive) {
  if (running_callbacks_ || marks_.empty()) return;
  struct finally {
    suio& caller;
    const watch& alive;
    ~finally() {
      if (!alive.gone()) caller.running_callbacks_ = false;
    }
  } const at_the_end{*this, alive};
  running_callbacks_ = true;
  while (!alive.gone() && !marks_.empty() && marks_.front().position <= begin_) {
    callback<void>::ptr cb = marks_.pop_front().cb;
    cb();
  }
}

void suio::rembytes(std::size_t bytes, where caller) {
  if (bytes > resid()) detail::misuse(caller, "suio::rembytes: more bytes than there are");
  watch alive(*this);
  if (discard(bytes, alive)) run_due(alive);
}

// Removes bytes without calling completion callbacks; false if an owner's destructor has destroyed
// the suio meanwhile. (One that has removed bytes itself leaves fewer to remove.)
bool suio::discard(std::size_t bytes, const watch& alive) {
  while (bytes != 0 && !ranges_.empty()) {
    iovec& range = ranges_.front();
    if (bytes < range.iov_len) {
      range.iov_base = static_cast<char*>(range.iov_base) + bytes;
      range.iov_len -= bytes;
      begin_ += bytes;
      return true;
    }
    bytes -= range.iov_len;
    begin_ += range.iov_len;
    ranges_.pop_front();
    if (empty()) drop_free_space();
    owners_.pop_front();  // may run an owner's destructor: the last thing
    if (alive.gone()) return false;
  }
  return true;
}

void suio::clear() noexcept {
  // Emptied first: what the destructors below run may come back to this suio, or destroy it.
  detail::array_queue<ptr<const refcount>> owners;
  detail::array_queue<mark> marks;
  detail::array_queue<iovec> ranges;
  owners.swap(owners_);
  marks.swap(marks_);
  ranges.swap(ranges_);
  begin_ = end_;
  drop_free_space();
}

// --- Looking ---

std::size_t suio::copyout(void* to, std::size_t bytes, std::size_t offset) const noexcept {
  char* const start = static_cast<char*>(to);
  char* at = start;
  for (const iovec& range : iov()) {
    if (bytes == 0) break;
    if (offset >= range.iov_len) {
      offset -= range.iov_len;
      continue;
    }
    const std::size_t part = std::min(bytes, range.iov_len - offset);
    std::memcpy(at, static_cast<const char*>(range.iov_base) + offset, part);
    at += part;
    bytes -= part;
    offset = 0;
  }
  return static_cast<std::size_t>(at - start);
}

const char* suio::pullup(std::size_t bytes) {
  if (bytes > resid()) return nullptr;
  if (bytes == 0) return "";
  if (bytes <= ranges_.front().iov_len) return static_cast<char*>(ranges_.front().iov_base);

  ptr<detail::block> joined = detail::block::make(bytes);
  char* const data = joined->data();
  copyout(data, bytes);
  // The ranges that are now in `joined`, but for the last: its place is taken by the rest of it,
  // or by the joined range itself if nothing is left.
  std::size_t covered = 0;
  std::size_t left = bytes;
  while (left >= ranges_[covered].iov_len) {
    left -= ranges_[covered++].iov_len;
    if (left == 0) break;
  }
  detail::array_queue<ptr<const refcount>> released;
  for (std::size_t i = 0; i + 1 < covered; ++i) {
    ranges_.pop_front();
    released.push_back(owners_.pop_front());
  }
  ranges_.front() = {data, bytes};
  released.push_back(std::exchange(owners_[0], std::move(joined)));
  if (left != 0) {
    ranges_[1].iov_base = static_cast<char*>(ranges_[1].iov_base) + left;
    ranges_[1].iov_len -= left;
  }
  return data;
}

}  // namespace async
