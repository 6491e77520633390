// Where the table of nodes is kept while the server does not run: an SQLite file, so that handles
// stay good when it starts again. Serves stage 5.
//
// Every change is written when it is made, before the handle is given out: what a client holds has
// survived the end of the server's process. If the machine ends, the last handles may be forgotten;
// those that are left are right.
//
// Thread safety: one color, the node table's.
// Invariant: a number that was ever given out is never given again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/nfs/nodes.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sfs {

class node_store {
 public:
  // Opens or makes the file. One that was made for another root is begun anew. Fails if it is no
  // such file, cannot be written, or is in use by another server.
  static outcome<std::unique_ptr<node_store>> open(const std::string& path,
                                                   const file_identity& root);
  ~node_store();
  node_store(const node_store&) = delete;
  node_store& operator=(const node_store&) = delete;

  // The number of this store's life: handles of another one mean nothing here.
  std::uint64_t run() const noexcept { return run_; }

  // The largest number that was ever given out; at least the root's.
  node_id last() const noexcept { return last_; }

  struct row {
    node_id id = 0, parent = 0;
    std::string name;
    file_identity identity;
  };
  // All that are kept, by number. Returns why it could not, or nothing.
  std::string each(const std::function<void(row)>& take);

  // What cannot be written is told once, and not known to the next server.
  void put(const row& node) noexcept;
  void remove(node_id id) noexcept;

 private:
  struct closing {
    void operator()(sqlite3* db) const noexcept;
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  using statement = std::unique_ptr<sqlite3_stmt, closing>;

  node_store(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
  std::string begin(const file_identity& root);
  bool belongs_to(const file_identity& root);
  bool start_over(const file_identity& root);
  bool run_sql(const char* text) noexcept;
  statement prepare(const char* text) noexcept;
  void finish(sqlite3_stmt* s) noexcept;
  std::string why() const;

  std::unique_ptr<sqlite3, closing> db_;
  std::string path_;
  statement put_, remove_;
  std::uint64_t run_ = 0;
  node_id last_ = node_table::root_id;
  bool told_ = false;
};

}  // namespace sfs
