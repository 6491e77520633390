// What the kernel has yet to be told (notifier.h). Serves no stage of its own.
//
// Thread safety: none.
// Invariant: it is bounded by what the kernel knows. An inode is in it once for each kind of news,
// however often the server says that it was changed; a name is told once, and is then not believed
// until the kernel has been told anew (inode_table.h).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace sfs {

struct news {
  enum class kind : std::uint8_t { attributes, data, name };
  kind what;
  std::uint64_t id;  // of the inode; for a name, of its directory
  std::string name;
};

class news_queue {
 public:
  void add(news n) {
    if (n.what == news::kind::name || inodes_.emplace(n.what, n.id).second)
      all_.push_back(std::move(n));
  }

  // The oldest, if there is one.
  std::optional<news> take() {
    if (all_.empty()) return std::nullopt;
    news n = std::move(all_.front());
    all_.pop_front();
    inodes_.erase({n.what, n.id});
    return n;
  }

  void clear() noexcept {
    all_.clear();
    inodes_.clear();
  }
  std::size_t size() const noexcept { return all_.size(); }

 private:
  std::deque<news> all_;
  std::set<std::pair<news::kind, std::uint64_t>> inodes_;  // those in it
};

}  // namespace sfs
