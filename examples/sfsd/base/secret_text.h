// secret_text: text that is wiped when it goes: a passphrase, a key file. Serves no stage of its
// own.
//
// Thread safety: like a string.
// Invariants: never copied; what it no longer needs is wiped first. It never grows in place, since
// that would leave a copy behind: it is made with its full size and then only cut.
#pragma once

#include <openssl/crypto.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace sfs {

class secret_text {
 public:
  secret_text() noexcept = default;
  // Room for so many bytes, all of them zero.
  explicit secret_text(std::size_t room)
      : held_(std::make_unique<char[]>(room)), room_(room), size_(room) {}
  explicit secret_text(std::string_view text) : secret_text(text.size()) {
    text.copy(held_.get(), text.size());
  }
  secret_text(secret_text&& other) noexcept
      : held_(std::move(other.held_)),
        room_(std::exchange(other.room_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  secret_text& operator=(secret_text&& other) noexcept {
    std::swap(held_, other.held_);
    std::swap(room_, other.room_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~secret_text() {
    if (held_) OPENSSL_cleanse(held_.get(), room_);
  }

  char* data() noexcept { return held_.get(); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {held_.get(), size_}; }

  // Keeps the first `size` bytes, of those that there are.
  void cut(std::size_t size) noexcept { size_ = size; }

 private:
  std::unique_ptr<char[]> held_;
  std::size_t room_ = 0, size_ = 0;
};

}  // namespace sfs
