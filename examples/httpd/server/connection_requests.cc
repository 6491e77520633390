// See connection.h: what is asked for.
#include <sys/socket.h>

#include <utility>

#include "async/peer.h"
#include "examples/httpd/http/date.h"
#include "examples/httpd/http/target.h"
#include "examples/httpd/server/bench.h"
#include "examples/httpd/server/connection.h"
#include "examples/httpd/server/server.h"
#include "wrap/wrap.h"

namespace httpd {
namespace {

constexpr std::size_t max_queued = 262'144;    // bytes of replies that leave together
constexpr std::uint64_t max_skipped = 65'536;  // of a body that nobody wants

}  // namespace

void connection::serve(std::string_view input) {
  async::suio& out = bench::mine().out;
  if (work_) work_->incomplete = false;
  while (!input.empty() && !closing_) {
    if (work_ && work_->to_skip > 0) {
      const std::size_t n = std::min<std::uint64_t>(work_->to_skip, input.size());
      work_->to_skip -= n;
      input.remove_prefix(n);
      continue;
    }
    const std::size_t used = serve_one(input, out);
    if (used == 0) break;
    input.remove_prefix(used);
    if (out.resid() > max_queued || (work_ && work_->file)) break;
  }
  if (!input.empty() && !closing_) busy().unread.assign(input);
  if (!input.empty() && closing_) draining_ = true;
  send(out);
}

// Has requests served that came before.
void connection::serve_unread() {
  if (closed_ || !work_ || loading_ || writing_) return;
  const std::string bytes = std::exchange(work_->unread, {});
  serve(bytes);
}

// Serves the first request, and returns its bytes, which are 0 if it has to wait: for the rest of
// it, or for a file.
std::size_t connection::serve_one(std::string_view input, async::suio& out) {
  request r;
  const parsed p = parse_request(input, r);
  if (p.result == parsed::incomplete) {
    busy().incomplete = true;
    return 0;
  }
  if (p.result == parsed::wrong) return refuse(r, p.status, input.size(), out);
  if (r.chunked || r.body > max_skipped || (r.expects && r.body > 0))
    r.close = draining_ = true;  // and nothing behind it is looked at
  if (ending_) r.close = true;
  bench& b = bench::mine();
  const target t = read_target(r.target, b.path);
  reply made;
  if (r.method == method::unknown || r.method == method::other) {
    made = put_error(out, r, r.method == method::other ? 405 : 501);
  } else if (r.method == method::options) {
    made = put_options(out, r);
  } else if (t.status != 0) {
    made = put_error(out, r, t.status);
  } else {
    loaded result;
    if (!look_up(t.path, result)) return 0;
    if (result.what) {
      made = put_resource(out, r, std::move(result.what), t.path, t.query);
      if (made.from) {
        transfer f{std::move(made), server_.log().begin_line(peer(), r)};
        busy().file.emplace(std::move(f));
      }
    } else {
      made = put_error(out, r, result.status);
    }
  }
  const bool is_over = !(work_ && work_->file);
  if (is_over && server_.log().is_on()) server_.log().add(peer(), r, made.status, made.bytes);
  if (r.body > 0 && r.close) draining_ = true;
  if (r.body > 0 && !r.close) busy().to_skip = r.body;
  closing_ = r.close;
  return p.bytes;
}

// What is no request, or one that nobody should answer otherwise. What follows can't be understood.
std::size_t connection::refuse(request& r, unsigned status, std::size_t bytes, async::suio& out) {
  r.close = closing_ = draining_ = true;
  const reply made = put_error(out, r, status);
  if (server_.log().is_on()) server_.log().add(peer(), r, made.status, made.bytes);
  return bytes;
}

// False if the path has to be looked for; then found() will be called.
bool connection::look_up(std::string_view path, loaded& result) {
  if (work_ && work_->found) {
    result = std::move(*std::exchange(work_->found, std::nullopt));
    return true;
  }
  result.what = server_.cache().find(path, now_steady());
  if (result.what) return true;
  loading_ = true;
  server_.cache().fetch(std::string(path),
                        async::cwrap(color(), mkref(this), &connection::found));  // [connections]
  return false;
}

void connection::found(loaded result) {
  if (closed_) return;
  loading_ = false;
  work_->found = std::move(result);
  if (!writing_) serve_unread();
}

// The client's address, for the log. It is asked for each time: to keep it would cost each idle
// client more than the call costs a busy one.
std::string_view connection::peer() {
  std::string& text = bench::mine().peer;
  if (!server_.log().is_on()) return {};
  const auto address = async::peer_address::of(fd_);
  text = address.family() == AF_UNSPEC ? "-:" : address.text();
  std::string_view without_port = std::string_view(text).substr(0, text.rfind(':'));
  if (without_port.starts_with('[')) without_port = without_port.substr(1, without_port.size() - 2);
  return without_port;
}

}  // namespace httpd
