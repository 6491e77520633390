// From a user's signer to a login of a session (session.h). Serves no stage.
//
// Thread safety: the login is used under one color, and the signer with it.
#pragma once

#include <memory>

#include "examples/sfsd/client/access.h"
#include "examples/sfsd/client/session.h"
#include "examples/sfsd/users/agent.h"

namespace sfs {

// The server is the one whose session it will be. An agent is asked each time that a channel opens,
// and waited for, within its time limit.
login_key login_by(std::shared_ptr<login_signer> signer, const self_certifying_path& server);

// What a session with this server is to be, by a program's command line: with the first of our keys
// as its login 1, or without one. Fails, with why, if the server is not to be trusted or a key
// cannot be used. Blocks, perhaps to ask for a passphrase.
outcome<session_options> session_for(const access_options& access,
                                     const self_certifying_path& server);

}  // namespace sfs
