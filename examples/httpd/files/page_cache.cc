// See page_cache.h.
#include "examples/httpd/files/page_cache.h"

#include <functional>
#include <utility>

#include "examples/httpd/http/date.h"
#include "mp/color.h"

namespace httpd {
namespace {

constexpr std::uint32_t fresh_for = 1;  // seconds

}  // namespace

page_cache::page_cache(const loader& files, async::blocking_pool& pool, async::color color,
                       std::size_t bytes, std::size_t most_files)
    : loader_(files),
      pool_(pool),
      color_(std::move(color)),
      shard_bytes_(bytes / shards),
      shard_files_(most_files / shards) {}

page_cache::shard& page_cache::shard_of(std::string_view path) noexcept {
  return shards_[(std::hash<std::string_view>()(path) >> 32) % shards];
}

async::ptr<const resource> page_cache::find(std::string_view path, std::uint32_t now) noexcept {
  shard& s = shard_of(path);
  const std::scoped_lock lock(s.mutex);
  const auto found = s.by_path.find(path);
  if (found == s.by_path.end()) return nullptr;
  const resource& r = *found->second->what;
  // relaxed: whoever of several moves the stamp has it checked.
  std::uint32_t until = r.fresh_until.load(std::memory_order_relaxed);
  if (until < now &&
      r.fresh_until.compare_exchange_strong(until, now + fresh_for, std::memory_order_relaxed))
    return nullptr;
  s.recent.splice(s.recent.begin(), s.recent, found->second);
  return found->second->what;
}

void page_cache::fetch(std::string path, found::ref cb) {
  async::post(color_, [this, path = std::move(path), cb = std::move(cb)]() mutable {
    load(std::move(path), std::move(cb));
  });
}

void page_cache::load(std::string path, found::ref cb) {
  std::vector<found::ref>& waiting = loading_[path];
  waiting.push_back(std::move(cb));
  if (waiting.size() > 1) return;
  const auto work = [this, path, before = kept(path)] { return loader_.load(path, before); };
  if (pool_.run(work, async::cwrap(color_, this, &page_cache::finished, path)))  // [all]
    finished(path, {503, nullptr});  // too much waits already
}

// What there is of the path, be it stale or not, or null.
async::ptr<const resource> page_cache::kept(std::string_view path) noexcept {
  shard& s = shard_of(path);
  const std::scoped_lock lock(s.mutex);
  const auto found = s.by_path.find(path);
  return found == s.by_path.end() ? nullptr : found->second->what;
}

void page_cache::finished(const std::string& path, loaded result) {
  if (result.status == 503) {  // nothing was learnt of the file
    if (auto old = kept(path)) result = {200, std::move(old)};
  }
  keep(path, result);
  const auto waiting = loading_.extract(path);
  for (const found::ref& cb : waiting.mapped()) (*cb)(result);
}

void page_cache::keep(const std::string& path, const loaded& result) {
  shard& s = shard_of(path);
  std::list<entry> old;  // destroyed without the lock
  const std::scoped_lock lock(s.mutex);
  const auto take_out = [&](std::list<entry>::iterator e) {
    s.cost -= e->what->cost();
    s.by_path.erase(e->path);
    old.splice(old.end(), s.recent, e);
  };
  if (const auto found = s.by_path.find(path); found != s.by_path.end()) take_out(found->second);
  if (!result.what) return;
  result.what->fresh_until.store(now_steady() + fresh_for, std::memory_order_relaxed);
  s.recent.push_front({path, result.what});
  s.by_path.emplace(s.recent.front().path, s.recent.begin());
  s.cost += result.what->cost();
  while (s.recent.size() > 1 && (s.cost > shard_bytes_ || s.recent.size() > shard_files_))
    take_out(std::prev(s.recent.end()));
}

std::size_t page_cache::cost() const {
  std::size_t all = 0;
  for (const shard& s : shards_) {
    const std::scoped_lock lock(s.mutex);
    all += s.cost;
  }
  return all;
}

}  // namespace httpd
