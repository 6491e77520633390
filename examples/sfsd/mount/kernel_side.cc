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

struct mounted {
  std::string device, type, source;
};

// What is mounted there, on top.
mounted mounted_at(const std::string& mountpoint) {
  std::ifstream mounts("/proc/self/mountinfo");
  mounted last;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    mounted m;
    std::string word, where;
    words >> word >> word >> m.device >> word >> where;
    while (words >> word && word != "-") continue;  // options
    if (words >> m.type >> m.source && unescaped(where) == mountpoint) last = m;
  }
  return last;
}

}  // namespace

std::string mounted_device(const std::string& mountpoint) { return mounted_at(mountpoint).device; }

std::string why_occupied(const std::string& mountpoint) {
  const mounted m = mounted_at(mountpoint);
  if (m.type != "fuse.sfs") return {};
  return unescaped(m.source) + " is mounted there already; fusermount3 -u " + mountpoint +
         " unmounts it";
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
