// sfsmount: a server's files as a part of this machine's file system, through FUSE. See mount/.
// Serves stages 1 to 6.
#include "async/err.h"
#include "async/main.h"
#include "examples/sfsd/client/login.h"
#include "examples/sfsd/mount/background.h"
#include "examples/sfsd/mount/mounter.h"
#include "examples/sfsd/mount/options.h"
#include "examples/sfsd/users/agent.h"
#include "examples/sfsd/users/passphrase.h"
#include "examples/sfsd/users/revocation.h"

namespace {

std::shared_ptr<sfs::login_signer> signer_of(const sfs::mount_options& o) {
  if (o.user_key) {
    auto key =
        sfs::user_key::load(*o.user_key, sfs::passphrase_for(*o.user_key, o.passphrase_file));
    if (!key) async::fatal("%s", key.why().c_str());
    return sfs::signer_with(std::move(*key));
  }
  if (!o.agent) return nullptr;
  auto signers = sfs::agent_signers(sfs::default_agent_socket());
  if (!signers) async::fatal("%s", signers.why().c_str());
  if (signers->empty()) async::fatal("the agent is not there, or holds no key");
  return std::move(signers->front());
}

void check_standing(const sfs::self_certifying_path& server) {
  const sfs::standing s = sfs::check_revocation(server.id, sfs::default_revocation_directories());
  if (!s) async::fatal("%s: %s", server.text().c_str(), s.why.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const sfs::mount_options options = sfs::parse_mount_options(argc, argv);
  check_standing(options.server);
  std::vector<sfs::login_key> logins;
  if (const auto signer = signer_of(options))
    logins.push_back(sfs::login_by(signer, options.server));
  sfs::background background(options.foreground);
  sfs::mounter mounter(options, std::move(logins), background);
  async::amain({.cpus = 1});
  return mounter.status();
}
