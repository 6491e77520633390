// Which files clients ask for, how often, and what is in them.
//
// Thread safety: any thread; nothing changes after the construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace papers {

struct wanted_file {
  std::string request;
  std::string content;
};

class request_mix {
 public:
  // A line of `list` is a weight, from 1 to 1,000,000, and a name of a file below `directory`,
  // which is also its path on the server. Ends the program, with a message, if that is not what is
  // there.
  request_mix(const std::string& directory, const std::string& list);

  // The file that the `turn`-th request asks for: of as many turns as the weights add up to, each
  // file has as many as it weighs.
  const wanted_file& at(std::size_t turn) const noexcept {
    return files_[order_[turn % order_.size()]];
  }

 private:
  std::vector<wanted_file> files_;
  std::vector<std::uint32_t> order_;
};

}  // namespace papers
