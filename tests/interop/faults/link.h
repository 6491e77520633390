// How a writer's calls get to the server: through a session of his own (client/session.h), which
// comes back by itself when the connection is lost; or in plain NFS to the gateway, with a client
// that knows only to connect anew and to send again what was not answered.
//
// Serves stages 1, 2 and 5 of test programs. Thread safety: one color (the default color).
// Invariant: each call is answered once, however often the connection is lost.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "examples/sfsd/client/session.h"
#include "tests/interop/faults/eventual.h"

namespace sfs::faults {

struct answer {
  std::vector<std::uint8_t> results;
  bool failed = false;    // `why`
  bool repeated = false;  // sent more than once, and nobody has looked into what that means
  std::string why;
};

class nfs_link {
 public:
  virtual ~nfs_link() = default;
  virtual eventual<answer> call(std::uint32_t program, std::uint32_t procedure,
                                std::vector<std::uint8_t> arguments,
                                std::vector<std::uint8_t> data = {}) = 0;

  // Breaks the connection.
  virtual void cut() = 0;
  virtual bool is_up() const = 0;

  // The server that answers is another one, as far as this link can tell: how often that happened.
  virtual unsigned restarts() const = 0;
};

std::unique_ptr<nfs_link> session_link(const self_certifying_path& server, session_options o);
std::unique_ptr<nfs_link> plain_link(const server_location& where);

}  // namespace sfs::faults
