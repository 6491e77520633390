// What a client has to know of an HTTP/1.1 reply's head: the status and where the reply ends. For
// replies with a Content-Length, which is what servers of files send (RFC 9112, 6.3).
//
// Thread safety: any thread; there is no state.
#pragma once

#include <cstddef>
#include <string_view>

namespace papers {

struct reply_head {
  enum class result { complete, incomplete, wrong };

  unsigned status = 0;
  std::size_t head = 0;  // bytes, with the empty line
  std::size_t body = 0;
  bool closes = false;  // the server will close the connection after it

  std::size_t size() const noexcept { return head + body; }
};

// A longer head is wrong, and so is a longer body.
inline constexpr std::size_t longest_head = 2048;
inline constexpr std::size_t longest_body = std::size_t{1} << 40;

// Reads a head from the first bytes of a reply. `into` is set if it is complete.
reply_head::result read_head(std::string_view got, reply_head& into);

}  // namespace papers
