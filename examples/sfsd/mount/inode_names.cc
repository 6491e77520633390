// See inode_table.h. Here are the directory entries.
#include "examples/sfsd/mount/inode_table.h"

namespace sfs {

inode* inode_table::child_of(const inode& directory, std::string_view name) const noexcept {
  const auto at = directory.children.find(name);
  return at == directory.children.end() ? nullptr : at->second.child;
}

directory_entry& inode_table::entry_in(inode& directory, std::string_view name) {
  auto at = directory.children.find(name);
  if (at == directory.children.end()) {
    at = directory.children.try_emplace(std::string(name)).first;
    at->second.directory = &directory;
    at->second.name = &at->first;
  } else if (at->second.child) {
    at->second.child->names.erase(at->second.child->names.iterator_to(at->second));
    at->second.child = nullptr;
  } else {
    negative_.erase(negative_.iterator_to(at->second));
  }
  return at->second;
}

double inode_table::link(inode& directory, std::string_view name, inode* child, bool current) {
  // That a name is not there can only be believed if we will be told when it is.
  const auto until = current && (child || leased_) ? directory.until : clock::time_point{};
  if (!child) return link_nothing(directory, name, until);
  directory_entry& e = entry_in(directory, name);
  e.until = until;
  e.child = child;
  child->names.push_front(e);
  return seconds_until(until);
}

double inode_table::link_nothing(inode& directory, std::string_view name, clock::time_point until) {
  directory_entry& e = entry_in(directory, name);
  e.until = until;
  negative_.push_front(e);
  const double left = seconds_until(until);
  if (left <= 0) drop_entry(directory, directory.children.find(name));
  bound_negatives();
  return left;
}

// The kernel looks a name up once more before it makes a file that must not be there yet.
double inode_table::absence(inode& directory, std::string_view name) {
  if (directory.names_changing > 0) return 0;
  const auto at = directory.children.find(name);
  if (at != directory.children.end()) return at->second.child ? 0 : seconds_until(at->second.until);
  return time_.now() < directory.complete ? link_nothing(directory, name, directory.complete) : 0;
}

void inode_table::doubt(inode& directory, std::string_view name, bool kernel_knows) {
  directory.complete = {};
  const auto at = directory.children.find(name);
  if (at == directory.children.end() || at->second.child) return;
  if (time_.now() < at->second.until && !kernel_knows) observer_.name_changed(directory, name);
  drop_entry(directory, at);
}

void inode_table::unlink(inode& directory, std::string_view name) {
  const auto at = directory.children.find(name);
  if (at != directory.children.end()) drop_entry(directory, at);
}

void inode_table::move(inode& from, std::string_view name, inode& to, std::string_view new_name) {
  inode* const child = child_of(from, name);
  unlink(to, new_name);
  unlink(from, name);
  if (!child) {
    to.complete = {};
    return;
  }
  directory_entry& e = entry_in(to, new_name);
  e.child = child;
  e.until = time_.now() + term_;  // the kernel has moved its own, whatever its time is
  child->names.push_front(e);
}

// A server can make directories contain each other: so it ends after a while in any case.
std::string inode_table::path_of(const inode& i) const {
  std::string path;
  const inode* at = &i;
  for (unsigned depth = 0; at->id() != root_id && !at->names.empty() && depth < 100; ++depth) {
    const directory_entry& e = at->names.front();
    path.insert(0, path.empty() ? *e.name : *e.name + "/");
    at = e.directory;
  }
  if (at->id() == root_id) return path.empty() ? "/" : path;
  return "file number " + std::to_string(i.attributes.fileid);
}

void inode_table::drop_entry(inode& directory, inode::entries::iterator at) noexcept {
  directory_entry& e = at->second;
  if (e.child) {
    e.child->names.erase(e.child->names.iterator_to(e));
  } else {
    negative_.erase(negative_.iterator_to(e));
  }
  directory.children.erase(at);
}

// The kernel does not tell when it forgets that a name is not there; so we make it.
void inode_table::bound_negatives() {
  while (negative_.size() > max_negative) {
    directory_entry& oldest = negative_.back();
    inode& directory = *oldest.directory;
    if (time_.now() < oldest.until) observer_.name_changed(directory, *oldest.name);
    drop_entry(directory, directory.children.find(*oldest.name));
  }
}

// The kernel has to look every name in the directory up again.
void inode_table::distrust_names(inode& directory) {
  directory.complete = {};
  const auto now = time_.now();
  for (auto at = directory.children.begin(); at != directory.children.end();) {
    const auto here = at++;
    directory_entry& e = here->second;
    if (now < e.until) observer_.name_changed(directory, here->first);
    e.until = {};
    if (!e.child) drop_entry(directory, here);
  }
}

}  // namespace sfs
