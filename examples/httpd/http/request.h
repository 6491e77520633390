// A request's head, as Boost.Beast's parser understands it and as much stricter as a server has to
// be that may stand behind another one. Serves stage 5.
//
// Thread safety: pure functions over what they are given.
// Invariant: a head that parse_request() takes has one meaning only. What two servers could read
// differently is refused: a line that ends in LF alone, a CR that stands alone, a folded line, a
// blank before a colon, a Content-Length that is there twice or beside Transfer-Encoding, no Host
// or two (RFC 9112, sections 2.2, 3.2, 5.1, 5.2 and 6.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>

namespace httpd {

constexpr std::size_t max_head = 16384;   // 431 beyond it
constexpr std::size_t max_target = 8000;  // 414 beyond it
constexpr std::size_t max_fields = 100;   // 431 beyond it

enum class method : std::uint8_t { get, head, options, other, unknown };

// Points into the bytes that were parsed, which have to live as long.
struct request {
  httpd::method method = method::unknown;
  std::string_view line;    // the request line, without its end
  std::string_view target;  // what it asks for, as it was sent
  bool http_1_0 = false;
  bool close = false;       // the client wants no further request on this connection
  bool keep_alive = false;  // said so in words, which only HTTP/1.0 needs
  bool expects = false;     // and waits for it, before it sends a body
  bool chunked = false;     // a body of unknown length follows
  std::uint64_t body = 0;   // the bytes of the body that follows

  // Fields, without the blanks around them; empty if there are none. Lines of one name are joined
  // by a comma (RFC 9110, section 5.3).
  std::string_view host, range, if_match, if_none_match, if_modified_since, if_unmodified_since,
      if_range, accept_encoding, referer, user_agent;
  std::forward_list<std::string> joined;  // owns those that were
};

struct parsed {
  enum result : std::uint8_t { incomplete, complete, wrong } result = incomplete;
  std::size_t bytes = 0;  // complete: of the head, empty lines before it included
  unsigned status = 0;    // wrong: what to answer before closing
};

// Reads the head at the beginning of `bytes`. incomplete: it does not end there, and may be asked
// again with more. Never asks for more than max_head bytes.
parsed parse_request(std::string_view bytes, request& r);

}  // namespace httpd
