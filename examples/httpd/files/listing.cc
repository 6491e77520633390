// See listing.h.
#include "examples/httpd/files/listing.h"

#include <dirent.h>

#include <memory>
#include <set>

#include "examples/httpd/http/text.h"

namespace httpd {

std::optional<std::string> listing(const std::string& path, sfs::fd_owner directory,
                                   bool dotfiles) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(directory.get()), ::closedir);
  if (!dir) return std::nullopt;
  (void)directory.release();  // it is dir's now
  std::set<std::string> names;
  while (const dirent* const e = ::readdir(dir.get())) {
    const std::string name = e->d_name;
    if (name == "." || name == ".." || (!dotfiles && name[0] == '.')) continue;
    names.insert(e->d_type == DT_DIR ? name + '/' : name);
    if (names.size() > max_listed) names.erase(std::prev(names.end()));
  }
  const std::string title = html_escaped(path);
  std::string html =
      "<!doctype html>\n<title>" + title + "</title>\n<h1>" + title + "</h1>\n<ul>\n";
  if (path != "/") html += "<li><a href=\"../\">../</a>\n";
  for (const std::string& name : names)
    html += "<li><a href=\"./" + uri_escaped(name) + "\">" + html_escaped(name) + "</a>\n";
  return html + "</ul>\n";
}

}  // namespace httpd
