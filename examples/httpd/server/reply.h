// Replies, from the status line to the last byte. Serves stages 5 and 6.
//
// What a hit costs is here: two ranges in the connection's suio. One is copied (a status line and
// the date, which each thread has ready), the other refers to the resource, where the fields lie
// with the file behind them.
//
// Thread safety: any thread; the suio is the caller's.
// Invariant: what is appended is one whole reply, but for the parts of a large file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "examples/httpd/files/resource.h"
#include "examples/httpd/http/request.h"
#include "suio/suio.h"

namespace httpd {

// Bytes of a large file, and what stands in front of them in a reply of several ranges.
struct file_part {
  std::string before;
  std::uint64_t begin, end;
};

struct reply {
  unsigned status = 0;
  std::uint64_t bytes = 0;  // of the body
  // Of a large file: what has still to be sent, behind what was appended.
  const representation* from = nullptr;
  async::ptr<const resource> owner = nullptr;  // of `from`
  std::vector<file_part> parts = {};
  std::string after = {};
};

// Answers GET and HEAD with the file: whole, in ranges, or that it was not modified. `query` is
// what a redirection takes along.
reply put_resource(async::suio& out, const request& r, async::ptr<const resource> what,
                   std::string_view path, std::string_view query);

// Answers with a short page that says what the status means, and nothing else. r.method may be
// unknown, and r.close says what the client is told of the connection.
reply put_error(async::suio& out, const request& r, unsigned status);

// Answers OPTIONS.
reply put_options(async::suio& out, const request& r);

}  // namespace httpd
