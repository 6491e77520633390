// See resource.h.
#include "examples/httpd/files/resource.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "examples/httpd/http/date.h"

namespace httpd {
namespace {

std::int64_t nanoseconds(const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; }

std::string hex(std::uint64_t n) {
  char text[20];
  return std::string(text, static_cast<std::size_t>(std::snprintf(
                               text, sizeof text, "%llx", static_cast<unsigned long long>(n))));
}

bool read_all(int fd, char* to, std::size_t bytes) {
  std::size_t got = 0;
  while (got < bytes) {
    const ssize_t n = ::pread(fd, to + got, bytes - got, static_cast<off_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    got += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

file_state file_state::of(const struct stat& s) noexcept {
  return {s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size), nanoseconds(s.st_mtim),
          nanoseconds(s.st_ctim)};
}

// Writes the fields, and returns where a body of this size belongs.
char* representation::begin(const description& d, std::size_t body) {
  type_ = d.type;
  modified_ = state_.modified_ns / 1'000'000'000;
  etag_ = '"' + hex(state_.number) + '-' + hex(state_.size) + '-' +
          hex(static_cast<std::uint64_t>(state_.changed_ns)) + '"';
  std::string head = "Content-Length: " + std::to_string(state_.size) + "\r\n";
  described_ = head.size();
  head += "Content-Type: " + d.type + "\r\n";
  if (!d.encoding.empty()) head += "Content-Encoding: " + d.encoding + "\r\n";
  validated_ = head.size();
  if (d.varies) head += "Vary: Accept-Encoding\r\n";
  head += "ETag: " + etag_ + "\r\nLast-Modified: " + http_date(modified_) +
          "\r\nAccept-Ranges: bytes\r\n";
  fields_ = head.size();
  head += "\r\n";
  whole_ = head.size() + body;
  memory_ = std::make_unique_for_overwrite<char[]>(whole_);
  std::memcpy(memory_.get(), head.data(), head.size());
  return memory_.get() + head.size();
}

representation::representation(sfs::fd_owner file, const file_state& state, const description& d,
                               std::size_t most)
    : state_(state) {
  if (state.size > most) {
    begin(d, 0);
    file_ = std::move(file);
  } else if (char* const body = begin(d, state.size); !read_all(file.get(), body, state.size)) {
    memory_.reset();
  }
}

representation::representation(std::string_view text, const file_state& state, const description& d)
    : state_(state) {
  state_.size = text.size();
  std::memcpy(begin(d, text.size()), text.data(), text.size());
}

}  // namespace httpd
