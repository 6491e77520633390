#include "mp/detail/output_file.h"

#include <unistd.h>

#include <atomic>

namespace async::detail {

std::string own_suffix() {
  static std::atomic<unsigned> last{0};
  return "." + std::to_string(getpid()) + "." + std::to_string(++last) + ".part";
}

std::string with_process_id(std::string_view name) {
  std::string result;
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (name.substr(at, 2) == "%p") {
      result += std::to_string(getpid());
      ++at;
    } else {
      result += name[at];
    }
  }
  return result;
}

}  // namespace async::detail
