// The files that were asked for last, shared by all connections. Serves stage 5.
//
//     if (auto r = cache.find(path, now)) ...                    // a hit: at once, in any color
//     else cache.fetch(path, async::cwrap(own, mkref(this), &connection::found));
//
// A hit is the hot path of the server, and any color takes it: a short lock of one of the shards
// into which paths are hashed, for a look-up and a counted reference, and nothing is copied. All
// else has one color, the cache's: which paths are being loaded and who waits for them, so that a
// thousand clients who ask for one new file have it read once. The files are read by threads that
// may wait. README.md says what was tried instead of the lock, and measured.
//
// A resource is good for a second. Then the first who asks for it has it looked at again, and is
// answered when that is done; others are given the old one meanwhile. If there are no descriptors
// or threads to look with, the old one is good for another second.
//
// Thread safety: find() and fetch() may be called from any thread and color; fetch() calls back by
// a post, in the color of the callback. The cache must outlive its loads.
// Invariants: the resources of a shard cost at most its share of the bound, or there is one only;
// those used longest ago go first. A path is loaded by one thread at a time.
#pragma once

#include <array>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/blocking.h"
#include "examples/httpd/files/loader.h"
#include "mp/color.h"
#include "wrap/callback.h"

namespace httpd {

class page_cache {
 public:
  using found = async::callback<void, loaded>;

  // `color` is that of what is neither hit nor disk. Keeps `bytes` at most, and `files` at most.
  page_cache(const loader& files, async::blocking_pool& pool, async::color color, std::size_t bytes,
             std::size_t most_files);

  // What is known of the path, or null: then call fetch().
  async::ptr<const resource> find(std::string_view path, std::uint32_t now) noexcept;

  // Has it looked for on the disk, and calls back with what there is.
  void fetch(std::string path, found::ref cb);

  // The cost of all that is kept. Any thread.
  std::size_t cost() const;

 private:
  static constexpr std::size_t shards = 16;
  struct entry {
    std::string path;
    async::ptr<const resource> what;
  };
  struct shard {
    mutable std::mutex mutex;
    std::list<entry> recent;  // guarded by mutex, like all that follows; the last used is in front
    std::unordered_map<std::string_view, std::list<entry>::iterator> by_path;
    std::size_t cost = 0;
  };

  shard& shard_of(std::string_view path) noexcept;
  async::ptr<const resource> kept(std::string_view path) noexcept;
  void load(std::string path, found::ref cb);
  void finished(const std::string& path, loaded result);
  void keep(const std::string& path, const loaded& result);

  const loader& loader_;
  async::blocking_pool& pool_;
  const async::color color_;
  const std::size_t shard_bytes_, shard_files_;
  std::array<shard, shards> shards_;

  // Who waits for the paths that are being loaded; the cache's color.
  std::unordered_map<std::string, std::vector<found::ref>> loading_;
};

}  // namespace httpd
