// See file_system.h. Here is the reading of directories.
#include <cerrno>

#include "examples/sfsd/mount/file_system.h"
#include "examples/sfsd/mount/open_directory.h"

namespace sfs {
namespace {

std::shared_ptr<open_directory>& directory_of(const fuse_file_info& info) noexcept {
  return *reinterpret_cast<std::shared_ptr<open_directory>*>(info.fh);
}

bool is_dot(std::string_view name) noexcept { return name == "." || name == ".."; }

}  // namespace

void file_system::open_directory_of(request_ref r, std::uint64_t id, const fuse_file_info& info) {
  const auto found = needed(*r, id);
  if (!found) return;
  const inode_ref i(found);
  auto handle =
      std::make_unique<std::shared_ptr<open_directory>>(std::make_shared<open_directory>(i));
  fuse_file_info f = info;
  f.fh = reinterpret_cast<std::uint64_t>(handle.get());
  if (r->opened(f)) handle.release();
}

void file_system::release_directory(request_ref r, const fuse_file_info& info) {
  delete &directory_of(info);
  r->error(0);
}

// From the beginning, the server is asked anew: so rewinddir(3) shows what there is now.
void file_system::read_directory(request_ref r, const fuse_file_info& info, std::uint64_t offset,
                                 std::size_t size, bool with_attributes) {
  const auto d = directory_of(info);
  if (offset != 0 && d->position(offset)) return give_entries(r, d, offset, size, with_attributes);
  r->may_be_interrupted(interruptions_);
  fetch_entries(r, d, offset, size, with_attributes);
}

void file_system::fetch_entries(request_ref r, std::shared_ptr<open_directory> d,
                                std::uint64_t cookie, std::size_t size, bool with_attributes) {
  const auto take = [=, this](auto& a, const auto& ok) {
    learn(*d->of, ok.dir_attributes, a.token);
    if (!d->take(cookie, ok, a.token)) {
      r->error(EIO);
    } else {
      give_entries(r, d, cookie, size, with_attributes);
    }
  };
  const auto fill = [this, d, cookie](auto& args) {
    args.dir = handle_of(d->of);
    args.cookie = cookie;
    if (cookie != 0) d->put_verifier(args.cookieverf);
    if constexpr (requires { args.maxcount; }) {
      args.dircount = args.maxcount = what_.directory_size;
    } else {
      args.count = what_.directory_size;
    }
  };
  if (d->names_only) {
    return calls_.make<NFSPROC3_READDIR>({d->of}, fill, [=](answer<NFSPROC3_READDIR>& a) {
      a.error == 0 ? take(a, a.results->READDIR3res_u.resok) : void(r->error(a.error));
    });
  }
  calls_.make<NFSPROC3_READDIRPLUS>({d->of}, fill, [=, this](answer<NFSPROC3_READDIRPLUS>& a) {
    if (a.error == EOPNOTSUPP) {
      d->names_only = true;
      return fetch_entries(r, d, cookie, size, with_attributes);
    }
    a.error == 0 ? take(a, a.results->READDIRPLUS3res_u.resok) : void(r->error(a.error));
  });
}

// Adds an entry to a page, if there is room, and says whether there was.
bool file_system::add_entry(request& r, open_directory& d, const open_directory::entry& e,
                            bool with_attributes, entries_page& page) {
  char* const to = page.bytes.data() + page.used;
  const std::size_t room = page.bytes.size() - page.used;
  const auto next = static_cast<off_t>(e.cookie);
  fuse_entry_param p{};
  p.attr.st_ino = e.number;
  p.attr.st_mode = e.attributes ? type_bits(e.attributes->type) : 0;
  std::size_t needed = fuse_add_direntry(r.raw(), nullptr, 0, e.name.c_str(), nullptr, 0);
  if (with_attributes)
    needed = fuse_add_direntry_plus(r.raw(), nullptr, 0, e.name.c_str(), nullptr, 0);
  if (needed > room) return false;
  page.used += needed;
  if (!with_attributes) {
    fuse_add_direntry(r.raw(), to, room, e.name.c_str(), &p.attr, next);
    return true;
  }
  if (page.current && e.handle && e.attributes && !is_dot(e.name)) {
    const inode_ref child = inodes_.of(e.handle->view());
    if (inodes_.store(*child, *e.attributes, d.token())) {
      p = entry_for(d.of, e.name, child, true);
      page.looked_up.push_back(child);
    }
  }
  fuse_add_direntry_plus(r.raw(), to, room, e.name.c_str(), &p, next);
  return true;
}

// As many as the kernel's page takes. With attributes, each is a look-up too; but not if the
// directory has changed since: a name may be gone that a look-up would bring back.
void file_system::give_entries(request_ref r, std::shared_ptr<open_directory> d,
                               std::uint64_t cookie, std::size_t size, bool with_attributes) {
  if (r->is_answered()) return;
  entries_page page;
  page.bytes.resize(std::min<std::size_t>(size, 1 << 20));
  page.current = inodes_.is_current(*d->of, d->token());
  const auto& all = d->entries();
  std::size_t at = d->position(cookie).value_or(all.size());
  for (; at < all.size(); ++at)
    if (!d->of->hidden.contains(all[at].name) && !add_entry(*r, *d, all[at], with_attributes, page))
      break;
  // An empty page would mean that there is no more.
  if (const auto more = d->more(); page.used == 0 && at == all.size() && more)
    return fetch_entries(r, d, *more, size, with_attributes);
  const bytes filled(reinterpret_cast<std::uint8_t*>(page.bytes.data()), page.used);
  if (!r->data(filled)) return;
  for (const inode_ref& child : page.looked_up) inodes_.looked_up(*child);
}

}  // namespace sfs
