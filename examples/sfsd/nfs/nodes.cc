// See nodes.h.
#include "examples/sfsd/nfs/nodes.h"

#include <map>
#include <vector>

#include "examples/sfsd/nfs/node_store.h"

namespace sfs {
namespace {

// Deeper than any path that the kernel takes; it only ends the walk.
constexpr int max_depth = 2048;
// How many directories in use may stand in the way of a leaf that can go.
constexpr int max_search = 256;

}  // namespace

node_table::node_table(const file_identity& root, std::size_t limit) : limit_(limit) {
  node& n = by_id_[root_id];
  n.id = last_id_ = root_id;
  n.identity = root;
  by_identity_.emplace(root, &n);
  by_use_.push_back(n);
}

node_table::~node_table() { by_use_.clear(); }

std::string node_table::keep_in(node_store& store) {
  std::multimap<node_id, node_store::row> by_parent;
  std::string why = store.each([&](node_store::row row) {
    const node_id parent = row.parent;
    by_parent.emplace(parent, std::move(row));
  });
  if (!why.empty()) return why;
  std::vector<node*> reached{&by_id_.at(root_id)};
  while (!reached.empty()) {
    node* const directory = reached.back();
    reached.pop_back();
    const auto [begin, end] = by_parent.equal_range(directory->id);
    for (auto at = begin; at != end; ++at) {
      node_store::row& row = at->second;
      if (by_id_.contains(row.id) || by_identity_.contains(row.identity))
        store.remove(row.id);  // it is there already
      else
        reached.push_back(&add(row.id, *directory, std::move(row.name), row.identity));
    }
    by_parent.erase(begin, end);
  }
  last_id_ = store.last();
  store_ = &store;
  // What hangs on nothing, for some change could not be written.
  for (const auto& [parent, row] : by_parent) store.remove(row.id);
  return {};
}

node_table::node& node_table::add(node_id id, node& parent, std::string name,
                                  const file_identity& identity) {
  node& n = by_id_[id];
  n.id = id;
  n.parent = &parent;
  n.name = std::move(name);
  n.identity = identity;
  ++parent.children;
  by_identity_.emplace(identity, &n);
  by_use_.push_back(n);
  return n;
}

void node_table::keep(const node& n) noexcept {
  if (store_) store_->put({n.id, n.parent->id, n.name, n.identity});
}

void node_table::touch(node& n) noexcept {
  by_use_.splice(by_use_.end(), by_use_, by_use_.iterator_to(n));
}

bool node_table::is_within(const node* n, const node* ancestor) const noexcept {
  for (; n; n = n->parent)
    if (n == ancestor) return true;
  return false;
}

void node_table::forget(node& n) noexcept {
  --n.parent->children;
  by_identity_.erase(n.identity);
  by_use_.erase(by_use_.iterator_to(n));
  if (store_) store_->remove(n.id);
  by_id_.erase(n.id);
}

bool node_table::make_room() {
  if (by_id_.size() < limit_) return true;
  int looked_at = 0;
  for (node& n : by_use_) {
    if (n.parent && n.children == 0) {
      forget(n);
      return true;
    }
    if (++looked_at == max_search) return false;
  }
  return false;
}

std::optional<node_id> node_table::remember(node_id parent, std::string_view name,
                                            const file_identity& identity) {
  const auto at = by_id_.find(parent);
  if (at == by_id_.end()) return std::nullopt;
  node* const directory = &at->second;
  if (const auto known = by_identity_.find(identity); known != by_identity_.end()) {
    node& n = *known->second;
    touch(n);
    // A directory that was moved beneath itself while we looked: the old place is as good.
    if (!n.parent || is_within(directory, &n)) return n.id;
    if (n.parent == directory && n.name == name) return n.id;
    --n.parent->children;
    ++directory->children;
    n.parent = directory;
    n.name = name;
    keep(n);
    return n.id;
  }
  touch(*directory);
  ++directory->children;  // so that it is not what goes
  const bool room = make_room();
  --directory->children;
  if (!room) return std::nullopt;
  const node& n = add(++last_id_, *directory, std::string(name), identity);
  keep(n);
  return n.id;
}

std::optional<node_id> node_table::find(const file_identity& identity) const {
  const auto known = by_identity_.find(identity);
  if (known == by_identity_.end()) return std::nullopt;
  return known->second->id;
}

std::optional<node_table::found> node_table::find(node_id id) {
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return std::nullopt;
  node& n = at->second;
  touch(n);
  std::size_t size = 0;
  int depth = 0;
  for (const node* i = &n; i->parent; i = i->parent) {
    size += i->name.size() + 1;
    if (++depth > max_depth) return std::nullopt;
  }
  found f{std::string(size ? size - 1 : 0, '/'), n.identity, n.parent ? n.parent->id : n.id};
  for (const node* i = &n; i->parent; i = i->parent) {
    size -= i->name.size() + 1;
    f.path.replace(size, i->name.size(), i->name);
  }
  return f;
}

}  // namespace sfs
