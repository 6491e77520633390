// Operations on files: see file.h. Serves stages 2 and 3.
#include "async/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "async/detail/file_operation.h"
#include "suio/detail/block.h"

namespace async {

namespace {

using detail::file_operation;

std::error_code code_of(int error) noexcept { return {error, std::system_category()}; }

class open_operation final : public file_operation {
 public:
  open_operation(std::string path, int flags, mode_t mode, callback<void, int>::ref cb)
      : file_operation(*cb),
        path_(std::move(path)),
        flags_(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
        mode_(mode),
        callback_(std::move(cb)) {}

  void prepare(io_uring_sqe& entry) noexcept override {
    io_uring_prep_openat(&entry, AT_FDCWD, path_.c_str(), flags_, mode_);
  }
  void call() override {
    const auto cb = std::exchange(callback_, nullptr);
    errno = error_;
    cb(std::exchange(fd_, -1));
  }
  void drop() noexcept override {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
    callback_ = nullptr;
  }

 private:
  long perform() noexcept override { return kernel_result(open(path_.c_str(), flags_, mode_)); }
  bool take(long result) noexcept override {
    if (result < 0) {
      error_ = static_cast<int>(-result);
    } else {
      fd_ = static_cast<int>(result);
    }
    return true;
  }

  const std::string path_;
  const int flags_;
  const mode_t mode_;
  int fd_ = -1;
  int error_ = 0;
  callback<void, int>::ptr callback_;
};

// Reading or writing: goes on until all is done, or nothing more.
class transfer : public file_operation {
 public:
  transfer(int fd, std::uint64_t offset, std::size_t bytes, callback<void, io_result>::ref cb)
      : file_operation(*cb), fd_(fd), offset_(offset), bytes_(bytes), callback_(std::move(cb)) {}

  void call() override { callback_(result()); }
  void drop() noexcept override { callback_ = nullptr; }

 protected:
  int fd() const noexcept { return fd_; }
  std::uint64_t offset() const noexcept { return offset_ + done_; }
  std::size_t done() const noexcept { return done_; }
  std::size_t left() const noexcept { return bytes_ - done_; }

  virtual void advance(std::size_t) noexcept {}

 private:
  io_result result() const noexcept {
    if (error_ != 0) return {done_, io_status::error, code_of(error_)};
    return {done_, done_ == 0 && bytes_ != 0 ? io_status::eof : io_status::done, {}};
  }
  bool take(long result) noexcept final {
    if (result < 0) {
      error_ = static_cast<int>(-result);
    } else {
      done_ += static_cast<std::size_t>(result);
      advance(static_cast<std::size_t>(result));
    }
    return result <= 0 || left() == 0;
  }

  const int fd_;
  const std::uint64_t offset_;
  const std::size_t bytes_;
  std::size_t done_ = 0;
  int error_ = 0;
  callback<void, io_result>::ptr callback_;
};

class read_operation : public transfer {
 public:
  read_operation(int fd, std::uint64_t offset, void* to, std::size_t bytes,
                 callback<void, io_result>::ref cb)
      : transfer(fd, offset, bytes, std::move(cb)), to_(static_cast<char*>(to)) {}

  bool try_now() noexcept override {
    for (;;) {
      const iovec space = next();
      const long got =
          kernel_result(preadv2(fd(), &space, 1, static_cast<off_t>(offset()), RWF_NOWAIT));
      if (got == -EAGAIN || got == -EOPNOTSUPP || got == -ENOSYS) return false;
      if (got == 0 && left() != 0 && is_before_end()) return false;
      if (step(got)) return true;
    }
  }
  void prepare(io_uring_sqe& entry) noexcept override {
    const iovec space = next();
    io_uring_prep_read(&entry, fd(), space.iov_base, static_cast<unsigned>(space.iov_len),
                       offset());
  }

 private:
  static constexpr std::size_t most = 1 << 30;  // at a time

