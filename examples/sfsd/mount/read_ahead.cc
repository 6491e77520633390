// See read_ahead.h.
#include "examples/sfsd/mount/read_ahead.h"

#include <fstream>
#include <sstream>

namespace sfs {
namespace {

constexpr int kibibytes = 2048;

// In mountinfo, a space is \040 and so on.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(at + 1, 3), nullptr, 8));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

}  // namespace

void read_ahead(const std::string& mountpoint) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::string device;  // of the last one there: the one on top
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, numbers, root, where;
    if (words >> id >> parent >> numbers >> root >> where && unescaped(where) == mountpoint)
      device = numbers;
  }
  if (device.empty()) return;
  std::ofstream("/sys/class/bdi/" + device + "/read_ahead_kb") << kibibytes;
}

}  // namespace sfs
