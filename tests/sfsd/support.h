// What the tests of the file server share: bytes, secrets, two ends of a channel, a directory to
// export.
//
// Serves no stage of its own. Thread safety: each test has its own objects.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/channel/handshake.h"
#include "examples/sfsd/channel/record.h"
#include "tests/support/support.h"

namespace sfs::test {

using byte_string = std::vector<std::uint8_t>;
using sfs::bytes;

inline byte_string from_hex(std::string_view hex) {
  byte_string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(
        static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

inline byte_string random_bytes(async::test::prng& random, std::size_t size) {
  byte_string out(size);
  std::generate(out.begin(), out.end(), [&] { return static_cast<std::uint8_t>(random()); });
  return out;
}

inline secret32 secret_of(std::uint8_t fill) {
  secret32 s;
  std::fill(s.span().begin(), s.span().end(), fill);
  return s;
}

inline secret32 secret_of(const byte_string& from) {
  secret32 s;
  std::copy_n(from.begin(), 32, s.span().begin());
  return s;
}

// Whether the part is in the text.
inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline constexpr sender::time_point long_ago{};

// An unsealed frame with this payload.
inline byte_string frame_with(const_bytes payload) {
  byte_string frame(payload.size() + record_overhead);
  std::copy(payload.begin(), payload.end(), frame.begin() + record_header_size);
  return frame;
}

inline byte_string sealed(sender& s, std::string_view text, record_type type = record_type::data) {
  byte_string frame = frame_with(as_bytes(text));
  s.seal(type, frame);
  return frame;
}

inline std::string text_in(byte_string& frame) {
  const bytes p = payload_of(frame);
  return {p.begin(), p.end()};
}

// A directory that is gone when the test is.
class scratch_directory {
 public:
  scratch_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "sfsd_test_XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

  // Whatever the umask says, everybody may read what is made here.
  std::filesystem::path file(const std::string& name, std::string_view content) const {
    const auto at = path_ / name;
    const int fd = ::open(at.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 ||
        ::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
      std::abort();
    ::fchmod(fd, 0644);
    ::close(fd);
    return at;
  }
  std::filesystem::path directory(const std::string& name) const {
    const auto at = path_ / name;
    std::filesystem::create_directories(at);
    std::filesystem::permissions(at, std::filesystem::perms(0755));
    return at;
  }

 private:
  std::filesystem::path path_;
};

inline server_key new_key(std::string_view location = "localhost") {
  return std::move(*server_key::generate(*server_location::parse(location)));
}

// Passes what each side has to say to the other until nobody has anything. `change` may alter a
// message on its way: change(from_client, bytes).
template <class Change>
void converse(handshake& client, handshake& server, Change change) {
  for (bool said = true; said;) {
    said = false;
    for (bool from_client : {true, false}) {
      std::string message = (from_client ? client : server).take_output();
      if (message.empty()) continue;
      said = true;
      change(from_client, message);
      (from_client ? server : client).feed(as_bytes(message));
    }
  }
}

inline void converse(handshake& client, handshake& server) {
  converse(client, server, [](bool, std::string&) {});
}

}  // namespace sfs::test
