// What the fuzzer calls, and a test too: a function that takes any bytes at all, as a connection
// would, and looks at what becomes of them.
//
// `./run fuzz` makes libFuzzer's program of it, and runs it. Serves no stage of its own.
// Thread safety: one thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "examples/httpd/http/ranges.h"
#include "examples/httpd/http/request.h"
#include "examples/httpd/http/target.h"
#include "examples/httpd/server/reply.h"

namespace httpd::test {

[[noreturn]] inline void fuzz_found(const char* what) {
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

inline void fuzz_require(bool holds, const char* what) {
  if (!holds) fuzz_found(what);
}

// A reply as bytes: its head ends, its lines are none of the client's, and its body is as long as
// it says.
inline void fuzz_reply(async::suio& out, const reply& made, bool has_body) {
  const std::string text(out.pullup(out.resid()), out.resid());
  out.clear();
  const std::size_t end = text.find("\r\n\r\n");
  fuzz_require(text.starts_with("HTTP/1.1 ") && end != text.npos, "a reply without a head");
  for (std::size_t at = text.find('\n'); at < end; at = text.find('\n', at + 1))
    fuzz_require(text[at - 1] == '\r', "a line in a reply's head that ends in LF alone");
  const std::size_t length = text.find("\r\nContent-Length: ");
  const std::uint64_t said =
      length < end ? std::strtoull(text.c_str() + length + 18, nullptr, 10) : 0;
  const std::uint64_t there = text.size() - end - 4;
  fuzz_require(there == made.bytes, "a body of another length than the log's");
  if (has_body) fuzz_require(there == said, "a body of another length than the head's");
  fuzz_require(there <= 2000 + max_ranges * 300, "a reply that is too long");
}

// Requests one after the other, each answered with the same file or redirection.
inline void fuzz_http(std::string_view input) {
  static const auto file = async::make_ref<resource>(
      representation(std::string(1000, 'x'), {1, 2, 1000, 784111777'000'000'000, 4},
                     {"text/plain", "", true}),
      representation("packed", {1, 3, 6, 784111777'000'000'000, 4}, {"text/plain", "gzip", true}));
  static const auto directory = async::make_ref<resource>();
  async::suio out;
  for (int n = 0; n < 100 && !input.empty(); ++n) {
    request r;
    const parsed p = parse_request(input, r);
    if (p.result == parsed::incomplete) {
      fuzz_require(input.size() < max_head + 2, "a head without an end");
      return;
    }
    if (p.result == parsed::wrong) {
      fuzz_require(p.status >= 400 && p.status < 600, "a strange status");
      r.close = true;
      return fuzz_reply(out, put_error(out, r, p.status), r.method != method::head);
    }
    fuzz_require(p.bytes <= input.size() && input.substr(0, p.bytes).ends_with("\r\n\r\n"),
                 "a head that ends elsewhere");
    fuzz_require(parse_request(input.substr(0, p.bytes - 1), r).result == parsed::incomplete,
                 "a head that ends before its end");
    parse_request(input.substr(0, p.bytes), r);
    std::string space;
    const target t = read_target(r.target, space);
    if (t.status == 0) {
      const std::string path(t.path);
      fuzz_require(path.starts_with('/') && path.find('\0') == path.npos &&
                       path.find("//") == path.npos && (path + '/').find("/../") == path.npos &&
                       (path + '/').find("/./") == path.npos,
                   "a path that is none");
      const bool has_body = r.method != method::head;
      if (r.method == method::get || r.method == method::head) {
        const reply made = put_resource(out, r, file, t.path, t.query);
        fuzz_reply(out, made, has_body && made.status != 304);
        fuzz_reply(out, put_resource(out, r, directory, t.path, t.query), has_body);
      }
    }
    input.remove_prefix(p.bytes);
    if (r.chunked || r.body > input.size()) return;
    input.remove_prefix(r.body);
  }
}

}  // namespace httpd::test
