// libfuse 3's low-level interface, in the one version that sfsmount is written for. Serves no stage
// of its own.
//
// Thread safety: as each function of libfuse says; a request is answered by one thread.
// Invariant: no other file includes libfuse's headers.
#pragma once

#define FUSE_USE_VERSION 312

#include <fuse3/fuse_lowlevel.h>
