// Clients that nobody wants, many of them. Serves no stage: they block, or do next to nothing.
//
// Thread safety: one thread.
#pragma once

#include <chrono>
#include <cstddef>

#include "examples/sfsd/client/channel.h"
#include "examples/sfsd/users/agent.h"

namespace sfs::faults {

struct crowd_options {
  self_certifying_path server;
  client_options reach;
  login_signer* signer = nullptr;
  std::size_t count = 100;
  std::chrono::seconds time{10};
};

// Connect. Of each four, one says nothing, one says what a client says first, byte by byte, one
// says noise, and one vanishes with a reset after a while and comes back. Prints how many could
// connect, and at the end how many of them were still connected.
int be_rude(const crowd_options& o);

// Ask for file data and send WRITEs, without end, and read no reply. Prints how many bytes the
// server took.
int be_deaf(const crowd_options& o);

}  // namespace sfs::faults
