// A first-in first-out queue whose items lie side by side in memory, as writev wants its iovecs.
//
// Serves stage 6 (output). Not thread-safe: it belongs to one suio.
//
// Invariants: the items are items_[head_..], and those before head_ are moved-from leftovers of
// popped ones. The space of the popped is reused before the array grows, and only once it is half
// of the array, so that a push or a pop moves one other item on average. An empty queue has
// head_ == 0 and keeps room for at most `kept_capacity` items.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace async::detail {

template <class T>
class array_queue {
 public:
  static constexpr std::size_t kept_capacity = 64;

  array_queue() = default;
  array_queue(array_queue&& other) noexcept { swap(other); }
  array_queue& operator=(array_queue&&) = delete;

  void swap(array_queue& other) noexcept {
    items_.swap(other.items_);
    std::swap(head_, other.head_);
  }

  bool empty() const noexcept { return head_ == items_.size(); }
  std::size_t size() const noexcept { return items_.size() - head_; }
  T* data() noexcept { return items_.data() + head_; }
  const T* data() const noexcept { return items_.data() + head_; }
  T& operator[](std::size_t i) noexcept { return items_[head_ + i]; }
  T& front() noexcept { return items_[head_]; }
  T& back() noexcept { return items_.back(); }

  // After this one push_back() does not allocate, and so can't fail.
  void make_room() {
    if (items_.size() == items_.capacity()) [[unlikely]]
      grow();
  }
  void push_back(T&& item) {
    make_room();
    items_.push_back(std::move(item));
  }

  T pop_front() {
    assert(!empty());
    T item = std::move(items_[head_++]);
    if (head_ == items_.size()) reset();
    return item;
  }

  // Removes the items [first, last), counted from the front.
  void erase(std::size_t first, std::size_t last) {
    items_.erase(at(first), at(last));
    if (head_ == items_.size()) reset();
  }

 private:
  auto at(std::size_t i) { return items_.begin() + static_cast<std::ptrdiff_t>(head_ + i); }

  [[gnu::noinline]] void grow() {
    if (head_ != 0 && head_ >= size()) {
      items_.erase(items_.begin(), at(0));
      head_ = 0;
    } else {
      items_.reserve(items_.empty() ? 4 : 2 * items_.size());
    }
  }

  void reset() noexcept {
    head_ = 0;
    if (items_.capacity() > kept_capacity) [[unlikely]]
      std::vector<T>().swap(items_);
    else
      items_.clear();
  }

  std::vector<T> items_;
  std::size_t head_ = 0;
};

}  // namespace async::detail
