// See usage.h.
#include "examples/sfsd/load/usage.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sfs {

bool is_process(const std::string& pid) {
  std::error_code gone;
  return !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos &&
         std::filesystem::exists("/proc/" + pid + "/schedstat", gone);
}

cpu_usage usage_of(const std::vector<std::string>& pids) {
  cpu_usage sum;
  for (const std::string& pid : pids) {
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + pid + "/task", gone)) {
      std::ifstream file(task.path() / "schedstat");
      std::uint64_t ran = 0, waited = 0;
      if (!(file >> ran >> waited)) continue;
      sum.cpu_s += static_cast<double>(ran) * 1e-9;
      sum.delay_s += static_cast<double>(waited) * 1e-9;
    }
  }
  return sum;
}

std::uint64_t resident_bytes(const std::vector<std::string>& pids) {
  std::uint64_t sum = 0;
  for (const std::string& pid : pids) {
    std::ifstream file("/proc/" + pid + "/statm");
    std::uint64_t pages = 0, resident = 0;
    if (file >> pages >> resident) sum += resident * static_cast<std::uint64_t>(::getpagesize());
  }
  return sum;
}

}  // namespace sfs
