// See login.h.
#include "examples/sfsd/users/login.h"

namespace sfs {

signed_message login_message(const login_statement& statement) {
  signed_message message("sfs-login-v1");
  message.text(statement.location);
  message.fixed(statement.server.digest);
  message.fixed(statement.session);
  message.number(statement.sequence);
  return message;
}

ed25519_signature sign_login(const user_key& key, const login_statement& statement) {
  return key.sign(login_message(statement).bytes());
}

bool verify_login(const ed25519_public& key, const login_statement& statement,
                  const ed25519_signature& signature) {
  return verify(key, login_message(statement).bytes(), signature);
}

}  // namespace sfs
