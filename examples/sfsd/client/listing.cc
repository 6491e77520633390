// See listing.h.
#include "examples/sfsd/client/listing.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <ctime>

#include "examples/sfsd/base/shown.h"
#include "examples/sfsd/client/copies.h"

namespace sfs {
namespace {

constexpr int max_depth = 1000;

std::string time_text(const nfstime3& t, const char* format) {
  char when[64];
  const std::time_t seconds = t.seconds;
  std::tm parts{};
  if (!::localtime_r(&seconds, &parts) || std::strftime(when, sizeof when, format, &parts) == 0)
    return "?";
  return when;
}

std::string mode_text(const fattr3& a) {
  constexpr char types[] = "?-dbclsp";
  constexpr char bits[] = "rwxrwxrwx";
  std::string text(1, types[a.type >= NF3REG && a.type <= NF3FIFO ? a.type : 0]);
  for (int i = 0; i < 9; ++i) text += (a.mode >> (8 - i) & 1) != 0 ? bits[i] : '-';
  // The set-id bits and the sticky bit take the place of an x.
  for (const auto& [bit, at, letter] :
       {std::tuple(04000u, 3u, 's'), std::tuple(02000u, 6u, 's'), std::tuple(01000u, 9u, 't')})
    if (a.mode & bit) text[at] = text[at] == 'x' ? letter : static_cast<char>(letter - 'a' + 'A');
  return text;
}

std::string long_line(remote_files& files, file_handle& handle, const std::string& name) {
  const auto a = files.attributes(handle);
  if (!a) return shown(name) + ": " + shown(a.why());
  char line[128];
  std::snprintf(line, sizeof line, "%s %12" PRIu64 "  %s  ", mode_text(*a).c_str(),
                static_cast<std::uint64_t>(a->size), time_text(a->mtime, "%Y-%m-%d %H:%M").c_str());
  std::string text = line + shown(name);
  if (a->type == NF3LNK)
    if (const auto target = files.link_target(handle)) text += " -> " + shown(*target);
  return text;
}

std::string remove_entry(remote_files& files, file_handle& directory, const std::string& name,
                         bool recursive, int depth) {
  auto handle = files.look_up(directory, name);
  if (!handle) return handle.why();
  const auto a = files.attributes(*handle);
  if (!a) return a.why();
  if (a->type != NF3DIR) return files.remove(directory, name, false);
  if (!recursive) return "it is a directory; -r removes it with all that is in it";
  if (depth > max_depth) return "the directories are too deep";
  const auto entries = files.list(*handle);
  if (!entries) return entries.why();
  for (const auto& e : *entries) {
    if (e.name == "." || e.name == "..") continue;
    if (std::string why = remove_entry(files, *handle, e.name, true, depth + 1); !why.empty())
      return why.find('/') == why.npos ? e.name + ": " + why : why;
  }
  return files.remove(directory, name, true);
}

}  // namespace

std::string list(remote_files& files, std::string_view path, bool long_form) {
  auto handle = files.walk(path);
  if (!handle) return handle.why();
  const auto a = files.attributes(*handle);
  if (!a) return a.why();
  if (a->type != NF3DIR) {
    const std::string name(directory_and_name(path).second);
    std::puts((long_form ? long_line(files, *handle, name) : shown(name)).c_str());
    return {};
  }
  auto entries = files.list(*handle);
  if (!entries) return entries.why();
  std::sort(entries->begin(), entries->end(), [](auto& x, auto& y) { return x.name < y.name; });
  for (const auto& e : *entries) {
    if (e.name == "." || e.name == "..") continue;
    if (!long_form) {
      std::puts(shown(e.name).c_str());
    } else if (auto file = files.look_up(*handle, e.name)) {
      std::puts(long_line(files, *file, e.name).c_str());
    } else {
      std::puts((shown(e.name) + ": " + shown(file.why())).c_str());
    }
  }
  return {};
}

std::string print_attributes(remote_files& files, std::string_view path) {
  auto handle = files.walk(path);
  if (!handle) return handle.why();
  const auto a = files.attributes(*handle);
  if (!a) return a.why();
  constexpr const char* types[] = {"unknown",          "regular file",  "directory", "block device",
                                   "character device", "symbolic link", "socket",    "FIFO"};
  std::printf("name:     %s\n", path.empty() ? "/" : shown(path).c_str());
  std::printf("type:     %s\n", types[a->type >= NF3REG && a->type <= NF3FIFO ? a->type : 0]);
  if (a->type == NF3LNK)
    if (const auto target = files.link_target(*handle))
      std::printf("target:   %s\n", shown(*target).c_str());
  if (a->type == NF3BLK || a->type == NF3CHR)
    std::printf("device:   %u, %u\n", a->rdev.specdata1, a->rdev.specdata2);
  std::printf("size:     %" PRIu64 " bytes, %" PRIu64 " on the disk\n",
              static_cast<std::uint64_t>(a->size), static_cast<std::uint64_t>(a->used));
  std::printf("mode:     %04o %s\n", a->mode, mode_text(*a).c_str());
  std::printf("owner:    %u, group %u\n", a->uid, a->gid);
  std::printf("links:    %u\n", a->nlink);
  std::printf("number:   %" PRIu64 "\n", static_cast<std::uint64_t>(a->fileid));
  for (const auto& [what, t] : {std::pair("accessed:", a->atime), std::pair("modified:", a->mtime),
                                std::pair("changed: ", a->ctime)})
    std::printf("%s %s.%09u\n", what, time_text(t, "%Y-%m-%d %H:%M:%S").c_str(), t.nseconds);
  return {};
}

std::string remove(remote_files& files, std::string_view path, bool recursive) {
  const auto [parent, name] = directory_and_name(path);
  if (name.empty()) return "the server's root cannot be removed";
  auto directory = files.walk(parent, true);
  if (!directory) return directory.why();
  return remove_entry(files, *directory, std::string(name), recursive, 0);
}

}  // namespace sfs
