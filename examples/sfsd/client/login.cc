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

}  // namespace sfs
