// See kernel_side.h.
#include "examples/sfsd/mount/kernel_side.h"

#include <sys/mount.h>

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

std::string mounted_device(const std::string& mountpoint) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::string device;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, numbers, root, where;
    if (words >> id >> parent >> numbers >> root >> where && unescaped(where) == mountpoint)
      device = numbers;
  }
  return device;
}

void read_ahead(const std::string& device) {
  std::ofstream("/sys/class/bdi/" + device + "/read_ahead_kb") << kibibytes;
}

void force_unmount(const std::string& mountpoint) noexcept {
  ::umount2(mountpoint.c_str(), MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
}

void abort_requests(const std::string& device) {
  const std::string minor = device.substr(device.find(':') + 1);
  std::ofstream("/sys/fs/fuse/connections/" + minor + "/abort") << 1;
}

}  // namespace sfs
