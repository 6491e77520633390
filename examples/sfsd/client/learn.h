// What the replies of NFS say of files' attributes, for the lease cache. Serves stage 5 of client
// programs.
//
// Thread safety: one color (the default color).
// Invariant: a reply that does not decode teaches nothing; one to a call that may have changed
// something makes what was known of the files that it names count for nothing, whatever is in it.
#pragma once

#include "examples/sfsd/client/lease_cache.h"
#include "examples/sfsd/client/session.h"

namespace sfs {

// Takes what a reply says: that to a call of NFS with these arguments (of WRITE, at least what is
// before the data). If there are no results, that the call may or may not have been carried out.
void learn(lease_cache& cache, session& s, std::uint32_t procedure, const_bytes arguments,
           const call_reply& reply);

}  // namespace sfs