  iovec next() const noexcept { return {to_ + done(), std::min(left(), most)}; }
  // Linux 5.9 and 5.10 may say 0 where they would have to wait.
  bool is_before_end() const noexcept {
    struct stat now;
    return fstat(fd(), &now) == 0 && S_ISREG(now.st_mode) &&
           offset() < static_cast<std::uint64_t>(now.st_size);
  }
  long perform() noexcept override {
    const iovec space = next();
    return kernel_result(pread(fd(), space.iov_base, space.iov_len, static_cast<off_t>(offset())));
  }

  char* const to_;
};

class suio_read_operation final : public read_operation {
 public:
  suio_read_operation(int fd, std::uint64_t offset, std::size_t bytes, suio& to,
                      callback<void, io_result>::ref cb)
      : suio_read_operation(fd, offset, bytes, to, std::move(cb), detail::block::make(bytes)) {}

  void call() override {
    const char* const data = block_->data();
    to_.print(data, done(), std::move(block_));
    read_operation::call();
  }
  void drop() noexcept override {
    block_ = nullptr;
    read_operation::drop();
  }

 private:
  suio_read_operation(int fd, std::uint64_t offset, std::size_t bytes, suio& to,
                      callback<void, io_result>::ref cb, ptr<detail::block> block)
      : read_operation(fd, offset, block->data(), bytes, std::move(cb)),
        to_(to),
        block_(std::move(block)) {}

  suio& to_;
  ptr<detail::block> block_;
};

class write_operation : public transfer {
 public:
  write_operation(int fd, std::uint64_t offset, std::vector<iovec> ranges, std::size_t bytes,
                  callback<void, io_result>::ref cb)
      : transfer(fd, offset, bytes, std::move(cb)), ranges_(std::move(ranges)) {}

  void prepare(io_uring_sqe& entry) noexcept override {
    io_uring_prep_writev(&entry, fd(), next(), static_cast<unsigned>(count()), offset());
  }

 private:
  const iovec* next() const noexcept { return ranges_.data() + first_; }
  int count() const noexcept {
    return static_cast<int>(std::min<std::size_t>(ranges_.size() - first_, IOV_MAX));
  }
  long perform() noexcept override {
    return kernel_result(pwritev(fd(), next(), count(), static_cast<off_t>(offset())));
  }
  void advance(std::size_t written) noexcept override {
    while (written != 0) {
      iovec& range = ranges_[first_];
      const std::size_t part = std::min(written, range.iov_len);
      range.iov_base = static_cast<char*>(range.iov_base) + part;
      range.iov_len -= part;
      written -= part;
      if (range.iov_len == 0) ++first_;
    }
  }

  std::vector<iovec> ranges_;
  std::size_t first_ = 0;
};

class suio_write_operation final : public write_operation {
 public:
  suio_write_operation(int fd, std::uint64_t offset, const suio& from,
                       callback<void, io_result>::ref cb)
      : write_operation(fd, offset, {from.iov().begin(), from.iov().end()}, from.resid(),
                        std::move(cb)) {}

  // Before it is started. The ranges stay where they are.
  void hold(suio& from) { bytes_.take(from); }
  // If it could not be started.
  void give_back(suio& to) { to.take(bytes_); }

  void call() override {
    bytes_.rembytes(done());
    write_operation::call();
  }
  void drop() noexcept override {
    bytes_.clear();
    write_operation::drop();
  }

 private:
  suio bytes_;
};

class sync_operation final : public file_operation {
 public:
  sync_operation(int fd, file_sync_kind what, callback<void, std::error_code>::ref cb)
      : file_operation(*cb), fd_(fd), what_(what), callback_(std::move(cb)) {}

  void prepare(io_uring_sqe& entry) noexcept override {
    io_uring_prep_fsync(&entry, fd_, what_ == file_sync_kind::data ? IORING_FSYNC_DATASYNC : 0);
  }
  void call() override { callback_(code_of(error_)); }
  void drop() noexcept override { callback_ = nullptr; }

 private:
  long perform() noexcept override {
    return kernel_result(what_ == file_sync_kind::data ? fdatasync(fd_) : fsync(fd_));
  }
  bool take(long result) noexcept override {
    error_ = static_cast<int>(-result);
    return true;
  }

