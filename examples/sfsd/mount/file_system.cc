// See file_system.h. Here is what is not about one request.
#include "examples/sfsd/mount/file_system.h"

#include <algorithm>

namespace sfs {

file_system::file_system(session& s, timing& time, served what, unsigned login, write_limits limits)
    : session_(s),
      login_(login),
      what_(std::move(what)),
      inodes_(time, notifier_),
      calls_(s, inodes_, login),
      interruptions_(time),
      writes_(*this, time, what_.write_size, limits) {
  inodes_.of(what_.root.view());
  connected();
  calls_.set_reviver([this](const files_named& files, std::function<void(bool)> done) {
    revive(files, std::move(done));
  });
}

file_system::~file_system() { notifier_.end(); }

void file_system::connected() {
  inodes_.set_lease(session_.lease());
  interruptions_.set_connected(true);
}

void file_system::restarted() {
  inodes_.restarted();
  writes_.server_restarted();
}

void file_system::finish(std::function<void()> done) {
  inodes_.for_each([this](const inode_ref& i) {
    if (i->hidden_in) remove_hidden(i);
  });
  finishing_ = true;
  writes_.finish(
      [this, done = std::move(done)] { calls_.when([this] { return !has_hidden(); }, done); });
}

std::vector<std::string> file_system::unstored() const {
  std::vector<std::string> all = refused_;
  for (const inode_ref& i : writes_.unstored()) all.push_back(inodes_.path_of(*i));
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

bool file_system::has_hidden() const {
  bool some = false;
  inodes_.for_each([&some](const inode_ref& i) { some |= !i->hidden.empty(); });
  return some;
}

}  // namespace sfs
