// The table of nodes: which file a handle's number means. A node is remembered as the directory in
// which it was found and its name there, with the file's identity, and is found again by walking
// that path beneath the export's root: this needs no privilege and no descriptor that stays open.
// Serves stage 5.
//
// Thread safety: one color (the default color; it is one of the server's shared tables).
// Invariants: the root is node 1 and stays. A number is never used for two files. Every node's
// parent is in the table. At most `limit` nodes are held: the one used longest ago that has no
// children goes, and its handle is stale from then on.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sfs {

// What makes a file itself, whatever it is called. A number that the file system uses again for a
// new file has another time of birth.
struct file_identity {
  std::uint64_t device = 0, number = 0;
  std::int64_t born = 0;  // nanoseconds; 0 where the file system does not keep it
  bool operator==(const file_identity&) const = default;
};

using node_id = std::uint64_t;

class node_store;

class node_table {
 public:
  static constexpr node_id root_id = 1;

  node_table(const file_identity& root, std::size_t limit);

  // Begins with what the store has, but for what lies beneath nothing, and keeps it up to date from
  // then on; it must outlive the table. Call it before anything else. Returns why it could not, or
  // nothing.
  std::string keep_in(node_store& store);

  ~node_table();
  node_table(const node_table&) = delete;
  node_table& operator=(const node_table&) = delete;

  // The number of the file that was found in `parent` under this name. A file that is known already
  // keeps its number and is from now on looked for here. Empty if the table is full of directories.
  std::optional<node_id> remember(node_id parent, std::string_view name,
                                  const file_identity& identity);

  struct found {
    std::string path;  // beneath the root; empty for the root itself
    file_identity identity;
    node_id parent;
  };
  std::optional<found> find(node_id id);

  // The number of a file that is in the table.
  std::optional<node_id> find(const file_identity& identity) const;

  std::size_t size() const noexcept { return by_id_.size(); }

 private:
  struct node : boost::intrusive::list_base_hook<> {
    node_id id = 0;
    node* parent = nullptr;  // null only for the root
    std::string name;
    file_identity identity;
    std::size_t children = 0;
  };
  struct hash {
    std::size_t operator()(const file_identity& f) const noexcept {
      return std::hash<std::uint64_t>()(f.number * 0x9e3779b97f4a7c15u ^ f.device);
    }
  };
  bool is_within(const node* n, const node* ancestor) const noexcept;
  void touch(node& n) noexcept;
  bool make_room();
  void forget(node& n) noexcept;
  void keep(const node& n) noexcept;
  node& add(node_id id, node& parent, std::string name, const file_identity& identity);

  std::size_t limit_;
  node_store* store_ = nullptr;
  node_id last_id_ = 0;
  std::unordered_map<node_id, node> by_id_;
  std::unordered_map<file_identity, node*, hash> by_identity_;
  boost::intrusive::list<node> by_use_;  // front: used longest ago
};

}  // namespace sfs
