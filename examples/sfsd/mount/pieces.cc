// See dirty_file.h. Here are the pieces.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "examples/sfsd/mount/dirty_file.h"

namespace sfs {
namespace {

// Less than this is copied, so that small writes in a row become one.
constexpr std::size_t small = 32 * 1024;

// What a block takes besides its bytes: the piece, its place in the maps, malloc's.
constexpr std::size_t overhead = 256;

void* allocated(std::size_t size) {
  void* const memory = std::malloc(size);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

write_block::write_block(std::size_t capacity, std::size_t& gauge)
    : write_block(allocated(capacity), capacity, &std::free, gauge) {}

write_block::write_block(void* memory, std::size_t capacity, void (*give_back)(void*),
                         std::size_t& gauge)
    : memory_(static_cast<std::uint8_t*>(memory)),
      capacity_(capacity),
      give_back_(give_back),
      gauge_(gauge) {
  gauge_ += capacity_ + overhead;
}

write_block::~write_block() {
  gauge_ -= capacity_ + overhead;
  give_back_(memory_);
}

void dirty_file::count(std::uint64_t offset, const piece& p, bool in) {
  if (p.now == state::sent) return;  // its flight counts
  std::uint64_t& bytes = p.now == state::queued ? queued_bytes_ : uncommitted_;
  if (in) {
    bytes += p.size;
    if (p.now == state::queued) queued_.insert(offset);
  } else {
    bytes -= p.size;
    if (p.now == state::queued) queued_.erase(offset);
  }
}

dirty_file::pieces::iterator dirty_file::insert(std::uint64_t offset, piece p) {
  const auto at = pieces_.emplace(offset, std::move(p)).first;
  count(offset, at->second, true);
  return at;
}

dirty_file::pieces::iterator dirty_file::remove(pieces::iterator at) {
  count(at->first, at->second, false);
  return pieces_.erase(at);
}

void dirty_file::queue_again(pieces::iterator at) {
  count(at->first, at->second, false);
  at->second.now = state::queued;
  count(at->first, at->second, true);
}

// Cuts a piece in two at `offset`, which is inside of it; returns the second.
dirty_file::pieces::iterator dirty_file::split(pieces::iterator at, std::uint64_t offset) {
  count(at->first, at->second, false);
  const auto first = static_cast<std::uint32_t>(offset - at->first);
  piece second = at->second;
  second.data += first;
  second.size -= first;
  at->second.size = first;
  count(at->first, at->second, true);
  return insert(offset, std::move(second));
}

// Makes room for what is newer.
void dirty_file::carve(std::uint64_t offset, std::uint64_t end) {
  auto at = pieces_.lower_bound(offset);
  if (at != pieces_.begin()) {
    const auto before = std::prev(at);
    if (before->first + before->second.size > offset) at = split(before, offset);
  }
  while (at != pieces_.end() && at->first < end) {
    if (at->first + at->second.size > end) split(at, end);
    at = remove(at);
  }
}

void dirty_file::truncate(std::uint64_t size) { carve(size, UINT64_MAX); }

void dirty_file::put(std::uint64_t offset, const_bytes data, async::ptr<write_block> owner) {
  carve(offset, offset + data.size());
  const bool kept = data.size() >= small;  // else it is copied, and the owner goes afterwards
  while (!data.empty()) {
    // Pieces end where WRITEs of whole pieces would: those are the best for the server's file.
    const std::size_t room = piece_size_ - offset % piece_size_;
    const const_bytes part = data.first(std::min(room, data.size()));
    if (!append(offset, part)) put_piece(offset, part, kept ? owner : nullptr);
    offset += part.size();
    data = data.subspan(part.size());
  }
}

// To the end of the piece in front, if that is still to be sent and short.
bool dirty_file::append(std::uint64_t offset, const_bytes data) {
  const auto after = pieces_.lower_bound(offset);
  if (after == pieces_.begin() || data.size() >= small) return false;
  const auto at = std::prev(after);
  piece& p = at->second;
  if (p.now != state::queued || at->first + p.size != offset ||
      at->first / piece_size_ != offset / piece_size_)
    return false;
  const std::size_t together = p.size + data.size();
  const std::size_t used_before = static_cast<std::size_t>(p.data - p.block->data());
  // What is behind this piece in its block may be another piece's.
  const bool fits = p.size > 0 && used_before == 0 && p.block->capacity() >= together &&
                    p.block->capacity() <= piece_size_;
  count(at->first, p, false);
  if (!fits) {
    const std::size_t capacity = std::min<std::size_t>(piece_size_, std::max(2 * together, small));
    auto block = async::make_ref<write_block>(capacity, gauge_);
    std::memcpy(block->data(), p.data, p.size);
    p.block = block;
    p.data = block->data();
  }
  std::memcpy(p.data + p.size, data.data(), data.size());
  p.size = static_cast<std::uint32_t>(together);
  count(at->first, p, true);
  return true;
}

void dirty_file::put_piece(std::uint64_t offset, const_bytes data, async::ptr<write_block> owner) {
  piece p;
  p.size = static_cast<std::uint32_t>(data.size());
  if (owner) {
    p.block = std::move(owner);
    p.data = const_cast<std::uint8_t*>(data.data());
  } else {
    p.block = async::make_ref<write_block>(std::max<std::size_t>(data.size(), 1024), gauge_);
    p.data = p.block->data();
    std::memcpy(p.data, data.data(), data.size());
  }
  insert(offset, std::move(p));
}

bool dirty_file::read(std::uint64_t offset, bytes to) const {
  auto at = pieces_.upper_bound(offset);
  if (at == pieces_.begin()) return false;
  --at;
  std::uint64_t covered = at->first;
  for (auto i = at; covered < offset + to.size(); ++i) {
    if (i == pieces_.end() || i->first != covered) return false;
    covered += i->second.size;
  }
  for (std::size_t done = 0; done < to.size(); ++at) {
    const std::uint64_t skip = offset + done - at->first;
    if (skip >= at->second.size) return false;
    const std::size_t n = std::min<std::size_t>(at->second.size - skip, to.size() - done);
    std::memcpy(to.data() + done, at->second.data + skip, n);
    done += n;
  }
  return true;
}

}  // namespace sfs
