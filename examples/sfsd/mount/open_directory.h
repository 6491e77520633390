// A directory that is being read: the entries that the server gave last, of which the kernel takes
// a page at a time. Serves stage 5.
//
// Thread safety: one color (the default color).
// Invariants: names are such that the kernel takes them: what is empty, too long, or has a '/' or a
// NUL in it is left out. At most one reply's entries are held.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "examples/sfsd/client/pending_call.h"
#include "examples/sfsd/mount/inode.h"

namespace sfs {

class open_directory {
 public:
  struct entry {
    std::string name;
    std::uint64_t number = 0;
    std::uint64_t cookie = 0;
    std::optional<fattr3> attributes;
    std::optional<file_key> handle;
  };

  explicit open_directory(async::ref<inode> i) : of(std::move(i)) {}

  // Takes the entries behind `cookie`, as a reply gave them. False if they do not make sense: no
  // progress is made.
  bool take(std::uint64_t cookie, const READDIRPLUS3resok& from, const reply_token& token);
  bool take(std::uint64_t cookie, const READDIR3resok& from, const reply_token& token);

  // Where in entries() it goes on behind `cookie`; empty if the server has to be asked.
  std::optional<std::size_t> position(std::uint64_t cookie) const noexcept;

  // Behind which cookie the server has more to say; empty if it has not.
  std::optional<std::uint64_t> more() const noexcept {
    return eof_ ? std::nullopt : std::optional(last_);
  }

  const std::vector<entry>& entries() const noexcept { return entries_; }
  const reply_token& token() const noexcept { return token_; }
  // The server's word for the positions, to be given back with them.
  void put_verifier(cookieverf3& to) const noexcept { std::memcpy(to, verifier_, sizeof to); }

  const async::ref<inode> of;
  bool names_only = false;  // the server knows no READDIRPLUS

 private:
  bool begin(std::uint64_t cookie, const cookieverf3& verifier, bool eof, const reply_token& token);
  bool add(std::uint64_t number, const filename3& name, std::uint64_t cookie);
  bool made_progress() const noexcept;

  std::vector<entry> entries_;
  std::uint64_t first_ = 0, last_ = 0;  // cookies: behind which they begin, and end
  bool eof_ = false, filled_ = false;
  cookieverf3 verifier_{};
  reply_token token_;
};

// What is given to the kernel at a time.
struct entries_page {
  std::vector<char> bytes;
  std::size_t used = 0;
  bool current = false;                      // nothing has changed since the server was asked
  std::vector<async::ref<inode>> looked_up;  // by being given
};

}  // namespace sfs
