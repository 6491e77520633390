// sfsmount: a server's files as a part of this machine's file system, through FUSE. See mount/.
// Serves stages 1 to 6.
#include "async/err.h"
#include "async/main.h"
#include "examples/sfsd/base/shown.h"
#include "examples/sfsd/client/login.h"
#include "examples/sfsd/mount/background.h"
#include "examples/sfsd/mount/mounter.h"
#include "examples/sfsd/mount/options.h"

namespace {

std::vector<sfs::login_key> our_logins(const sfs::mount_options& o) {
  auto signers = sfs::our_signers(o.access);
  if (!signers) async::fatal("%s", sfs::shown(signers.why()).c_str());
  std::vector<sfs::login_key> logins;
  for (auto& signer : *signers) logins.push_back(sfs::login_by(std::move(signer), o.server));
  return logins;
}

}  // namespace

int main(int argc, char** argv) {
  const sfs::mount_options options = sfs::parse_mount_options(argc, argv);
  if (const std::string why = sfs::why_not_trusted(options.access, options.server.id); !why.empty())
    async::fatal("%s: %s", options.server.text().c_str(), sfs::shown(why).c_str());
  auto logins = our_logins(options);
  sfs::background background(options.foreground);
  sfs::mounter mounter(options, std::move(logins), background);
  async::amain({.cpus = 1});
  return mounter.status();
}
