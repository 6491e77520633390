// See access_log.h.
#include "examples/httpd/server/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <utility>

#include "async/err.h"
#include "examples/httpd/http/date.h"
#include "examples/httpd/http/text.h"
#include "wrap/wrap.h"

namespace httpd {
namespace {

constexpr std::size_t much = 65536;             // is written before its second is over
constexpr std::size_t most_pending = 64 << 20;  // is kept for a disk that does not keep up

sfs::fd_owner open_log(const std::string& path) {
  if (path == "-") return sfs::fd_owner(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  return sfs::fd_owner(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) return false;
    text.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
  }
  return true;
}

void append_before(std::string& to, std::string_view peer, const request& r) {
  to.append(peer).append(" - - ").append(log_date_now()).append(" \"");
  append_log_escaped(to, r.line);
  to += "\" ";
}

void append_after(std::string& to, const request& r) {
  to += " \"";
  append_log_escaped(to, r.referer.empty() ? "-" : r.referer);
  to += "\" \"";
  append_log_escaped(to, r.user_agent.empty() ? "-" : r.user_agent);
  to += "\"\n";
}

void append_numbers(std::string& to, unsigned status, std::uint64_t bytes) {
  to.append(std::to_string(status)).append(" ").append(std::to_string(bytes));
}

}  // namespace

access_log::access_log(std::string path, async::blocking_pool& pool, async::color color)
    : path_(std::move(path)), pool_(pool), color_(std::move(color)) {
  if (!is_on()) return;
  file_ = open_log(path_);
  timer_ = async::delaycb(std::chrono::seconds(1),
                          async::cwrap(color_, this, &access_log::tick));  // [all]
}

access_log::~access_log() { async::timecb_remove(timer_); }

access_log::part& access_log::mine() noexcept {
  static std::atomic<unsigned> threads{0};
  static thread_local const unsigned number = threads.fetch_add(1, std::memory_order_relaxed);
  return parts_[number % parts_.size()];
}

void access_log::add(std::string_view peer, const request& r, unsigned status,
                     std::uint64_t bytes) {
  part& p = mine();
  std::size_t before, now;
  {
    const std::scoped_lock lock(p.mutex);  // nobody else's but once a second
    before = p.text.size();
    append_before(p.text, peer, r);
    append_numbers(p.text, status, bytes);
    append_after(p.text, r);
    now = p.text.size();
  }
  appended(before, now);
}

log_line access_log::begin_line(std::string_view peer, const request& r) const {
  log_line line;
  if (!is_on()) return line;
  append_before(line.before, peer, r);
  append_after(line.after, r);
  return line;
}

void access_log::add(const log_line& line, unsigned status, std::uint64_t bytes) {
  part& p = mine();
  std::size_t before, now;
  {
    const std::scoped_lock lock(p.mutex);
    before = p.text.size();
    p.text += line.before;
    append_numbers(p.text, status, bytes);
    p.text += line.after;
    now = p.text.size();
  }
  appended(before, now);
}

void access_log::appended(std::size_t before, std::size_t now) {
  if (before < much && now >= much) async::post(color_, [this] { flush(); });
}

void access_log::tick() {
  flush();
  timer_ = async::delaycb(std::chrono::seconds(1),
                          async::cwrap(color_, this, &access_log::tick));  // [all]
}

void access_log::flush() {
  for (part& p : parts_) {
    std::string text;
    {
      const std::scoped_lock lock(p.mutex);
      if (p.text.empty()) continue;
      text.swap(p.text);
      p.text.reserve(std::min(text.size(), much));
    }
    if (pending_.size() + text.size() <= most_pending)
      pending_ += text;
    else
      lost_ += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  }
  write_pending();
}

void access_log::write_pending() {
  if (writing_ || (pending_.empty() && !reopen_)) return;
  writing_ = true;
  being_written_ = std::exchange(pending_, {});
  const auto work = [this, anew = std::exchange(reopen_, false)] {
    int error = write_all(file_.get(), being_written_) ? 0 : errno;
    being_written_.clear();
    if (anew) {
      if (sfs::fd_owner file = open_log(path_))
        file_ = std::move(file);
      else
        error = errno;
    }
    return error;
  };
  if (pool_.run(work, async::cwrap(color_, this, &access_log::written))) {  // [all]
    pending_.insert(0, std::exchange(being_written_, {}));                  // later
    writing_ = false;
  }
}

void access_log::written(int error) {
  writing_ = false;
  if (error != 0) {
    errno = error;
    async::warn("%s: %s", path_.c_str(), sfs::system_reason().c_str());
  }
  if (lost_ != 0)
    async::warn("%s: %llu lines were lost, the disk is too slow", path_.c_str(),
                static_cast<unsigned long long>(std::exchange(lost_, 0)));
  if (reopen_) write_pending();
}

void access_log::reopen() {
  if (!is_on()) return;
  async::post(color_, [this] {
    reopen_ = true;
    flush();
  });
}

void access_log::flush_and_wait() {
  if (!is_on()) return;
  std::string rest = std::move(being_written_) + pending_;
  for (part& p : parts_) {
    const std::scoped_lock lock(p.mutex);
    rest += std::exchange(p.text, {});
  }
  write_all(file_.get(), rest);
}

}  // namespace httpd
