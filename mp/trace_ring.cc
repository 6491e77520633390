// A trace's ring of records: see trace_ring.h.
#include "mp/detail/trace_ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace async::detail {

namespace {

using word = std::atomic<std::uint64_t>;
static_assert(sizeof(word) == sizeof(std::uint64_t) && word::is_always_lock_free);

word* map(std::size_t bytes) {
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<word*>(memory);  // of zeros, as words are made
}

}  // namespace

trace_ring::trace_ring(std::size_t records)
    : capacity_(records),
      words_(map(records * record_words * sizeof(word))),
      end_(words_ + records * record_words),
      next_(words_) {}

trace_ring::~trace_ring() { munmap(words_, bytes()); }

std::size_t trace_ring::fitting(std::size_t bytes) noexcept {
  return std::max<std::size_t>(64, bytes / (record_words * sizeof(word)));
}

std::uint64_t trace_ring::copy(std::vector<trace_record>& records) const {
  const std::uint64_t written = written_.load(std::memory_order_acquire);
  const std::uint64_t first = written > capacity_ ? written - capacity_ : 0;
  const std::size_t before = records.size();
  records.reserve(before + (written - first));
  for (std::uint64_t n = first; n != written; ++n) {
    const word* const words = words_ + n % capacity_ * record_words;
    // acquire: R1.
    const std::uint64_t head = words[0].load(std::memory_order_acquire);
    trace_record r{head >> 8, static_cast<trace_kind>(head & 15),
                   static_cast<std::uint8_t>(head >> 4 & 15)};
    if (!trace_is_bare(r.kind)) {
      r.subject = words[1].load(std::memory_order_acquire);
      r.color = words[2].load(std::memory_order_acquire);
      r.value = words[3].load(std::memory_order_acquire);
      std::array<std::uint64_t, site_words> site;
      for (std::size_t i = 0; i != site_words; ++i) {
        site[i] = words[4 + i].load(std::memory_order_acquire);
      }
      r.site = std::bit_cast<where>(site);
    }
    records.push_back(r);
  }
  // R2. The record with the number `now` may be half written, over that of now - capacity.
  const std::uint64_t now = written_.load(std::memory_order_acquire);
  const std::uint64_t intact = now >= capacity_ ? now - capacity_ + 1 : 0;
  const std::uint64_t torn = std::clamp(intact, first, written) - first;
  const auto begin = records.begin() + static_cast<std::ptrdiff_t>(before);
  records.erase(begin, begin + static_cast<std::ptrdiff_t>(torn));
  return first + torn;
}

}  // namespace async::detail
