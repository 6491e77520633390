// See program.h.
#include "tests/interop/faults/program.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace sfs::faults {
namespace {

constexpr std::chrono::milliseconds before_trying_again{50};

}  // namespace

program::program(std::uint32_t number, std::string mounted, std::string exported,
                 const worker_options& o)
    : number_(number),
      mounted_(std::move(mounted)),
      options_(o),
      random_(static_cast<std::uint32_t>(o.seed * 7919 + number)),
      book_(number, std::move(exported)) {}

program::~program() {
  if (thread_.joinable()) thread_.detach();  // it may wait for ever; the process ends
}

void program::begin() {
  thread_ = std::thread([this] { run(); });
}
void program::stop() {
  const lock l(mutex_);
  stopping_ = true;
}
bool program::has_stopped() const {
  const lock l(mutex_);
  return stopped_;
}
std::uint64_t program::steps() const {
  const lock l(mutex_);
  return steps_;
}
worker_counts program::count() const {
  const lock l(mutex_);
  return counts_;
}
void program::check(findings& f) {
  const lock l(mutex_);
  book_.check(f);
  for (std::string& what : found_.wrong) f.wrong.push_back(std::move(what));
  found_.wrong.clear();
}
void program::lose_what_may_be_lost() {
  const lock l(mutex_);
  book_.lose_what_may_be_lost();
}

void program::run() {
  if (::mkdir(mounted_.c_str(), 0755) < 0) failed("mkdir");
  while (true) {
    {
      const lock l(mutex_);
      if (stopping_) break;
    }
    one_step();
  }
  const lock l(mutex_);
  stopped_ = true;
}

// Some of everything.
void program::one_step() {
  if (write_records() && write_slot() && change_name()) {
    const lock l(mutex_);
    ++steps_;
    return;
  }
  // Whatever is open may be of a mount that is gone.
  log_file_ = fd_owner();
  slots_ = fd_owner();
  std::this_thread::sleep_for(before_trying_again);
}

// A call has failed: counts it, or finds it wrong. False, for its caller to give back.
bool program::failed(const std::string& what) {
  const int error = errno;
  struct stat st;
  const bool mounted = ::stat(mounted_.c_str(), &st) == 0;
  const lock l(mutex_);
  const bool gone = error == ENOTCONN || error == ECONNABORTED || !mounted;
  if (error == ENOSPC || error == EDQUOT) {
    ++counts_.no_space;
  } else if (error == EIO) {
    ++counts_.io_errors;
  } else if (!gone) {
    found_.wrong.push_back(mounted_ + ": " + what + ": " + std::generic_category().message(error));
  }
  return false;
}

bool program::next_log() {
  log_ = "log-" + std::to_string(++last_log_);
  {
    const lock l(mutex_);
    book_.may_come(log_);
  }
  log_end_ = 0;
  log_file_ = fd_owner(::open(at(log_).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!log_file_) return failed("open " + log_);
  {
    const lock l(mutex_);
    book_.is_there(log_);
    book_.expect_now(log_, true, 0, found_);
  }
  old_logs_.push_back(log_);
  while (old_logs_.size() > options_.most_logs) {
    const std::string oldest = old_logs_.front();
    old_logs_.pop_front();
    if (!remove(oldest)) return false;
  }
  return true;
}

bool program::write(int fd, const record& r) {
  const auto content = content_of(r);
  const ssize_t n = ::pwrite(fd, content.data(), content.size(), static_cast<off_t>(r.offset));
  if (n < 0) failed("pwrite");
  return n == static_cast<ssize_t>(content.size());
}

bool program::write_records() {
  if (!log_file_ || log_end_ >= options_.log_size)
    if (!next_log()) return false;
  std::vector<record> records(1 + below(8));
  for (record& r : records) {
    r = {number_, record::smallest + below(options_.largest - record::smallest), next_record_++,
         log_end_};
    log_end_ += r.size;
    {
      const lock l(mutex_);
      book_.asked(log_, r);
    }
    if (!write(log_file_.get(), r)) return false;
  }
  if (::fsync(log_file_.get()) < 0) return failed("fsync");
  const lock l(mutex_);
  for (const record& r : records) book_.is_stable(log_, r);
  return true;
}

bool program::write_slot() {
  if (!slots_) {
    {
      const lock l(mutex_);
      book_.may_come(ledger::slot_file);
    }
    slots_ = fd_owner(::open(at(ledger::slot_file).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!slots_) return failed("open slots");
  }
  const std::uint32_t slot = below(16);
  const record r{number_, record::smallest + below(ledger::slot_size - record::smallest),
                 next_record_++, std::uint64_t{slot} * ledger::slot_size};
  {
    const lock l(mutex_);
    book_.slot_asked(slot, r.sequence);
  }
  bool good = write(slots_.get(), r);
  if (good && ::fdatasync(slots_.get()) < 0) good = failed("fdatasync");
  const lock l(mutex_);
  if (good)
    book_.slot_written(slot);
  else
    book_.slot_failed(slot);
  return good;
}

bool program::change_name() {
  std::string name = "fdl"[below(3)] + std::to_string(next_record_++);
  if (!make(name)) return false;
  if (below(2) == 0) {
    if (!rename(name, name + "-renamed")) return false;
    name += "-renamed";
  }
  old_names_.push_back(name);
  if (old_names_.size() <= 20) return true;
  const std::string oldest = old_names_.front();
  old_names_.pop_front();
  return remove(oldest);
}

bool program::make(const std::string& name) {
  {
    const lock l(mutex_);
    book_.may_come(name);
  }
  int made = 0;
  if (name.front() == 'd')
    made = ::mkdir(at(name).c_str(), 0755);
  else if (name.front() == 'l')
    made = ::symlink(name.c_str(), at(name).c_str());
  else
    made = ::mknod(at(name).c_str(), S_IFREG | 0644, 0);
  if (made < 0) return failed("making " + name);
  const lock l(mutex_);
  book_.is_there(name);
  book_.expect_now(name, true, 0, found_);
  return true;
}

bool program::rename(const std::string& from, const std::string& to) {
  {
    const lock l(mutex_);
    book_.may_go(from);
    book_.may_come(to);
  }
  if (::rename(at(from).c_str(), at(to).c_str()) < 0) return failed("renaming " + from);
  const lock l(mutex_);
  book_.is_gone(from);
  book_.is_there(to);
  book_.expect_now(from, false, 0, found_);
  book_.expect_now(to, true, 0, found_);
  return true;
}

bool program::remove(const std::string& name) {
  {
    const lock l(mutex_);
    book_.may_go(name);
  }
  if (::remove(at(name).c_str()) < 0) return failed("removing " + name);
  const lock l(mutex_);
  book_.is_gone(name);
  book_.expect_now(name, false, 0, found_);
  return true;
}

}  // namespace sfs::faults
