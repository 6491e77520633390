// The access log, in the combined format. Serves stage 5, and a thread that may wait for the disk.
//
//     192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "GET / HTTP/1.1" 200 615 "REFERER" "USER AGENT"
//
// A line is appended to the memory of the thread that served the request; every second, or when
// there is much of it, what all threads have is written to the file by a thread of the pool. No
// CPU waits for the disk, and nobody for the log: if the disk does not keep up, lines are lost and
// it is said how many.
//
// Thread safety: add() may be called from any thread and color, the rest by the log's color, or
// when no callback runs.
// Invariants: one write at a time; lines of one thread are in order, and no line is torn.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "async/blocking.h"
#include "async/timer.h"
#include "examples/httpd/http/request.h"
#include "examples/sfsd/base/fd.h"
#include "mp/color.h"

namespace httpd {

// A line without what is known in the end only: the status and the bytes of the body.
struct log_line {
  std::string before, after;
};

class access_log {
 public:
  // Logs nothing with an empty path; "-" is the standard output. fd() says whether it could be
  // opened.
  access_log(std::string path, async::blocking_pool& pool, async::color color);
  ~access_log();

  bool is_on() const noexcept { return !path_.empty(); }
  bool is_open() const noexcept { return static_cast<bool>(file_); }

  void add(std::string_view peer, const request& r, unsigned status, std::uint64_t bytes);
  log_line begin_line(std::string_view peer, const request& r) const;
  void add(const log_line& line, unsigned status, std::uint64_t bytes);

  // Opens the file anew, after somebody has moved it. Any color.
  void reopen();

  // Writes what there is, and waits for that: only at the end, when the pool is no more.
  void flush_and_wait();

 private:
  struct alignas(64) part {
    std::mutex mutex;
    std::string text;  // guarded by mutex
  };

  part& mine() noexcept;
  void appended(std::size_t before, std::size_t now);
  void tick();
  void flush();
  void write_pending();
  void written(int error);

  const std::string path_;
  async::blocking_pool& pool_;
  const async::color color_;
  std::array<part, 32> parts_;

  // The log's color, and while writing_ the writer: file_ and being_written_.
  sfs::fd_owner file_;
  std::string pending_, being_written_;
  bool writing_ = false, reopen_ = false;
  std::uint64_t lost_ = 0;
  async::timecb_t timer_;
};

}  // namespace httpd
