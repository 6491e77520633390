// See file_system.h. Here is what is not about one request.
#include "examples/sfsd/mount/file_system.h"

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
  writes_.finish([this, done = std::move(done)] { calls_.when_idle(done); });
}

}  // namespace sfs
