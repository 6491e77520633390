// See login.h.
#include "examples/sfsd/client/login.h"

namespace sfs {

login_key login_by(std::shared_ptr<login_signer> signer, const self_certifying_path& server) {
  login_key login;
  login.key = signer->who().key;
  login.sign = [signer = std::move(signer), location = server.location.text, id = server.id](
                   const session_id& session, std::uint32_t sequence) {
    return signer->sign({location, id, session, sequence});
  };
  return login;
}

outcome<session_options> session_for(const access_options& access,
                                     const self_certifying_path& server) {
  if (std::string why = why_not_trusted(access, server.id); !why.empty())
    return failure{server.text() + ": " + why};
  auto signers = our_signers(access);
  if (!signers) return signers.as_failure();
  session_options o;
  o.suites = access.reach.suites;
  o.instead = access.reach.instead;
  if (!signers->empty()) o.logins.push_back(login_by(std::move(signers->front()), server));
  return o;
}

}  // namespace sfs
