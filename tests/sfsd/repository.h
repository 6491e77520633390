// For tests that read files of the repository: documents, vectors, samples.
//
// Serves no stage of its own. Thread safety: functions without shared state.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/support.h"

namespace sfs::test {

// The directory with SConstruct.
inline std::filesystem::path repository() {
  auto root = async::test::build_dir();
  while (root.has_relative_path() && !std::filesystem::exists(root / "SConstruct"))
    root = root.parent_path();
  return root;
}

inline std::string text_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace sfs::test
