// See loader.h.
#include "examples/httpd/files/loader.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "examples/httpd/files/listing.h"

namespace httpd {
namespace {

// What the client is told of errno: that there is no such thing, and not why, unless it may help to
// ask again later.
unsigned status_of(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:  // the tree was changed while the kernel looked
      return 503;
    case EIO:
      return 500;
    case EACCES:
    case EPERM:
      return 403;
    default:
      return 404;
  }
}

template <class... Made>
loaded made(const resource::made_from& origin, Made&&... parts) {
  auto r = async::make_ref<resource>(std::forward<Made>(parts)...);
  r->origin = origin;
  return {200, std::move(r)};
}

bool unchanged(const async::ptr<const resource>& before, const resource::made_from& now) {
  return before && before->origin == now;
}

}  // namespace

sfs::outcome<loader> loader::open(const std::string& root, const serving_options& options) {
  sfs::fd_owner fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return sfs::failure{root + ": " + sfs::system_reason()};
  return loader(std::move(fd), options);
}

// O_NONBLOCK: a pipe that somebody put there does not hold us up.
loader::opened loader::open_beneath(const std::string& path) const {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                (options_.symlinks ? 0 : static_cast<unsigned>(RESOLVE_NO_SYMLINKS));
  const char* const relative = path.size() > 1 ? path.c_str() + 1 : ".";
  opened o;
  o.fd = sfs::fd_owner(
      static_cast<int>(::syscall(SYS_openat2, root_.get(), relative, &how, sizeof how)));
  if (o.fd && ::fstat(o.fd.get(), &o.status) < 0) o.fd = {};
  return o;
}

loaded loader::load(const std::string& path, const async::ptr<const resource>& before) const {
  if (!options_.dotfiles && path.find("/.") != path.npos) return {404, nullptr};
  const bool asks_for_directory = path.ends_with('/');
  opened o = open_beneath(asks_for_directory ? path + "index.html" : path);
  const int error = errno;
  if (!o.fd) {
    if (!asks_for_directory || error != ENOENT || !options_.listings)
      return {status_of(error), nullptr};
    opened directory = open_beneath(path);
    if (!directory.fd) return {status_of(errno), nullptr};
    return load_listing(path, std::move(directory), before);
  }
  if (S_ISREG(o.status.st_mode))
    return load_file(asks_for_directory ? path + "index.html" : path, std::move(o), before);
  if (!S_ISDIR(o.status.st_mode) || asks_for_directory) return {404, nullptr};
  const resource::made_from origin{{}, {}, true};
  if (unchanged(before, origin)) return {200, before};
  return made(origin);
}

loaded loader::load_file(const std::string& path, opened file,
                         const async::ptr<const resource>& before) const {
  resource::made_from origin{file_state::of(file.status), {}, false};
  opened packed;
  if (options_.gzip && !path.ends_with(".gz")) {
    packed = open_beneath(path + ".gz");
    if (!packed.fd && status_of(errno) == 503) return {503, nullptr};
  }
  const bool has_gzip = packed.fd && S_ISREG(packed.status.st_mode);
  if (has_gzip) origin.gzip = file_state::of(packed.status);
  if (unchanged(before, origin)) return {200, before};

  const std::string type = types_.of(path);
  const std::size_t most = options_.most_in_memory;
  representation plain(std::move(file.fd), origin.plain, {type, "", has_gzip}, most);
  if (!plain) return {503, nullptr};  // it was cut while we read it
  if (!has_gzip) return made(origin, std::move(plain), std::nullopt);
  representation gzip(std::move(packed.fd), origin.gzip, {type, "gzip", true}, most);
  if (!gzip) return {503, nullptr};
  return made(origin, std::move(plain), std::move(gzip));
}

loaded loader::load_listing(const std::string& path, opened directory,
                            const async::ptr<const resource>& before) const {
  const resource::made_from origin{file_state::of(directory.status), {}, false};
  if (unchanged(before, origin)) return {200, before};
  const auto text = listing(path, std::move(directory.fd), options_.dotfiles);
  if (!text) return {500, nullptr};
  return made(origin, representation(*text, origin.plain, {"text/html; charset=utf-8", "", false}),
              std::nullopt);
}

}  // namespace httpd
