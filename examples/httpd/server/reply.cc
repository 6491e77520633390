// See reply.h.
#include "examples/httpd/server/reply.h"

#include <sys/random.h>

#include <cinttypes>
#include <utility>

#include "examples/httpd/http/conditions.h"
#include "examples/httpd/http/date.h"
#include "examples/httpd/http/ranges.h"
#include "examples/httpd/http/text.h"
#include "mp/colored.h"

namespace httpd {
namespace {

constexpr std::string_view allow = "Allow: GET, HEAD, OPTIONS\r\n";

const char* reason(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 412:
      return "Precondition Failed";
    case 414:
      return "URI Too Long";
    case 416:
      return "Range Not Satisfiable";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return status < 500 ? "Bad Request" : "Internal Server Error";
  }
}

// The same in all replies of a second.
struct status_line {
  std::string ok;
  std::int64_t made = -1;
};

// "HTTP/1.1 200 OK", the date, and what is said of the connection.
void begin(async::suio& out, const request& r, unsigned status) {
  auto& [ok, made] = async::thread_scratch<status_line>();
  if (const std::int64_t now = now_of_day(); now != made) {
    ok.assign("HTTP/1.1 200 OK\r\nDate: ").append(http_date_now()).append("\r\n");
    made = now;
  }
  if (status == 200) {
    out.copy(ok);
  } else {
    out.format("HTTP/1.1 %u %s\r\n", status, reason(status));
    out.copy(std::string_view(ok).substr(17));
  }
  if (r.close)
    out.copy("Connection: close\r\n");
  else if (r.keep_alive)
    out.copy("Connection: keep-alive\r\n");
}

// No file has this in it but by an incredible accident; it is another one in each process.
const std::string& boundary() {
  static const std::string made = [] {
    std::uint64_t random[2] = {};
    if (::getrandom(random, sizeof random, 0) < 0) random[0] = 1;
    char text[40];
    std::snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    return std::string(text);
  }();
  return made;
}

std::string content_range(const byte_range& b, std::uint64_t size) {
  return "Content-Range: bytes " + std::to_string(b.begin) + '-' + std::to_string(b.end - 1) + '/' +
         std::to_string(size) + "\r\n";
}

struct answering {
  async::suio& out;
  const request& r;
  const async::ptr<const resource>& owner;
  const representation& file;
  reply made{};

  bool head_only() const { return r.method == method::head; }

  // By reference.
  void refer(std::string_view bytes) { out.print(bytes.data(), bytes.size(), owner); }

  void content(std::string before, const byte_range& b) {
    if (file.in_memory()) {
      out.copy(before);
      refer(file.body().substr(b.begin, b.end - b.begin));
    } else {
      made.from = &file;
      made.owner = owner;
      made.parts.push_back({std::move(before), b.begin, b.end});
    }
  }

  reply whole() {
    made = {.status = 200, .bytes = head_only() ? 0 : file.size()};
    begin(out, r, 200);
    if (head_only() || !file.in_memory()) {
      refer(file.whole().substr(0, file.fields().size() + 2));
      if (!head_only()) content({}, {0, file.size()});
    } else {
      refer(file.whole());
    }
    return std::move(made);
  }

  reply not_modified() {
    begin(out, r, 304);
    refer(file.validated());
    out.copy("\r\n");
    return {.status = 304};
  }

  reply failed(unsigned status, const std::string& fields) {
    begin(out, r, status);
    out.copy(fields);
    out.copy("Content-Length: 0\r\n\r\n");
    return {.status = status};
  }

  reply one_range(const byte_range& b) {
    made = {.status = 206, .bytes = b.end - b.begin};
    begin(out, r, 206);
    out.copy(content_range(b, file.size()));
    out.format("Content-Length: %" PRIu64 "\r\n", b.end - b.begin);
    refer(file.described());
    out.copy("\r\n");
    content({}, b);
    return std::move(made);
  }

  reply several(const std::vector<byte_range>& list) {
    made = {.status = 206};
    std::vector<std::string> before;
    std::string after = "\r\n--" + boundary() + "--\r\n";
    made.bytes = after.size();
    for (const byte_range& b : list) {
      before.push_back("\r\n--" + boundary() + "\r\nContent-Type: " + std::string(file.type()) +
                       "\r\n" + content_range(b, file.size()) + "\r\n");
      made.bytes += before.back().size() + b.end - b.begin;
    }
    begin(out, r, 206);
    out.format("Content-Type: multipart/byteranges; boundary=%s\r\nContent-Length: %" PRIu64 "\r\n",
               boundary().c_str(), made.bytes);
    const std::string_view validated = file.validated(), described = file.described();
    const std::string_view content_fields =
        described.substr(0, described.size() - validated.size());
    if (const auto at = content_fields.find("Content-Encoding"); at != content_fields.npos)
      out.copy(content_fields.substr(at));
    refer(validated);
    out.copy("\r\n");
    for (std::size_t i = 0; i < list.size(); ++i) content(std::move(before[i]), list[i]);
    if (file.in_memory())
      out.copy(after);
    else
      made.after = std::move(after);
    return std::move(made);
  }
};

}  // namespace

reply put_resource(async::suio& out, const request& r, async::ptr<const resource> what,
                   std::string_view path, std::string_view query) {
  if (what->is_redirect()) {
    begin(out, r, 301);
    out.copy("Location: ");
    out.copy(uri_escaped(path));
    out.copy("/");
    out.copy(query);
    out.copy("\r\nContent-Length: 0\r\n\r\n");
    return {.status = 301};
  }
  const bool packed = what->has_gzip() && accepts_gzip(r.accept_encoding);
  const representation& file = packed ? what->gzip() : what->plain();
  answering a{out, r, what, file};
  switch (evaluate(r, file.state())) {
    case condition::not_modified:
      return a.not_modified();
    case condition::failed:
      return a.failed(412, {});
    case condition::holds:
      break;
  }
  if (r.range.empty() || a.head_only() || !range_applies(r, file.state(), now_of_day()))
    return a.whole();
  const ranges asked = parse_ranges(r.range, file.size());
  if (asked.kind == ranges::whole) return a.whole();
  if (asked.kind == ranges::unsatisfiable)
    return a.failed(416, "Content-Range: bytes */" + std::to_string(file.size()) + "\r\n");
  return asked.list.size() == 1 ? a.one_range(asked.list[0]) : a.several(asked.list);
}

reply put_error(async::suio& out, const request& r, unsigned status) {
  const std::string text = std::to_string(status) + ' ' + reason(status);
  const std::string page =
      "<!doctype html>\n<title>" + text + "</title>\n<h1>" + reason(status) + "</h1>\n";
  begin(out, r, status);
  if (status == 405 || status == 501) out.copy(allow);
  if (status == 503) out.copy("Retry-After: 1\r\n");
  out.format("Content-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n\r\n", page.size());
  if (r.method == method::head) return {.status = status};
  out.copy(page);
  return {.status = status, .bytes = page.size()};
}

reply put_options(async::suio& out, const request& r) {
  begin(out, r, 204);
  out.copy(allow);
  out.copy("\r\n");
  return {.status = 204};
}

}  // namespace httpd
