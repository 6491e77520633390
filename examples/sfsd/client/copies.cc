// See copies.h.
#include "examples/sfsd/client/copies.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "examples/sfsd/base/base32.h"
#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/client/new_file.h"

namespace sfs {
namespace {

constexpr std::size_t writes_ahead = 16;

copy_trouble remotely(std::string why) { return {false, std::move(why)}; }
copy_trouble locally(std::string why) { return {true, std::move(why)}; }

// What tells whether a file on a server is the one that it was before.
std::string source_of(const file_handle& file, const fattr3& a) {
  return std::string(file.begin(), file.end()) + "|" + std::to_string(a.size) + "|" +
         std::to_string(a.mtime.seconds) + "." + std::to_string(a.mtime.nseconds);
}

std::string random_name() {
  std::uint8_t random[10];
  fill_randomly(random);
  return ".sfs-put-" + base32(random);
}

// Removes what a copy has left on the server, unless it was kept.
class remote_part {
 public:
  remote_part(remote_files& files, file_handle& directory)
      : files_(files), directory_(directory), name_(random_name()) {}
  ~remote_part() {
    if (made_) (void)files_.remove(directory_, name_, false);
  }
  remote_part(const remote_part&) = delete;
  remote_part& operator=(const remote_part&) = delete;

  outcome<file_handle> make(unsigned mode) {
    auto made = files_.create(directory_, name_, mode);
    made_ = static_cast<bool>(made);
    return made;
  }
  std::string keep(std::string_view name) {
    std::string why = files_.rename(directory_, name_, name);
    if (why.empty()) made_ = false;
    return why;
  }

 private:
  remote_files& files_;
  file_handle& directory_;
  std::string name_;
  bool made_ = false;
};

outcome<std::size_t> read_some(int fd, bytes to) {
  while (true) {
    const ssize_t n = ::read(fd, to.data(), to.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return failure{system_reason()};
  }
}

}  // namespace

std::pair<std::string_view, std::string_view> directory_and_name(std::string_view path) noexcept {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

copy_trouble get(remote_files& files, std::string_view path, const std::string& to,
                 const copy_options& o) {
  auto handle = files.walk(path);
  if (!handle) return remotely(handle.why());
  const auto attributes = files.attributes(*handle);
  if (!attributes) return remotely(attributes.why());
  auto out =
      o.resume ? new_file::resume(to, source_of(*handle, *attributes)) : new_file::create(to);
  if (!out) return locally(out.why());
  const std::uint64_t begin = std::min<std::uint64_t>(out->had(), attributes->size);
  progress shown(std::string(directory_and_name(path).second), attributes->size, begin, o.show);
  std::string local;
  const auto take = [&](std::uint64_t offset, const_bytes data) {
    local = out->write(offset, data);
    shown.add(data.size());
    return local;
  };
  const auto size = files.read_all(*handle, out->ahead(), take, begin);
  std::string why = size ? out->keep() : std::string();
  if (size && why.empty()) return {};
  out->discard();
  if (size) return locally(std::move(why));
  return local.empty() ? remotely(size.why()) : locally(local);
}

copy_trouble put(remote_files& files, const std::string& from, std::string_view path,
                 const copy_options& o) {
  const fd_owner fd(from == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                : ::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat st;
  if (!fd || ::fstat(fd.get(), &st) < 0) return locally(system_reason());
  if (S_ISDIR(st.st_mode)) return locally("it is a directory");
  const bool regular = S_ISREG(st.st_mode);
  const auto [parent, name] = directory_and_name(path);
  if (name.empty()) return remotely("the name of a file is missing");
  auto directory = files.walk(parent, true);
  if (!directory) return remotely(directory.why());
  if (auto there = files.look_up(*directory, name))
    if (const auto a = files.attributes(*there); a && a->type == NF3DIR)
      return remotely("it is a directory");
  remote_part part(files, *directory);
  auto file = part.make(regular ? st.st_mode & 0777 : 0644);
  if (!file) return remotely(file.why());
  progress shown(from, regular ? std::optional<std::uint64_t>(st.st_size) : std::nullopt, 0,
                 o.show);
  std::string local;
  const auto give = [&](bytes to) {
    auto n = read_some(fd.get(), to);
    if (n)
      shown.add(*n);
    else
      local = n.why();
    return n;
  };
  std::string why = files.write_all(*file, writes_ahead, give);
  if (!local.empty()) return locally(local);
  if (why.empty()) why = part.keep(name);
  return remotely(std::move(why));
}

}  // namespace sfs
