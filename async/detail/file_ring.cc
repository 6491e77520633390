// What carries out file operations: the page cache, io_uring, or the pool (stages 1 to 3).
//
// The ring's fd is readable when an operation has ended; it is watched like any other, under a
// private color, whose callback posts each operation to its own.
//
// Thread-safety: any thread; what is shared is guarded by one lock. The kernel starts an operation
// during io_uring_submit(), under that lock, and hands it to a thread of its own where it would
// have to wait.
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <vector>

#include "async/detail/blocking_state.h"
#include "async/detail/file_operation.h"
#include "async/detail/fork_safe.h"
#include "async/err.h"
#include "async/fd.h"
#include "async/file.h"
#include "mp/color.h"

namespace async {

namespace detail {

namespace {

constexpr unsigned most_in_flight = 1024;
constexpr unsigned most_at_once = 256;

// An operation that has ended, and how.
struct completion {
  file_operation* operation;
  long result;
};

bool can_do_all(io_uring& io) noexcept {
  io_uring_probe* const probe = io_uring_get_probe_ring(&io);
  if (probe == nullptr) return false;
  bool all = true;
  for (const int code :
       {IORING_OP_READ, IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_OPENAT, IORING_OP_STATX}) {
    all = all && io_uring_opcode_supported(probe, code) != 0;
  }
  io_uring_free_probe(probe);
  return all;
}

// Null where there is no io_uring, it is forbidden, or too old.
std::unique_ptr<io_uring> make_ring() {
  auto io = std::make_unique<io_uring>();
  io_uring_params params{};
  params.flags = IORING_SETUP_CQSIZE;
  params.cq_entries = 2 * most_in_flight;
  if (io_uring_queue_init_params(most_at_once, io.get(), &params) != 0) return nullptr;
  if (!can_do_all(*io) || io_uring_ring_dontfork(io.get()) != 0) {
    io_uring_queue_exit(io.get());
    return nullptr;
  }
  return io;
}

file_engine_kind asked_for() {
  const char* const text = std::getenv("ASYNC_FILE_IO");
  if (text == nullptr) return file_engine_kind::best;
  if (std::string_view(text) == "pool") return file_engine_kind::pool;
  if (std::string_view(text) == "uring") return file_engine_kind::uring;
  warn("ASYNC_FILE_IO is neither pool nor uring: ignored");
  return file_engine_kind::best;
}

class file_ring final : fork_participant {
 public:
  static file_ring& instance() {
    static file_ring* const it = new file_ring;  // never destroyed
    return *it;
  }

  std::error_code start(file_operation& operation) {
    if (!choose()) return detail::start(operation);
    const std::lock_guard lock(mutex_);
    if (in_flight_ >= most_in_flight) return {EAGAIN, std::system_category()};
    operation.retain();
    if (submit(operation)) return {};
    operation.release();  // the caller has a count of its own
    return {EAGAIN, std::system_category()};
  }

  // Whether there is a ring.
  bool choose() {
    {
      const std::lock_guard lock(mutex_);
      if (chosen_) return ring_ != nullptr;
    }
    return use(asked_for());
  }

  bool use(file_engine_kind kind) {
    // Watched without the lock, as fork_participant asks for.
    std::unique_ptr<io_uring> fresh = kind != file_engine_kind::pool ? make_ring() : nullptr;
    if (fresh && fdcb(fresh->ring_fd, selread, cwrap(color::fresh(), this, &file_ring::reap))) {
      io_uring_queue_exit(fresh.get());
      fresh = nullptr;
    }
    if (kind == file_engine_kind::uring && !fresh) warn("there is no io_uring: a pool is used");
    {
      const std::lock_guard lock(mutex_);
      if (in_flight_ == 0) {
        ring_.swap(fresh);
        chosen_ = true;
      }
    }
    if (fresh) {  // that of before, or another thread was faster
      fdcb(fresh->ring_fd, selread, nullptr);
      io_uring_queue_exit(fresh.get());
    }
    const std::lock_guard lock(mutex_);
    return ring_ != nullptr;
  }

  void use_submit(int (*submit)(io_uring*)) noexcept {
    const std::lock_guard lock(mutex_);
    submit_ = submit;
  }

