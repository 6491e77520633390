// The table of procedures: what each needs and the function that carries it out. Serves stage 5.
//
// Thread safety: the table is constant; `run` uses the export's tables, so one color (the default).
// Invariant: a procedure writes no more than max_results bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "examples/sfsd/nfs/export.h"
#include "examples/sfsd/rpc/message.h"

namespace sfs {

struct procedure {
  std::size_t max_results;
  // Decodes the arguments, does the work, encodes the results into `results` and says their size.
  rpc_accept (*run)(export_tree& tree, const_bytes arguments, bytes results, std::size_t& size);
};

// What the NULL procedure of every program does.
inline rpc_accept do_nothing(export_tree&, const_bytes arguments, bytes, std::size_t& size) {
  size = 0;
  return arguments.empty() ? rpc_accept::success : rpc_accept::garbage_args;
}

// Null if there is no such procedure. READ is not here: see read.cc.
const procedure* nfs_procedure(std::uint32_t number) noexcept;
const procedure* mount_procedure(std::uint32_t number) noexcept;

}  // namespace sfs
