// What a path stands for: a file, ready to be sent. Serves stages 5 and 6.
//
// Thread safety: immutable once made, but for the stamp of the last check, which is atomic; shared
// by all connections and by what is on its way to their sockets, and counted.
// Invariant: the bytes that a representation points to live as long as its resource.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "examples/httpd/http/conditions.h"
#include "examples/sfsd/base/fd.h"
#include "wrap/refcnt.h"

namespace httpd {

// The state of a file: whatever is done to it, one of these changes.
struct file_state {
  std::uint64_t device = 0, number = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;
  friend bool operator==(const file_state&, const file_state&) = default;
  static file_state of(const struct stat& s) noexcept;
};

// One form of it: as it is, or compressed. In memory lie, one behind the other:
//
//     Content-Length: 1234          \            all of it is what a GET is answered with,
//     Content-Type: text/html       |  fields    behind a status line and a date
//     ETag: "..."       \ validated |
//     ...               /           /
//     (an empty line)
//     the file, if it is small; of a large one there is a descriptor instead
class representation {
 public:
  // Takes over the file. `fields` come behind the first two, each with its end of line. It reads
  // the file if that has at most `most` bytes; false (as operator bool) if that failed.
  struct description {
    std::string type, encoding;  // "" if it is not encoded
    bool varies = false;         // whether there are several forms
  };
  representation(sfs::fd_owner file, const file_state& state, const description& d,
                 std::size_t most);
  // Of a text that was made, whose state stands for what it was made from.
  representation(std::string_view text, const file_state& state, const description& d);

  explicit operator bool() const noexcept { return memory_ != nullptr; }

  std::uint64_t size() const noexcept { return state_.size; }
  bool in_memory() const noexcept { return !file_; }
  int file() const noexcept { return file_.get(); }

  std::string_view whole() const noexcept { return {memory_.get(), whole_}; }
  std::string_view fields() const noexcept { return whole().substr(0, fields_); }
  // Without Content-Length.
  std::string_view described() const noexcept { return fields().substr(described_); }
  // Also without what tells of the content: for 304.
  std::string_view validated() const noexcept { return fields().substr(validated_); }
  std::string_view type() const noexcept { return type_; }
  std::string_view body() const noexcept { return whole().substr(fields_ + 2); }
  validators state() const noexcept { return {etag_, modified_}; }

  // Bytes of memory; an open file counts as much as one of this size.
  static constexpr std::size_t cost_of_file = 65536;
  std::size_t cost() const noexcept { return whole_ + (file_ ? cost_of_file : 0); }

 private:
  char* begin(const description& d, std::size_t body);

  file_state state_;
  std::string type_, etag_;
  std::int64_t modified_ = 0;
  std::size_t whole_ = 0, fields_ = 0, described_ = 0, validated_ = 0;
  std::unique_ptr<char[]> memory_;
  sfs::fd_owner file_;  // of a large file
};

class resource final : public async::refcount {
 public:
  // Of a directory that was asked for without the slash at its end.
  resource() = default;
  resource(representation plain, std::optional<representation> gzip)
      : plain_(std::move(plain)), gzip_(std::move(gzip)) {}

  bool is_redirect() const noexcept { return !plain_; }
  bool has_gzip() const noexcept { return gzip_.has_value(); }
  const representation& plain() const noexcept { return *plain_; }
  const representation& gzip() const noexcept { return *gzip_; }

  // Memory, and what an entry of the cache costs besides.
  std::size_t cost() const noexcept {
    return 1024 + (plain_ ? plain_->cost() : 0) + (gzip_ ? gzip_->cost() : 0);
  }

  // What the files were like from which it was made, one after the other.
  struct made_from {
    file_state plain, gzip;
    bool redirect = false;
    friend bool operator==(const made_from&, const made_from&) = default;
  } origin;

  // Until when it may be served without another look at the files: now_steady().
  mutable std::atomic<std::uint32_t> fresh_until{0};

 private:
  std::optional<representation> plain_, gzip_;
};

}  // namespace httpd
