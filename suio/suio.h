// suio: a queue of bytes, held as scatter/gather ranges over reference-counted memory.
//
// Serves stage 6 (output): callbacks fill suios, and suios drain into fds without copying. Reads
// fill them too (input), so that what was read can be passed on by take().
//
//     suio out;
//     out.format("HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n", page->size());
//     out.print(page->data(), page->size(), page);   // not copied; `page` is held until written
//     out.iovcb(wrap(mkref(this), &session::page_sent));
//     io_result r = out.output(fd);                  // would_block: again when fd is writable
//
// Thread-safety: a suio belongs to one color (or thread): none of its functions may overlap with
// another on the same suio. Different suios need no care, even where they share memory after a
// take(): reference counts are atomic, and no byte that two suios can reach is ever written. None
// of the functions blocks, except output() and input() on an fd that is in blocking mode.
//
// Free space: bytes are copied into the free space behind the last byte copied before, and small
// pieces so become one range. That space belongs to exactly one suio: its bounds are kept in the
// suio and not in the block, a new block's space belongs to the suio that made it, and take() of
// everything *moves* it. Other suios hold ranges only over bytes written before, so one color can
// append to a block while another sends or drops earlier bytes of it, with no lock and no atomic.
//
// Completion: iovcb(cb) marks the place behind the last byte. If all bytes before the mark have
// been removed by rembytes() or output(), then cb is called: once, in the order of the marks,
// after the suio is consistent, and before the outermost rembytes() or output() returns. If the
// suio is cleared or destroyed first, then cb is destroyed uncalled. take() moves marks with the
// bytes before them. Such a callback may do anything with the suio, destroying it included (the
// result of output() stays valid); callbacks of one suio never nest: what becomes due inside one
// is called after it returns. The same holds for the destructors of owners.
//
// Invariants: no range is empty; neighbouring ranges that touch in memory and have one owner are
// one range; resid() is the sum of the ranges; a suio without bytes holds no block.
#pragma once

#include <sys/uio.h>

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <ranges>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "suio/detail/array_queue.h"
#include "suio/detail/block.h"
#include "wrap/callback.h"
#include "wrap/refcnt.h"
#include "wrap/where.h"

namespace async {

enum class io_status : std::uint8_t {
  done,         // output: all that was asked for is written. input: some bytes were read
  would_block,  // the fd takes (or has) no more now; try again when it is ready
  eof,          // input only: the other side has closed, nothing was read
  error,        // io_result::error says what; an error is never EINTR or EAGAIN
};

// What output() or input() did. `bytes` is right whatever the status: bytes may have been written
// before the error.
struct io_result {
  std::size_t bytes = 0;
  io_status status = io_status::done;
  std::error_code error;
};

namespace detail {
struct io_access;

// What may be given to suio::print to keep: an rvalue that owns bytes, such as std::string or
// std::vector<unsigned char>.
template <class Bytes>
concept owned_bytes = !std::is_reference_v<Bytes> && !std::is_const_v<Bytes> &&
                      std::ranges::contiguous_range<Bytes> && std::ranges::sized_range<Bytes> &&
                      !std::ranges::view<Bytes> && sizeof(std::ranges::range_value_t<Bytes>) == 1 &&
                      std::is_trivially_copyable_v<std::ranges::range_value_t<Bytes>>;
}  // namespace detail

class suio {
 public:
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

  suio() = default;
  // Takes everything of `other`, as take() does; `other` is empty afterwards and can be used.
  suio(suio&& other) noexcept { take(other); }
  suio& operator=(suio&& other) noexcept;  // clear(), then take(other); nothing for itself
  ~suio();                                 // like clear()

  // --- Putting bytes in. Each appends to the end; none calls completion callbacks. ---

  // Appends the bytes by reference: nothing is copied. `owner` is held until the last of them has
  // been removed; without one, the caller promises that they exist until then. They must not
  // change before then.
  void print(const void* data, std::size_t bytes, ptr<const refcount> owner = nullptr) {
    if (bytes != 0) append(static_cast<const char*>(data), bytes, std::move(owner));
  }

  // Appends a std::string&&, std::vector<char>&& or the like, which is kept until its bytes have
  // been removed. Short ones are copied instead, which costs less.
  template <class Bytes>
  void print(Bytes&& bytes) {
    static_assert(detail::owned_bytes<Bytes>,
                  "suio::print(x) keeps x, which must be an rvalue that owns its bytes, such as "
                  "std::move(string); use copy(x) to copy, print(data, bytes, owner) to refer");
    if constexpr (detail::owned_bytes<Bytes>) {
      if (std::ranges::size(bytes) <= copied_rather_than_kept)
        return copy(std::ranges::data(bytes), std::ranges::size(bytes));
      auto kept = make_ref<detail::kept_bytes<Bytes>>(std::move(bytes));
      const Bytes& there = kept->bytes();
      print(std::ranges::data(there), std::ranges::size(there), std::move(kept));
    }
  }

  // Appends a copy of the bytes, which may be this suio's own.
  void copy(const void* data, std::size_t bytes) {
    if (bytes > free_size()) [[unlikely]]
      return copy_in_parts(static_cast<const char*>(data), bytes);
    if (bytes == 0) return;
    std::memcpy(free_, data, bytes);
    commit(bytes);
  }
  void copy(std::string_view bytes) { copy(bytes.data(), bytes.size()); }

