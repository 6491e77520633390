// See coloring.h.
#include "examples/httpd/server/coloring.h"

#include <iterator>

namespace httpd {
namespace {

constexpr std::string_view names[] = {"none", "connections", "all"};

}  // namespace

std::optional<parallel> parallel_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (names[i] == name) return static_cast<parallel>(i);
  return std::nullopt;
}

std::string_view name_of(parallel p) noexcept { return names[static_cast<std::size_t>(p)]; }

}  // namespace httpd
