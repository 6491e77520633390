// See conditions.h.
#include "examples/httpd/http/conditions.h"

#include "examples/httpd/http/date.h"
#include "examples/httpd/http/text.h"

namespace httpd {
namespace {

// Whether the list has the tag, or is "*". A weak tag in it matches only if that is enough. Tags
// have no commas of ours in them, so one with a comma may fall apart: its parts match nothing.
bool lists(std::string_view list, std::string_view etag, bool weakly) {
  while (!list.empty()) {
    std::string_view item = take_item(list);
    if (item == "*") return true;
    if (weakly && item.starts_with("W/")) item.remove_prefix(2);
    if (item == etag) return true;
  }
  return false;
}

bool changed_since(std::string_view date, std::int64_t modified, bool otherwise) {
  const auto time = parse_http_date(date);
  return time ? modified > *time : otherwise;
}

// Whether a weight is 0: "q=0", "q=0.", "q=0.000".
bool is_zero(std::string_view q) {
  if (q.empty() || q[0] != '0') return false;
  q.remove_prefix(1);
  return q.empty() || (q[0] == '.' && q.find_first_not_of('0', 1) == q.npos);
}

}  // namespace

condition evaluate(const request& r, const validators& v) {
  if (!r.if_match.empty()) {
    if (!lists(r.if_match, v.etag, false)) return condition::failed;
  } else if (!r.if_unmodified_since.empty()) {
    if (changed_since(r.if_unmodified_since, v.modified, false)) return condition::failed;
  }
  if (!r.if_none_match.empty())
    return lists(r.if_none_match, v.etag, true) ? condition::not_modified : condition::holds;
  if (!r.if_modified_since.empty() && !changed_since(r.if_modified_since, v.modified, true))
    return condition::not_modified;
  return condition::holds;
}

bool range_applies(const request& r, const validators& v, std::int64_t now) {
  if (r.if_range.empty()) return true;
  if (r.if_range.find('"') != r.if_range.npos) return r.if_range == v.etag;
  const auto time = parse_http_date(r.if_range);
  return time && *time == v.modified && v.modified + 60 <= now;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    std::string_view parameters = take_item(accept_encoding);
    const std::string_view coding = take_item(parameters, ';');
    bool refused = false;
    while (!parameters.empty()) {
      const std::string_view p = take_item(parameters, ';');
      if (p.size() > 2 && lower(p[0]) == 'q' && p[1] == '=') refused = is_zero(p.substr(2));
    }
    if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip"))
      return !refused;
    if (coding == "*") any = !refused;
  }
  return any;
}

}  // namespace httpd
