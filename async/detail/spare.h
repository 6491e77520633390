// A few spare objects per thread, so that a stream's buffers come and go with each request without
// the heap: an idle stream has none. Serves stage 6.
//
// Thread-safety: each thread has its own; an object may be put back by another thread than took it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include "wrap/detail/color_check.h"

namespace async::detail {

template <class T>
class spare {
 public:
  static std::unique_ptr<T> take() {
    spare& own = mine();
    if (own.count_ != 0) return std::move(own.items_[--own.count_]);
    return std::make_unique<T>();
  }

  // `item` is as good as new.
  static void put(std::unique_ptr<T> item) noexcept {
    spare& own = mine();
    if (own.count_ != most) own.items_[own.count_++] = std::move(item);
  }

 private:
  // None where colors are checked: to that, one color would use what is another's.
  static constexpr std::size_t most = colors_checked ? 0 : 16;

  static spare& mine() noexcept {
    static thread_local spare own;
    return own;
  }

  std::array<std::unique_ptr<T>, most> items_;
  std::size_t count_ = 0;
};

}  // namespace async::detail