  const int fd_;
  const file_sync_kind what_;
  int error_ = 0;
  callback<void, std::error_code>::ptr callback_;
};

class stat_operation final : public file_operation {
 public:
  // Of `path`, or of `fd` if that is empty.
  stat_operation(int fd, std::string path, file_stat_callback::ref cb)
      : file_operation(*cb), fd_(fd), path_(std::move(path)), callback_(std::move(cb)) {}

  void prepare(io_uring_sqe& entry) noexcept override {
    io_uring_prep_statx(&entry, fd_, path_.c_str(), flags(), mask, &found_);
  }
  void call() override { callback_(code_of(error_), found_); }
  void drop() noexcept override { callback_ = nullptr; }

 private:
  static constexpr unsigned mask = STATX_BASIC_STATS | STATX_BTIME;

  int flags() const noexcept { return fd_ == AT_FDCWD ? 0 : AT_EMPTY_PATH; }
  long perform() noexcept override {
    return kernel_result(statx(fd_, path_.c_str(), flags(), mask, &found_));
  }
  bool take(long result) noexcept override {
    error_ = static_cast<int>(-result);
    return true;
  }

  const int fd_;
  const std::string path_;
  struct statx found_ {};
  int error_ = 0;
  file_stat_callback::ptr callback_;
};

// The kernel would see the beginning of it only.
bool is_path(const std::string& path) noexcept { return path.find('\0') == std::string::npos; }

// The kernel would take one that is negative for the fd's own position.
bool is_offset(std::uint64_t offset) noexcept { return offset <= INT64_MAX; }

std::error_code start(const ref<file_operation>& operation, blocking_t* job) {
  const std::error_code status = detail::start_file_operation(*operation);
  if (!status) detail::give_handle(*operation, job);
  return status;
}

}  // namespace

std::error_code file_open(std::string path, int flags, mode_t mode, callback<void, int>::ref cb,
                          blocking_t* job) {
  if (!is_path(path)) return code_of(EINVAL);
  return start(make_ref<open_operation>(std::move(path), flags, mode, std::move(cb)), job);
}

std::error_code file_read(int fd, std::uint64_t offset, void* to, std::size_t bytes,
                          callback<void, io_result>::ref cb, blocking_t* job) {
  if (!is_offset(offset)) return code_of(EINVAL);
  return start(make_ref<read_operation>(fd, offset, to, bytes, std::move(cb)), job);
}

std::error_code file_read(int fd, std::uint64_t offset, std::size_t bytes, suio& to,
                          callback<void, io_result>::ref cb, blocking_t* job) {
  if (!is_offset(offset)) return code_of(EINVAL);
  return start(make_ref<suio_read_operation>(fd, offset, bytes, to, std::move(cb)), job);
}

std::error_code file_write(int fd, std::uint64_t offset, const void* from, std::size_t bytes,
                           callback<void, io_result>::ref cb, blocking_t* job) {
  if (!is_offset(offset)) return code_of(EINVAL);
  std::vector<iovec> ranges{{const_cast<void*>(from), bytes}};
  return start(make_ref<write_operation>(fd, offset, std::move(ranges), bytes, std::move(cb)), job);
}

std::error_code file_write(int fd, std::uint64_t offset, suio& from,
                           callback<void, io_result>::ref cb, blocking_t* job) {
  if (!is_offset(offset)) return code_of(EINVAL);
  const auto operation = make_ref<suio_write_operation>(fd, offset, from, std::move(cb));
  operation->hold(from);
  const std::error_code status = start(operation, job);
  if (status) operation->give_back(from);
  return status;
}

std::error_code file_sync(int fd, file_sync_kind what, callback<void, std::error_code>::ref cb,
                          blocking_t* job) {
  return start(make_ref<sync_operation>(fd, what, std::move(cb)), job);
}

std::error_code file_stat(int fd, file_stat_callback::ref cb, blocking_t* job) {
  return start(make_ref<stat_operation>(fd, "", std::move(cb)), job);
}

std::error_code file_stat(std::string path, file_stat_callback::ref cb, blocking_t* job) {
  if (!is_path(path)) return code_of(EINVAL);
  return start(make_ref<stat_operation>(AT_FDCWD, std::move(path), std::move(cb)), job);
}

}  // namespace async