  // Appends what printf would print. False, and nothing is appended, if an argument can't be
  // converted (see printf(3); only wide characters can't).
  [[gnu::format(printf, 2, 3)]] bool format(const char* format, ...);
  [[gnu::format(printf, 2, 0)]] bool vformat(const char* format, std::va_list arguments);

  // Moves all bytes of `other`, and its completion marks, to the end of this suio: O(ranges), no
  // byte is copied. Not from itself: that aborts.
  void take(suio& other, where caller = where::current());

  // Moves the first `bytes` bytes and the marks among and right behind them; later marks stay, as
  // many bytes behind the new front as they are behind the bytes moved. Aborts, naming the caller,
  // if there are fewer bytes.
  void take(suio& other, std::size_t bytes, where caller = where::current());

  // --- Completion ---

  // Calls `cb` when every byte that is in the suio now has been removed; at once if there is none
  // (but after callbacks that are already due). See "Completion" above.
  void iovcb(callback<void>::ref cb);

  // --- Looking ---

  std::size_t resid() const noexcept { return static_cast<std::size_t>(end_ - begin_); }
  bool empty() const noexcept { return end_ == begin_; }

  // The ranges, in order; valid until the suio is changed.
  std::span<const iovec> iov() const noexcept { return {ranges_.data(), ranges_.size()}; }

  // Copies up to `bytes` bytes, from `offset` behind the front on, to `to`, and returns how many.
  std::size_t copyout(void* to, std::size_t bytes, std::size_t offset = 0) const noexcept;

  // Makes the first `bytes` bytes contiguous, copying them only if they are not yet, and returns
  // where they are; null if there are fewer. Valid until the suio is changed.
  const char* pullup(std::size_t bytes);

  // --- Taking bytes out ---

  // Removes the first `bytes` bytes and calls the callbacks that are then due. Aborts, naming the
  // caller, if there are fewer.
  void rembytes(std::size_t bytes, where caller = where::current());

  // Drops all bytes and all completion callbacks, the latter uncalled: they say that bytes were
  // written, and these were not.
  void clear() noexcept;

  // --- Reading and writing ---

  // Writes the first `max` bytes (or all) to `fd`, removes exactly what the kernel took, and then
  // calls the callbacks that are due. Goes on until done, would_block or error; EINTR is retried.
  // After an error the rest is still here. Never raises SIGPIPE: a reader that is gone is EPIPE,
  // on a pipe as on a socket. `fd` is a stream; it should be non-blocking.
  io_result output(int fd, std::size_t max = all);

  // Appends what one readv of up to `max` bytes gives, into free space of 8 KiB or more, up to
  // 64 KiB where earlier reads filled theirs; unused space serves what comes next. EINTR is
  // retried. Nothing changes with would_block, eof or error.
  io_result input(int fd, std::size_t max = all);

 private:
  friend struct detail::io_access;
  static constexpr std::size_t copied_rather_than_kept = 256;

  struct mark {
    std::uint64_t position;  // due when begin_ has reached it
    callback<void>::ptr cb;
  };
  class watch;

  std::size_t free_size() const noexcept { return static_cast<std::size_t>(free_end_ - free_); }
  bool ends_at(const char* data, const refcount* owner) const noexcept;
  void append(const char* data, std::size_t bytes, ptr<const refcount> owner);
  void commit(std::size_t bytes);
  void copy_in_parts(const char* data, std::size_t bytes);
  void own_free_space(ptr<detail::block> tail, std::size_t bytes) noexcept;
  void new_free_space(std::size_t bytes);
  void drop_free_space() noexcept;
  bool discard(std::size_t bytes, const watch& alive);
  void take_ranges(suio& other, std::size_t bytes);
  void take_marks(suio& other, std::size_t bytes);
  void run_due(const watch& alive);

  detail::array_queue<iovec> ranges_;
  detail::array_queue<ptr<const refcount>>
      owners_;                       // of ranges_, one for one; null: the caller's promise
  detail::array_queue<mark> marks_;  // sorted by position
  std::uint64_t begin_ = 0;          // bytes that have ever left this suio
  std::uint64_t end_ = 0;            // bytes that have ever entered it
  ptr<detail::block> tail_;          // whose free space [free_, free_end_) is ours
  char* free_ = nullptr;
  char* free_end_ = nullptr;
  watch* watch_ = nullptr;  // the innermost call that has to know if the suio is destroyed
  std::uint32_t read_size_ = detail::block::payload;  // how much input() offers
  bool running_callbacks_ = false;
};

// --- Inline detail ---

inline bool suio::ends_at(const char* data, const refcount* owner) const noexcept {
  if (ranges_.empty()) return false;
  const iovec& last = ranges_.data()[ranges_.size() - 1];
  return static_cast<const char*>(last.iov_base) + last.iov_len == data &&
         owners_.data()[owners_.size() - 1].get() == owner;
}

inline void suio::append(const char* data, std::size_t bytes, ptr<const refcount> owner) {
  if (ends_at(data, owner.get())) {
    ranges_.back().iov_len += bytes;
  } else {
    ranges_.make_room();
    owners_.make_room();
    ranges_.push_back({const_cast<char*>(data), bytes});
    owners_.push_back(std::move(owner));
  }
  end_ += bytes;
}

// Makes the first bytes of the free space, which are written, part of the queue.
inline void suio::commit(std::size_t bytes) {
  if (ends_at(free_, tail_.get())) {
    ranges_.back().iov_len += bytes;
    end_ += bytes;
  } else {
    append(free_, bytes, tail_);
  }
  free_ += bytes;
}

}  // namespace async
