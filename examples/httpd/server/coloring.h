// Which color each kind of work has, for each step in which the server was made parallel. Serves
// stages 2 and 3. examples/httpd/README.md tells the story; the lines that a step changed end in a
// mark (`// [connections]`, `// [all]`), and a test counts them.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "mp/color.h"

namespace httpd {

// Each includes those before it.
enum class parallel : std::uint8_t { none, connections, all };

std::optional<parallel> parallel_named(std::string_view name) noexcept;
std::string_view name_of(parallel p) noexcept;

// Whether each connection gets a color of its own.
constexpr bool colors_connections(parallel steps) {  // [connections]
  return steps != parallel::none;                    // [connections]
}  // [connections]

// A color for the cache's misses, or for the log.
inline async::color color_of_table(parallel steps) {  // [all]
  if (steps != parallel::all) return {};              // [all]
  return async::color::fresh();                       // [all]
}  // [all]

}  // namespace httpd
