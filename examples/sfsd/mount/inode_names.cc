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
  directory_entry& e = entry_in(directory, name);
  // That a name is not there can only be believed if we will be told when it is.
  e.until = current && (child || leased_) ? directory.until : clock::time_point{};
  e.child = child;
  const std::chrono::duration<double> left = e.until - time_.now();
  if (child) {
    child->names.push_front(e);
  } else {
    negative_.push_front(e);
    if (left.count() <= 0) drop_entry(directory, directory.children.find(name));
    bound_negatives();
  }
  return std::max(0.0, left.count());
}

void inode_table::unlink(inode& directory, std::string_view name) {
  const auto at = directory.children.find(name);
  if (at != directory.children.end()) drop_entry(directory, at);
}

void inode_table::move(inode& from, std::string_view name, inode& to, std::string_view new_name) {
  inode* const child = child_of(from, name);
  unlink(to, new_name);
  unlink(from, name);
  if (!child) return;
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
