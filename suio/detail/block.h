// The memory that copied and read bytes live in: a reference count with its payload behind it.
//
// Serves stage 6 (output).
//
// Thread-safety: the count is atomic, so ranges of one block may be held by suios of different
// colors. Who may write into a block needs no synchronisation at all, because it is not recorded
// here: see "Free space" in suio.h.
//
// Invariants: a byte that some suio holds a range over is never written again.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "wrap/refcnt.h"

namespace async::detail {

class block final : public refcount {
 public:
  // A suio's first block is small, so that one which holds a short message costs little and comes
  // from malloc's per-thread cache; the ones that follow are large.
  static constexpr std::size_t small_payload = 1008;
  static constexpr std::size_t payload = 8192;
  static constexpr std::size_t max_payload = 65536;

  static ptr<block> make(std::size_t bytes) {
    auto* made = new (bytes) block;
    made->retain_new();
    return handle_access::take<ptr<block>>(made);
  }

  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }

 private:
  block() = default;
  ~block() override = default;
  static void* operator new(std::size_t header, std::size_t bytes) {
    return ::operator new(header + bytes);
  }
  static void operator delete(void* memory) { ::operator delete(memory); }
  static void operator delete(void* memory, std::size_t) { ::operator delete(memory); }
};

// Keeps a container alive whose bytes a suio refers to.
template <class Container>
class kept_bytes final : public refcount {
 public:
  explicit kept_bytes(Container&& bytes) : bytes_(std::move(bytes)) {}
  const Container& bytes() const noexcept { return bytes_; }

 private:
  ~kept_bytes() override = default;
  const Container bytes_;
};

}  // namespace async::detail
