// What the server says in errno's words. Serves stage 5.
//
// Thread safety: pure functions.
// Invariant: only NFS3_OK is 0.
#pragma once

#include "examples/sfsd/client/pending_call.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

// EIO for a status that there is not.
int errno_of(nfsstat3 status) noexcept;

// Of a reply without results: the server's RPC layer refused the call, or there was no reply.
int errno_of(const call_reply& without_results) noexcept;

}  // namespace sfs
