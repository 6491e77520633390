// The table of procedures: what each needs and the function that carries it out. Serves stage 5.
//
// Thread safety: the table is constant; `run` uses the export, so as export.h says.
// Invariant: a procedure writes no more than max_results bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "examples/sfsd/nfs/context.h"
#include "examples/sfsd/rpc/message.h"

namespace sfs {

struct procedure {
  std::size_t max_results = 0;
  // Decodes the arguments, does the work, encodes the results into `results` and says their size.
  rpc_accept (*run)(const call_context& c, const_bytes arguments, bytes results,
                    std::size_t& size) = nullptr;
  // Carried out twice it would give another answer than once.
  bool once = false;
};

// Null if there is no such procedure. READ and WRITE are not here: see read.cc and write.cc.
const procedure* nfs_procedure(std::uint32_t number) noexcept;
const procedure* mount_procedure(std::uint32_t number) noexcept;

}  // namespace sfs
