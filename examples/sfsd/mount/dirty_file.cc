// See dirty_file.h. Here is what is sent, and what becomes of it; pieces.cc has the pieces.
#include "examples/sfsd/mount/dirty_file.h"

#include <algorithm>

namespace sfs {

std::uint64_t dirty_file::unacknowledged_end() const noexcept {
  std::uint64_t end = 0;
  if (!queued_.empty()) {
    const auto last = pieces_.find(*queued_.rbegin());
    end = last->first + last->second.size;
  }
  for (const flight& f : flights_) end = std::max(end, f.offset + f.size);
  return end;
}

bool dirty_file::sent_beyond(std::uint64_t size) const noexcept {
  return std::any_of(flights_.begin(), flights_.end(),
                     [size](const flight& f) { return f.offset + f.size > size; });
}

bool dirty_file::is_on_its_way(std::uint64_t offset, std::uint64_t end) const noexcept {
  return std::any_of(flights_.begin(), flights_.end(),
                     [=](const flight& f) { return f.offset < end && offset < f.offset + f.size; });
}

// How much is queued without a gap from here on; no more than one WRITE takes.
std::uint32_t dirty_file::run_length(pieces::const_iterator at) const noexcept {
  std::uint32_t length = 0;
  std::uint64_t expected = at->first;
  for (; at != pieces_.end() && at->first == expected && at->second.now == state::queued; ++at) {
    length += std::min(at->second.size, piece_size_ - length);
    expected += at->second.size;
    if (length == piece_size_) break;
  }
  return length;
}

std::optional<dirty_file::flight> dirty_file::next(bool part) {
  if (!part && queued_bytes_ < piece_size_) return std::nullopt;
  for (auto first = queued_.begin(); first != queued_.end(); ++first) {
    auto at = pieces_.find(*first);
    const std::uint32_t length = run_length(at);
    if (!part && length < piece_size_) continue;
    const std::uint64_t begin = at->first, end = begin + length;
    if (is_on_its_way(begin, end)) continue;
    const flight f{next_flight_++, begin, length};
    while (at != pieces_.end() && at->first < end) {
      if (at->first + at->second.size > end) split(at, end);
      count(at->first, at->second, false);
      at->second.now = state::sent;
      at->second.flight = f.number;
      ++at;
    }
    flights_.push_back(f);
    sent_bytes_ += length;
    return f;
  }
  return std::nullopt;
}

// What is still the file's content of it: the rest has been overwritten, and need not be right.
async::suio dirty_file::data_of(const flight& f) const {
  async::suio data;
  static constexpr std::uint8_t nothing[4096] = {};
  std::uint64_t at = f.offset;
  const std::uint64_t end = f.offset + f.size;
  const auto pad = [&](std::uint64_t until) {
    for (; at < until; at += std::min<std::uint64_t>(sizeof nothing, until - at))
      data.print(nothing, std::min<std::uint64_t>(sizeof nothing, until - at));
  };
  for (auto i = pieces_.lower_bound(f.offset); i != pieces_.end() && i->first < end; ++i) {
    if (i->second.now != state::sent || i->second.flight != f.number) continue;
    pad(i->first);
    data.print(i->second.data, i->second.size, i->second.block);
    at += i->second.size;
  }
  pad(end);
  return data;
}

void dirty_file::land(const flight& f) noexcept {
  std::erase_if(flights_, [&f](const flight& other) { return other.number == f.number; });
  sent_bytes_ -= f.size;
}

void dirty_file::taken(const flight& f, std::uint32_t count_taken, bool committed,
                       std::uint64_t verifier) {
  land(f);
  ++taken_;
  const std::uint64_t until = f.offset + std::min(count_taken, f.size);
  for (auto at = pieces_.lower_bound(f.offset);
       at != pieces_.end() && at->first < f.offset + f.size;) {
    piece& p = at->second;
    if (p.now != state::sent || p.flight != f.number) {
      ++at;
    } else if (at->first >= until) {
      queue_again(at++);
    } else {
      if (at->first + p.size > until) split(at, until);
      if (committed) {
        at = remove(at);
      } else {
        p.now = state::uncommitted;
        p.taken = taken_;
        p.verifier = verifier;
        count(at->first, p, true);
        ++at;
      }
    }
  }
}

void dirty_file::lost(const flight& f) {
  land(f);
  for (auto at = pieces_.lower_bound(f.offset);
       at != pieces_.end() && at->first < f.offset + f.size;) {
    const bool its = at->second.now == state::sent && at->second.flight == f.number;
    at = its ? remove(at) : std::next(at);
  }
}

void dirty_file::committed(std::uint64_t mark, std::uint64_t verifier) {
  for (auto at = pieces_.begin(); at != pieces_.end();) {
    const piece& p = at->second;
    if (p.now != state::uncommitted || p.taken > mark) {
      ++at;
    } else if (p.verifier == verifier) {
      at = remove(at);
    } else {
      queue_again(at++);
    }
  }
}

void dirty_file::give_up(std::uint64_t mark) {
  for (auto at = pieces_.begin(); at != pieces_.end();) {
    const bool its = at->second.now == state::uncommitted && at->second.taken <= mark;
    at = its ? remove(at) : std::next(at);
  }
}

// What is on its way stays known, so that nothing overtakes it.
void dirty_file::drop() {
  while (!pieces_.empty()) remove(pieces_.begin());
}

}  // namespace sfs
