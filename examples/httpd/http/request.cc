// See request.h.
#include "examples/httpd/http/request.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <limits>

#include "examples/httpd/http/text.h"

namespace httpd {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using http::field;

std::string_view view(boost::beast::string_view s) { return {s.data(), s.size()}; }

httpd::method method_of(http::verb v) {
  switch (v) {
    case http::verb::get:
      return method::get;
    case http::verb::head:
      return method::head;
    case http::verb::options:
      return method::options;
    case http::verb::unknown:
      return method::unknown;
    default:
      return method::other;
  }
}

// Beast reads the head and tells us of each field; nothing is kept but what request has.
class head_reader final : public http::basic_parser<true> {
 public:
  // How much body is too much is for those to say who would read it. No limit would be none at all:
  // Beast takes any length for more than that.
  explicit head_reader(request& r) : r_(r) {
    header_limit(max_head);
    body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  bool has_transfer_encoding() const { return transfer_encoding_; }
  bool has_content_length() const { return content_lengths_ > 0; }
  bool has_odd_content_length() const { return content_lengths_ > 1 || !is_a_number_; }
  unsigned hosts() const { return hosts_; }
  unsigned fields() const { return fields_; }

 private:
  void on_request_impl(http::verb v, boost::beast::string_view, boost::beast::string_view target,
                       int version, error_code&) override {
    r_.method = method_of(v);
    r_.target = view(target);
    r_.http_1_0 = version == 10;
  }

  void on_field_impl(field name, boost::beast::string_view, boost::beast::string_view its_value,
                     error_code&) override {
    const std::string_view value = view(its_value);
    ++fields_;
    switch (name) {
      case field::host:
        ++hosts_;
        r_.host = value;
        return;
      case field::content_length:
        ++content_lengths_;
        is_a_number_ = std::ranges::all_of(value, httpd::is_digit);  // Beast also takes "1, 1"
        return;
      case field::transfer_encoding:
        transfer_encoding_ = true;
        return;
      case field::expect:
        r_.expects = true;
        return;
      case field::range:
        return join(r_.range, value);
      case field::if_match:
        return join(r_.if_match, value);
      case field::if_none_match:
        return join(r_.if_none_match, value);
      case field::if_modified_since:
        return join(r_.if_modified_since, value);
      case field::if_unmodified_since:
        return join(r_.if_unmodified_since, value);
      case field::if_range:
        return join(r_.if_range, value);
      case field::accept_encoding:
        return join(r_.accept_encoding, value);
      case field::referer:
        return join(r_.referer, value);
      case field::user_agent:
        return join(r_.user_agent, value);
      default:
        return;
    }
  }

  void join(std::string_view& all, std::string_view value) {
    if (all.empty()) {
      all = value;
      return;
    }
    std::string both(all);
    both.append(", ").append(value);
    r_.joined.push_front(std::move(both));
    all = r_.joined.front();
  }

  // Of a head, none of these comes.
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view b, error_code&) override { return b.size(); }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view b, error_code&) override {
    return b.size();
  }
  void on_finish_impl(error_code&) override {}

  request& r_;
  unsigned fields_ = 0, hosts_ = 0, content_lengths_ = 0;
  bool transfer_encoding_ = false, is_a_number_ = true;
};

// Finds the end of the head, and looks at the ends of its lines. Returns what parse_request() does,
// `bytes` being those from the first line on.
parsed find_end(std::string_view head) {
  std::size_t line = 0;
  while (true) {
    const std::size_t lf = head.find('\n', line);
    if (lf == head.npos) break;
    if (lf == line || head[lf - 1] != '\r') return {parsed::wrong, 0, 400};
    if (lf == line + 1) return {parsed::complete, lf + 1, 0};
    if (line != 0 && (head[line] == ' ' || head[line] == '\t')) return {parsed::wrong, 0, 400};
    if (line == 0 && lf > max_target + 100) return {parsed::wrong, 0, 414};
    line = lf + 1;
  }
  if (line == 0 && head.size() > max_target + 100) return {parsed::wrong, 0, 414};
  return {};
}

// Whether the line ends in a version, be it one that we do not speak.
bool has_version(std::string_view line) {
  if (std::ranges::count(line, ' ') != 2 || line.size() < 9) return false;
  const std::string_view v = line.substr(line.size() - 9);
  return v.starts_with(" HTTP/") && is_digit(v[6]) && v[7] == '.' && is_digit(v[8]);
}

unsigned status_of(const error_code& e, std::string_view line) {
  if (e == http::error::bad_version && has_version(line)) return 505;
  if (e == http::error::header_limit) return 431;
  return 400;
}

// What is wrong with a head that Beast takes; 0 if nothing is.
unsigned fault_of(const request& r, const head_reader& reader) {
  if (reader.fields() > max_fields) return 431;
  if (r.target.size() > max_target) return 414;
  if (reader.has_odd_content_length()) return 400;
  if (reader.has_content_length() && reader.has_transfer_encoding()) return 400;
  if (reader.has_transfer_encoding() && r.http_1_0) return 400;
  if (reader.has_transfer_encoding() && !reader.chunked()) return 501;
  if (reader.hosts() > 1 || (reader.hosts() == 0 && !r.http_1_0)) return 400;
  if (!std::ranges::all_of(r.host, is_authority)) return 400;
  return 0;
}

}  // namespace

parsed parse_request(std::string_view bytes, request& r) {
  r = request();
  std::size_t empty_lines = 0;  // one is forgiven: RFC 9112, section 2.2
  if (bytes.starts_with("\r\n")) empty_lines = 2;
  std::string_view head = bytes.substr(empty_lines);
  parsed p = find_end(head.substr(0, max_head));
  if (p.result == parsed::incomplete && head.size() >= max_head) return {parsed::wrong, 0, 431};
  if (p.result != parsed::complete) return p;
  if (p.bytes == 2) return {parsed::wrong, 0, 400};

  head = head.substr(0, p.bytes);
  r.line = head.substr(0, head.find('\r'));
  head_reader reader(r);
  reader.eager(false);
  error_code error;
  reader.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error) return {parsed::wrong, 0, status_of(error, r.line)};
  if (!reader.is_header_done()) return {parsed::wrong, 0, 400};
  if (const unsigned status = fault_of(r, reader)) return {parsed::wrong, 0, status};

  r.chunked = reader.chunked();
  if (reader.content_length()) r.body = *reader.content_length();
  r.keep_alive = r.http_1_0 && reader.keep_alive();
  r.close = !reader.keep_alive();
  p.bytes += empty_lines;
  return p;
}

}  // namespace httpd
