// sfsmount: a server's files as a part of this machine's file system, through FUSE. See mount/.
// Serves stages 1 to 6.
#include "async/err.h"
#include "async/main.h"
#include "examples/sfsd/mount/background.h"
#include "examples/sfsd/mount/mounter.h"
#include "examples/sfsd/mount/options.h"

namespace {

// The keys to log in with. Users' keys come with the folder users/.
std::vector<sfs::login_key> keys(const sfs::mount_options& options) {
  if (options.user_key) async::fatal("--user-key: there are no users yet");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const sfs::mount_options options = sfs::parse_mount_options(argc, argv);
  auto logins = keys(options);
  sfs::background background(options.foreground);
  sfs::mounter mounter(options, std::move(logins), background);
  async::amain({.cpus = 1});
  return mounter.status();
}