  std::size_t drop_all() noexcept {
    std::vector<completion> ended;
    {
      const std::lock_guard lock(mutex_);
      while (in_flight_ > 0) {
        io_uring_cqe* entry = nullptr;
        if (io_uring_wait_cqe(ring_.get(), &entry) == 0) ended.push_back(take(entry));
      }
    }
    std::erase_if(ended, [](const completion& c) { return c.operation == nullptr; });
    for (const auto [operation, result] : ended) {
      (void)operation->step(result);  // an fd that was opened is its own, and is closed with it
      operation->abandon();
    }
    return ended.size();
  }

 private:
  file_ring() { join(); }

  // Under mutex_. False if the kernel does not take it.
  bool submit(file_operation& operation) noexcept {
    io_uring_sqe* entry = io_uring_get_sqe(ring_.get());
    // Full of what the kernel did not take before; it may now.
    if (entry == nullptr && submit_all()) entry = io_uring_get_sqe(ring_.get());
    if (entry == nullptr) return false;
    operation.prepare(*entry);
    io_uring_sqe_set_data(entry, &operation);
    if (submit_all()) {
      ++in_flight_;
      return true;
    }
    // It is the queue's last, and goes with a later one: as nothing.
    io_uring_prep_nop(entry);
    io_uring_sqe_set_data(entry, nullptr);
    return false;
  }

  // Under mutex_. True if the kernel has taken all that was in the queue.
  bool submit_all() noexcept {
    int taken;
    do taken = submit_(ring_.get());
    while (taken == -EINTR || (taken > 0 && io_uring_sq_ready(ring_.get()) != 0));
    return io_uring_sq_ready(ring_.get()) == 0;
  }

  // Under mutex_.
  completion take(io_uring_cqe* entry) noexcept {
    const completion ended{static_cast<file_operation*>(io_uring_cqe_get_data(entry)), entry->res};
    io_uring_cqe_seen(ring_.get(), entry);
    if (ended.operation != nullptr) --in_flight_;
    return ended;
  }

  void reap() {
    std::array<completion, most_at_once> ended;
    std::size_t count = 0;
    {
      const std::lock_guard lock(mutex_);
      io_uring_cqe* entry = nullptr;
      while (ring_ && count < ended.size() && io_uring_peek_cqe(ring_.get(), &entry) == 0) {
        ended[count++] = take(entry);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (ended[i].operation != nullptr) finish(*ended[i].operation, ended[i].result);
    }
  }

  // An operation whose thread has ended before the kernel began it is cancelled, and begun again.
  // One that the kernel does not wait for, as some do not if the fd is O_NONBLOCK, is the pool's.
  void finish(file_operation& operation, long result) {
    if (result == -EAGAIN && !detail::start(operation)) return operation.release();
    if (result != -ECANCELED && operation.step(result)) return operation.post();
    {
      const std::lock_guard lock(mutex_);
      if (submit(operation)) return;
    }
    if (!operation.step(-EAGAIN)) std::abort();  // an error ends every operation
    operation.post();
  }

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork_in_parent() noexcept override { mutex_.unlock(); }
  // The ring and its operations are the parent's; their memory is not even mapped here.
  void after_fork_in_child() noexcept override {
    if (ring_) close(ring_->ring_fd);
    parents_ = ring_.release();
    in_flight_ = 0;
    chosen_ = false;
    mutex_.unlock();
  }

  std::mutex mutex_;

  // Guarded by mutex_.
  std::unique_ptr<io_uring> ring_;  // null: the pool is used
  bool chosen_ = false;
  unsigned in_flight_ = 0;  // operations that the kernel has
  int (*submit_)(io_uring*) = &io_uring_submit;
  io_uring* parents_ = nullptr;
};

}  // namespace

std::error_code start_file_operation(file_operation& operation) {
  if (!operation.try_now()) return file_ring::instance().start(operation);
  operation.retain();
  operation.post();
  return {};
}

std::size_t drop_file_operations() noexcept { return file_ring::instance().drop_all(); }

bool use_file_engine(file_engine_kind kind) {
  return file_ring::instance().use(kind) == (kind == file_engine_kind::uring);
}

void use_file_submit(int (*submit)(io_uring*)) noexcept {
  file_ring::instance().use_submit(submit);
}

}  // namespace detail

const char* file_engine() { return detail::file_ring::instance().choose() ? "io_uring" : "pool"; }

}  // namespace async
