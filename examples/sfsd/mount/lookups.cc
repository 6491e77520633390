// See file_system.h. Here are the requests that only look.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "examples/sfsd/mount/file_system.h"

namespace sfs {

async::ptr<inode> file_system::needed(request& r, std::uint64_t id) {
  auto i = inodes_.find(id);
  if (!i) r.error(ESTALE);
  return i;
}

// For requests about a name in a directory: NFS has no longer ones than these.
async::ptr<inode> file_system::needed(request& r, std::uint64_t id, std::string_view name) {
  if (name.size() <= NFS3_MAXNAME) return needed(r, id);
  r.error(ENAMETOOLONG);
  return nullptr;
}

nfs_fh3 file_system::handle_of(const inode_ref& i) noexcept {
  return as_handle({const_cast<std::uint8_t*>(i->key().data.data()), i->key().size});
}

diropargs3 file_system::place(const inode_ref& directory, const std::string& name) noexcept {
  return {handle_of(directory), as_name(name)};
}

void file_system::learn(inode& i, const post_op_attr& a, const reply_token& token) {
  if (a.attributes_follow) inodes_.store(i, a.post_op_attr_u.attributes, token);
}

// What was overtaken by a change is asked for again: it may be older than what the kernel has been
// told already.
void file_system::fetch_attributes(const inode_ref& i, std::function<void(int)> done,
                                   unsigned tries) {
  calls_.make<NFSPROC3_GETATTR>(
      {i}, [i](GETATTR3args& args) { args.object = handle_of(i); },
      [this, i, done, tries](answer<NFSPROC3_GETATTR>& a) {
        if (a.error == 0 && !inodes_.store(*i, a.results->GETATTR3res_u.obj_attributes, a.token))
          a.error = ESTALE;
        if (a.error == 0 && tries > 1 && !inodes_.is_current(*i, a.token))
          return fetch_attributes(i, done, tries - 1);
        done(a.error);
      });
}

// A reply has brought attributes, or none. Then they are asked for.
void file_system::with_attributes(const inode_ref& i, const post_op_attr& a,
                                  const reply_token& token, std::function<void(int)> done) {
  const bool current = inodes_.is_current(*i, token);
  if (a.attributes_follow && !inodes_.store(*i, a.post_op_attr_u.attributes, token))
    return done(ESTALE);
  if (a.attributes_follow && current) return done(0);
  fetch_attributes(i, std::move(done));
}

fuse_entry_param file_system::entry_for(const inode_ref& directory, std::string_view name,
                                        const inode_ref& child, bool current) {
  fuse_entry_param e{};
  e.ino = child->id();
  e.generation = 1;
  e.attr = stat_of(*child, what_.who);
  e.attr_timeout = inodes_.attributes_timeout(*child);
  e.entry_timeout = inodes_.link(*directory, name, child.get(), current);
  return e;
}

void file_system::look_up_child(const inode_ref& directory, const std::string& name,
                                std::function<void(int, async::ptr<inode>, bool)> done) {
  calls_.make<NFSPROC3_LOOKUP>(
      {directory}, [directory, name](LOOKUP3args& args) { args.what = place(directory, name); },
      [this, directory, done](answer<NFSPROC3_LOOKUP>& a) {
        if (!a.results) return done(a.error, nullptr, false);
        const auto& of_directory = a.error == 0 ? a.results->LOOKUP3res_u.resok.dir_attributes
                                                : a.results->LOOKUP3res_u.dir_attributes;
        learn(*directory, of_directory, a.token);
        const bool current =
            of_directory.attributes_follow && inodes_.is_current(*directory, a.token);
        if (a.error != 0) return done(a.error, nullptr, current);
        const LOOKUP3resok& ok = a.results->LOOKUP3res_u.resok;
        const inode_ref child = inodes_.of(bytes_of(ok.object));
        with_attributes(child, ok.obj_attributes, a.token,
                        [=](int error) { done(error, child, current); });
      });
}

// If we know that there is no such name: for how long. Not if the server would say something else.
double file_system::absence(inode& directory, std::string_view name) {
  const bool may_search = what_.who.as_root || (directory.attributes.mode & S_IXUSR) != 0;
  const bool fits = name.size() <= what_.longest_name;
  return may_search && fits ? inodes_.absence(directory, name) : 0;
}

void file_system::look_up(request_ref r, std::uint64_t id, std::string_view text) {
  const auto found = needed(*r, id, text);
  if (!found) return;
  const inode_ref directory(found);
  if (directory->hidden.contains(text)) {
    r->error(ENOENT);
    return;
  }
  if (const double seconds = absence(*directory, text)) {
    fuse_entry_param e{};
    e.entry_timeout = seconds;
    r->entry(e);
    return;
  }
  r->may_be_interrupted(interruptions_);
  const std::string name(text);
  look_up_child(directory, name, [=, this](int error, async::ptr<inode> child, bool current) {
    if (error == ENOENT) {
      fuse_entry_param e{};  // there is no such name, for a while
      e.entry_timeout = inodes_.link(*directory, name, nullptr, current);
      e.entry_timeout > 0 ? r->entry(e) : r->error(ENOENT);
    } else if (error != 0) {
      r->error(error);
    } else if (r->entry(entry_for(directory, name, inode_ref(child), current))) {
      inodes_.looked_up(*child);
    }
  });
}

// What was written is on its way first: then size and times are right.
void file_system::get_attributes(request_ref r, std::uint64_t id) {
  const auto found = needed(*r, id);
  if (!found) return;
  const inode_ref i(found);
  const auto give = [this, r, i](int error) {
    if (error != 0) {
      r->error(error);
    } else {
      r->attributes(stat_of(*i, what_.who), inodes_.attributes_timeout(*i));
    }
  };
  r->may_be_interrupted(interruptions_);
  writes_.flush(i, [this, i, give] {
    if (i->is_trusted(inodes_.time().now())) return give(0);
    fetch_attributes(i, give);
  });
}

void file_system::ask_access(const inode_ref& i, std::function<void(int)> done) {
  calls_.make<NFSPROC3_ACCESS>(
      {i},
      [i](ACCESS3args& args) {
        args.object = handle_of(i);
        args.access = ACCESS3_READ | ACCESS3_LOOKUP | ACCESS3_MODIFY | ACCESS3_EXTEND |
                      ACCESS3_DELETE | ACCESS3_EXECUTE;
      },
      [this, i, done](answer<NFSPROC3_ACCESS>& a) {
        if (a.error != 0) return done(a.error);
        const ACCESS3resok& ok = a.results->ACCESS3res_u.resok;
        learn(*i, ok.obj_attributes, a.token);
        i->allowed = ok.access;
        i->allowed_at = inodes_.is_current(*i, a.token) ? i->changed + 1 : 0;
        done(0);
      });
}

void file_system::access(request_ref r, std::uint64_t id, int mask) {
  const auto found = needed(*r, id);
  if (!found) return;
  const inode_ref i(found);
  r->may_be_interrupted(interruptions_);
  const auto decide = [r, i, mask](int error) {
    const std::uint32_t writing =
        i->is_directory() ? ACCESS3_MODIFY | ACCESS3_EXTEND : ACCESS3_MODIFY;
    const std::uint32_t running = i->is_directory() ? ACCESS3_LOOKUP : ACCESS3_EXECUTE;
    const bool allowed = ((mask & R_OK) == 0 || (i->allowed & ACCESS3_READ) != 0) &&
                         ((mask & W_OK) == 0 || (i->allowed & writing) == writing) &&
                         ((mask & X_OK) == 0 || (i->allowed & running) != 0);
    r->error(error != 0 ? error : allowed ? 0 : EACCES);
  };
  if (i->is_trusted(inodes_.time().now()) && i->allowed_at == i->changed + 1) return decide(0);
  ask_access(i, decide);
}

void file_system::read_link(request_ref r, std::uint64_t id) {
  const auto found = needed(*r, id);
  if (!found) return;
  const inode_ref i(found);
  r->may_be_interrupted(interruptions_);
  calls_.make<NFSPROC3_READLINK>(
      {i}, [i](READLINK3args& args) { args.symlink = handle_of(i); },
      [this, r, i](answer<NFSPROC3_READLINK>& a) {
        if (a.error != 0) {
          r->error(a.error);
          return;
        }
        const READLINK3resok& ok = a.results->READLINK3res_u.resok;
        learn(*i, ok.symlink_attributes, a.token);
        const std::string target(ok.data.nfspath3_val, ok.data.nfspath3_len);
        if (target.empty() || target.find('\0') != target.npos) {
          r->error(EIO);
        } else {
          r->link_target(target.c_str());
        }
      });
}

void file_system::statistics(request_ref r, std::uint64_t id) {
  const auto found = needed(*r, id);
  if (!found) return;
  const inode_ref i(found);
  r->may_be_interrupted(interruptions_);
  calls_.make<NFSPROC3_FSSTAT>(
      {i}, [i](FSSTAT3args& args) { args.fsroot = handle_of(i); },
      [this, r](answer<NFSPROC3_FSSTAT>& a) {
        struct statvfs s;
        if (a.error == 0) fill(s, a.results->FSSTAT3res_u.resok, what_.longest_name);
        a.error == 0 ? r->file_system(s) : r->error(a.error);
      });
}

}  // namespace sfs
