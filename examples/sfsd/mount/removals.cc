// See file_system.h. Here is what takes names away.
//
// A file that is removed, or replaced by another, while it is open must stay usable until it is
// closed, and NFS has no such thing. So it gets a hidden name instead, .sfs and a number, in the
// same directory; that goes when the file is closed.

#include <cerrno>
#include <cstdio>

#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/mount/file_system.h"

namespace sfs {

// No other client makes the same ones.
std::string file_system::hidden_name() {
  char name[32];
  std::snprintf(name, sizeof name, ".sfs%016llx", random_number<unsigned long long>());
  return name;
}

void file_system::remove_name(const inode_ref& directory, const std::string& name,
                              std::function<void(int)> done) {
  calls_.make<NFSPROC3_REMOVE>(
      {directory}, [=](REMOVE3args& args) { args.object = place(directory, name); },
      [=, this](answer<NFSPROC3_REMOVE>& a) {
        const std::uint64_t number = calls_.count_change();
        inodes_.changed(*directory, a.results ? attributes_in(a.results->wcc) : nullptr, a.token,
                        number);
        if (inode* child = inodes_.child_of(*directory, name); child && a.error == 0) {
          inodes_.changed(*child, nullptr, a.token, number);
          if (child->opens == 0 && child->attributes.nlink <= 1) writes_.forget(*child);
        }
        if (a.error == 0 || a.error == ENOENT) inodes_.unlink(*directory, name);
        done(a.error);
      });
}

void file_system::remove(request_ref r, std::uint64_t id, std::string_view text) {
  const auto found = needed(*r, id, text);
  if (!found) return;
  const inode_ref directory(found);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  const std::string name(text);
  const auto answer = [r](int error) { r->error(error); };
  inode* const child = inodes_.child_of(*directory, name);
  if (child && child->opens > 0 && !child->hidden_in)
    return hide(directory, name, async::mkref(child), answer);
  remove_name(directory, name, answer);
}

// The file's name becomes a hidden one.
void file_system::hide(const inode_ref& directory, const std::string& name, const inode_ref& child,
                       std::function<void(int)> done) {
  const std::string hidden = hidden_name();
  directory->hidden.emplace(hidden, child);
  calls_.make<NFSPROC3_RENAME>(
      {directory},
      [=](RENAME3args& args) {
        args.from = place(directory, name);
        args.to = place(directory, hidden);
      },
      [=, this](answer<NFSPROC3_RENAME>& a) {
        renamed(a, directory, name, directory, hidden);
        if (a.error == 0) {
          inodes_.unlink(*directory, hidden);  // the kernel knows no such name
          child->hidden_in = directory;
          child->hidden_name = hidden;
          if (child->opens == 0) remove_hidden(child);  // it was closed meanwhile
        } else {
          directory->hidden.erase(hidden);
        }
        done(a.error);
      });
}

void file_system::remove_hidden(const inode_ref& i) {
  if (!i->hidden_in) return;
  const inode_ref directory(std::exchange(i->hidden_in, nullptr));
  const std::string name = std::exchange(i->hidden_name, {});
  if (i->attributes.nlink <= 1) writes_.forget(*i);
  remove_name(directory, name, [this, i, directory, name](int) {
    directory->hidden.erase(name);
    inodes_.distrust_attributes(*i, calls_.count_change());
  });
}

void file_system::remove_directory(request_ref r, std::uint64_t id, std::string_view text) {
  const auto found = needed(*r, id, text);
  if (!found) return;
  r->may_be_interrupted(interruptions_, request::kind::changes);
  remove_directory_now(r, inode_ref(found), std::string(text), false);
}

// If there are but hidden files in it, they move to the directory above: then it can go.
void file_system::remove_directory_now(request_ref r, const inode_ref& directory,
                                       const std::string& name, bool again) {
  calls_.make<NFSPROC3_RMDIR>(
      {directory}, [=](REMOVE3args& args) { args.object = place(directory, name); },
      [=, this](answer<NFSPROC3_RMDIR>& a) {
        const std::uint64_t number = calls_.count_change();
        inodes_.changed(*directory, a.results ? attributes_in(a.results->wcc) : nullptr, a.token,
                        number);
        inode* const child = inodes_.child_of(*directory, name);
        if (a.error == ENOTEMPTY && child && !child->hidden.empty() && !again)
          return move_hidden(async::mkref(child), directory,
                             [=, this] { remove_directory_now(r, directory, name, true); });
        if (child && a.error == 0) inodes_.changed(*child, nullptr, a.token, number);
        if (a.error == 0 || a.error == ENOENT) inodes_.unlink(*directory, name);
        r->error(a.error);
      });
}

void file_system::move_hidden(const inode_ref& from, const inode_ref& to,
                              std::function<void()> done) {
  const auto all = from->hidden;
  const auto left = std::make_shared<std::size_t>(all.size());
  for (const auto& [name, child] : all) {
    to->hidden.emplace(name, child);
    calls_.make<NFSPROC3_RENAME>(
        {from, to},
        [=, name = name](RENAME3args& args) {
          args.from = place(from, name);
          args.to = place(to, name);
        },
        [=, this, name = name, child = child](answer<NFSPROC3_RENAME>& a) {
          renamed(a, from, name, to, name);
          (a.error == 0 ? from : to)->hidden.erase(name);
          if (a.error == 0 && child->hidden_in == from) {
            child->hidden_in = to;
          } else if (a.error == 0) {  // closed meanwhile: it was not found where it had been
            remove_name(to, name, [to, name](int) { to->hidden.erase(name); });
          }
          if (--*left == 0) done();
        });
  }
}

// Another name for a file that is about to lose one, so that there is no moment at which neither it
// nor its successor is there.
void file_system::link_hidden(const inode_ref& directory, const inode_ref& child,
                              std::function<void(int)> done) {
  const std::string hidden = hidden_name();
  directory->hidden.emplace(hidden, child);
  calls_.make<NFSPROC3_LINK>(
      {child, directory},
      [=](LINK3args& args) {
        args.file = handle_of(child);
        args.link = place(directory, hidden);
      },
      [=, this](answer<NFSPROC3_LINK>& a) {
        const std::uint64_t number = calls_.count_change();
        inodes_.changed(*child, nullptr, a.token, number);
        inodes_.changed(*directory, a.results ? attributes_in(a.results->linkdir_wcc) : nullptr,
                        a.token, number);
        if (a.error == 0) {
          child->hidden_in = directory;
          child->hidden_name = hidden;
        } else {
          directory->hidden.erase(hidden);
        }
        done(a.error);
      });
}

void file_system::rename(request_ref r, std::uint64_t from_id, std::string_view text,
                         std::uint64_t to_id, std::string_view new_text, unsigned flags) {
  if (flags != 0) {  // NFS has one way to rename
    r->error(EINVAL);
    return;
  }
  const auto from_found = needed(*r, from_id, text.size() > new_text.size() ? text : new_text),
             to_found = inodes_.find(to_id);
  if (!from_found) return;
  if (!to_found) {
    r->error(ESTALE);
    return;
  }
  const inode_ref from(from_found), to(to_found);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  const std::string name(text), new_name(new_text);
  const auto go_on = [=, this](int) { rename_now(r, from, name, to, new_name); };
  inode* const replaced = inodes_.child_of(*to, new_name);
  const bool same = replaced && replaced == inodes_.child_of(*from, name);
  const bool in_use = replaced && replaced->opens > 0 && !replaced->is_directory();
  if (!in_use || same || replaced->hidden_in) return go_on(0);
  link_hidden(to, async::mkref(replaced), [=, this](int error) {
    if (error == 0 || error == ENOENT || error == ESTALE) return go_on(0);
    // A server or a file without links: then there is such a moment.
    inode* const there = inodes_.child_of(*to, new_name);
    if (!there || there->hidden_in) return go_on(0);
    hide(to, new_name, async::mkref(there), go_on);
  });
}

void file_system::rename_now(request_ref r, const inode_ref& from, const std::string& name,
                             const inode_ref& to, const std::string& new_name) {
  ++to->names_changing;
  calls_.make<NFSPROC3_RENAME>(
      {from, to},
      [=](RENAME3args& args) {
        args.from = place(from, name);
        args.to = place(to, new_name);
      },
      [=, this](answer<NFSPROC3_RENAME>& a) {
        --to->names_changing;
        if (a.error != 0) inodes_.doubt(*to, new_name, false);
        inode* const replaced = inodes_.child_of(*to, new_name);
        const async::ptr<inode> kept =
            replaced ? async::ptr<inode>(async::mkref(replaced)) : nullptr;
        renamed(a, from, name, to, new_name);
        if (kept && kept->hidden_in && (a.error != 0 || kept->opens == 0))
          remove_hidden(inode_ref(kept));
        r->error(a.error);
      });
}

// Takes what the reply says of both directories; the files themselves have changed too.
void file_system::renamed(answer<NFSPROC3_RENAME>& a, const inode_ref& from,
                          const std::string& name, const inode_ref& to,
                          const std::string& new_name) {
  const std::uint64_t number = calls_.count_change();
  inodes_.changed(*from, a.results ? attributes_in(a.results->fromdir_wcc) : nullptr, a.token,
                  number);
  if (to != from)
    inodes_.changed(*to, a.results ? attributes_in(a.results->todir_wcc) : nullptr, a.token,
                    number);
  if (a.error != 0) return;
  for (inode* i : {inodes_.child_of(*from, name), inodes_.child_of(*to, new_name)})
    if (i) inodes_.changed(*i, nullptr, a.token, number);
  inodes_.move(*from, name, *to, new_name);
}

}  // namespace sfs
