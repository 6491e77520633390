// Streams: writing; see aios.h. Serves stage 6.
//
// What is written is flushed at the end of the stream's run(), or by one that is posted if none is
// under way: so what one callback writes goes out together.
#include <unistd.h>

#include <cstdarg>
#include <utility>

#include "async/aios.h"
#include "async/detail/aios_output.h"
#include "async/detail/packed_error.h"
#include "async/detail/spare.h"
#include "async/detail/transport.h"
#include "async/tls.h"

namespace async {

namespace {

// Writing no more than that to a pipe that poll() finds writable does not block (PIPE_BUF).
constexpr std::size_t cautious_bytes = 4096;

}  // namespace

// --- Queueing ---

// Null if what is written is to be dropped.
aios::output* aios::open_output() {
  if (output_ends_ || output_ended_) return nullptr;
  if (!out_) out_ = detail::spare<output>::take();
  return out_.get();
}

void aios::was_written() {
  if (watches_writing_) return;  // and will go on when the fd takes more
  unflushed_ = true;
  if (!running_) run_later();
}

void aios::write(std::string_view bytes) {
  output* const o = open_output();
  if (o == nullptr) return;
  o->queue.copy(bytes);
  was_written();
}

void aios::write(suio& bytes) {
  output* const o = open_output();
  if (o == nullptr) return bytes.clear();
  o->queue.take(bytes);
  was_written();
}

void aios::print(const void* data, std::size_t bytes, async::ptr<const refcount> owner) {
  output* const o = open_output();
  if (o == nullptr) return;
  o->queue.print(data, bytes, std::move(owner));
  was_written();
}

bool aios::format(const char* format, ...) {
  output* const o = open_output();
  if (o == nullptr) return true;
  std::va_list arguments;
  va_start(arguments, format);
  const bool done = o->queue.vformat(format, arguments);
  va_end(arguments);
  was_written();
  return done;
}

std::size_t aios::queued() const noexcept { return out_ ? out_->queue.resid() : 0; }

void aios::when_writable(written_cb::ref cb) {
  if (!out_) out_ = detail::spare<output>::take();
  out_->when_low = std::move(cb);
  if (output_ended_ || queued() <= options_->low) run_later();
}

void aios::when_written(written_cb::ref cb) {
  if (!out_) out_ = detail::spare<output>::take();
  // The end comes behind the last byte.
  const std::uint64_t end = output_ends_ ? 1 : 0;
  out_->marks.push_back({out_->written + out_->queue.resid() + end, std::move(cb)});
  if (output_ended_ || queued() == 0) run_later();
}

void aios::end_output() {
  if (output_ends_) return;
  output_ends_ = true;
  was_written();
}

// --- Flushing ---

bool aios::output_pending() const noexcept {
  if (output_ended_) return false;
  return queued() != 0 || output_ends_ || over_->has_output();
}

void aios::writable() {
  may_write_ = true;
  run();
}

void aios::flush() {
  unflushed_ = false;
  const bool ready = may_write_;
  may_write_ = false;
  if (output_pending() && (ready || !cautious_)) {
    suio none;
    const io_result result =
        over_->write(out_fd_, out_ ? out_->queue : none, cautious_ ? cautious_bytes : suio::all);
    if (result.bytes != 0) {
      if (out_) out_->written += result.bytes;
      note_time(active_since_);
      write_since_ = active_since_;
    }
    if (result.status == io_status::error) {
      fail_output(result.error);
      if (result.error.category() == tls_category()) fail(result.error);  // both directions
    } else if (result.status == io_status::done && output_ends_ && queued() == 0) {
      end_of_output();
    }
  }
  if (out_) call_written();
}

void aios::end_of_output() {
  if (in_fd_ != out_fd_ && !closing_) {
    watch_writing(false);
    over_->close(out_fd_);
    if (owned_) ::close(std::exchange(out_fd_, -1));
    output_ended_ = true;
    return;
  }
  const io_result result = over_->end(out_fd_, closing_);
  if (result.status == io_status::error) return fail_output(result.error);
  output_ended_ = result.status == io_status::done;
}

// Calls those whose bytes are written, or all if that can't be any more.
void aios::call_written() {
  const auto due = [this] {
    return !out_->marks.empty() && (output_ended_ || out_->marks.front().position <= out_->written);
  };
  // Those that are added meanwhile are called by the next run, which they have posted.
  for (std::size_t n = out_->marks.size(); n != 0 && due(); --n) {
    const auto cb = std::move(out_->marks.front().cb);
    out_->marks.erase(out_->marks.begin());
    cb(detail::unpacked_error(output_error_));
  }
  if (out_->when_low && (output_error_ != 0 || queued() <= options_->low)) {
    const auto cb = std::exchange(out_->when_low, nullptr);
    cb(detail::unpacked_error(output_error_));
  }
}

void aios::fail_output(std::error_code error) {
  if (output_error_ == 0) output_error_ = detail::packed_error(error);
  output_ends_ = output_ended_ = true;
  if (out_) out_->queue.clear();
}

void aios::drop_output() noexcept {
  if (!out_) return;
  // Kept where a run is under way, which may be at it.
  out_->queue.clear();
  out_->marks.clear();
  out_->when_low = nullptr;
  if (!running_) out_ = nullptr;
}

// To the spare ones, as good as new.
void aios::return_output() noexcept {
  out_->written = 0;
  detail::spare<output>::put(std::move(out_));
}

}  // namespace async
