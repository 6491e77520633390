// Names from a table of nodes, for a server that may not ask the kernel for handles: see names.h.
//
// Thread safety: one color (the default color: it is one of the server's shared tables).
// Invariant: that of node_table.
#pragma once

#include <memory>

#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/nfs/names.h"

namespace sfs {

// `root` must outlive it. At most `max_nodes` files are remembered at a time, in `file` (see
// node_store.h) or, if that is empty, until the server ends.
outcome<std::unique_ptr<file_names>> table_names(int root, const struct statx& root_attributes,
                                                 std::size_t max_nodes, const std::string& file);

}  // namespace sfs
