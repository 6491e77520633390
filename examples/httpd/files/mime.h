// Media types by the ending of a file's name. Serves no stage of its own.
//
// Thread safety: immutable once made.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace httpd {

class mime_types {
 public:
  // Those that every web site needs, and then what the file says, if it can be read: lines of a
  // type and its endings, as /etc/mime.types has them.
  explicit mime_types(const std::string& file = "/etc/mime.types");

  // The type of a file of this name, with a charset where it is text; "application/octet-stream" if
  // the ending is unknown.
  std::string of(std::string_view name) const;

 private:
  std::unordered_map<std::string, std::string> by_ending_;
};

}  // namespace httpd
