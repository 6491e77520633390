// Which color each kind of work has, for each step in which the server was made parallel. Serves
// stages 2 and 3. examples/sfsd/README.md tells the story; the lines that a step changed end in a
// mark (`// [crypto]`, `// [io]`, `// [all]`), and a test counts them.
//
// Thread safety: values.
// Invariant: the shared tables always have the default color.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "mp/color.h"

namespace sfs {

// Each includes those before it.
enum class parallel : std::uint8_t { none, crypto, io, all };

std::optional<parallel> parallel_named(std::string_view name) noexcept;
std::string_view name_of(parallel p) noexcept;

// The colors of one client's work.
struct coloring {                                // [crypto]
  explicit coloring(parallel steps) {            // [crypto]
    if (steps == parallel::none) return;         // [crypto]
    crypto = async::color::fresh();              // [crypto]
    if (steps >= parallel::io) io = crypto;      // [io]
    if (steps == parallel::all) files = crypto;  // [all]
  }                                              // [crypto]

  // Sealing and opening records, and the handshake.
  async::color crypto;  // [crypto]
  // Reading from and writing to the socket.
  async::color io;  // [crypto]
  // Reading files.
  async::color files;  // [crypto]
  // The export's tables: always the default color.
  async::color tables;  // [crypto]
};                      // [crypto]

}  // namespace sfs
