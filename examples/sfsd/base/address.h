// The address at a socket's other end, as people write it. Serves no stage.
//
// Thread safety: any thread.
#pragma once

#include <string>

namespace sfs {

// "192.0.2.1:4433", "[2001:db8::1]:4433"; "?" if it has none that can be written so.
std::string peer_address(int fd);

}  // namespace sfs
