// Streams: how they begin, run, fail and end; see aios.h. Serves stages 2, 5 and 6.
//
// All that happens to a stream goes through run(), under its color: what has come is served to the
// outstanding read, again and again; what was written meanwhile is flushed; and settle() has the
// fds and the clock watched for what is then waited for, and lets go of what is not needed.
#include "async/aios.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "async/detail/aios_access.h"
#include "async/detail/aios_output.h"
#include "async/detail/deadlines.h"
#include "async/detail/packed_error.h"
#include "async/detail/spare.h"
#include "async/detail/transport.h"
#include "async/fd.h"

namespace async {

using detail::deadlines;

namespace {

// So many reads are served before others of our color have their turn.
constexpr int reads_in_a_row = 32;

ref<const aios_options> or_default(async::ptr<const aios_options> options) {
  static const auto& none = *new ref<const aios_options>(make_ref<aios_options>());
  return options ? ref<const aios_options>(std::move(options)) : none;
}

std::uint32_t in_ms(aios_options::ms limit) noexcept {
  constexpr aios_options::ms most = std::chrono::days(20);  // stamps are compared modulo 2^32
  return static_cast<std::uint32_t>(std::min(limit, most).count());
}

bool timed(const aios_options& o) noexcept {
  return (o.read_limit.count() | o.idle_limit.count() | o.write_limit.count() |
          o.handshake_limit.count()) > 0;
}

}  // namespace

// --- Beginning ---

aios::aios(int in, int out, detail::transport& over, async::ptr<const aios_options> options,
           color c, async::where site)
    : callback<void>(site),
      color_(std::move(c)),
      options_(or_default(std::move(options))),
      over_(&over),
      in_fd_(in),
      out_fd_(out) {
  if (in < 0) eof_ = true;
  if (out < 0) output_ended_ = true;
  note_time(begun_);
  active_since_ = begun_;
}

aios::~aios() {
  close_fds(true);
  over_->release();
}

// The last handle is gone, in any color. If there is no room to say that this is the end, we live
// on until that is said, as if we had been closed; once, as a stop may destroy what is posted.
void aios::finalize() {
  if (closing_ || output_ended_ || over_->end(out_fd_, true).status != io_status::would_block) {
    delete this;
    return;
  }
  const aios_t self = mkref(this);
  closing_ = output_ends_ = unflushed_ = true;
  run_later();
}

aios_t detail::aios_access::make(int in, int out, transport& over,
                                 async::ptr<const aios_options> options, color c,
                                 async::where site) {
  auto* made = new aios(in, out, over, std::move(options), std::move(c), site);
  made->retain_new();
  for (const int fd : {in, out}) {
    if (fd < 0) continue;
    if (const std::error_code failed = make_async(fd)) made->fail(failed);
  }
  return handle_access::take<aios_t>(made);
}

aios_t aios::make(int fd, async::ptr<const aios_options> options, color c, async::where site) {
  return make_pair(fd, fd, std::move(options), std::move(c), site);
}

aios_t aios::make_pair(int in, int out, async::ptr<const aios_options> options, color c,
                       async::where site) {
  return detail::aios_access::make(in, out, detail::plain_transport(), std::move(options),
                                   std::move(c), site);
}

aios_t ain() {
  static const auto& in = *new aios_t([] {
    auto* made =
        new aios(STDIN_FILENO, -1, detail::plain_transport(), nullptr, color(), where::current());
    made->owned_ = false;
    return mkref(made);
  }());
  return in;
}

aios_t aout() {
  static const auto& out = *new aios_t([] {
    auto* made =
        new aios(-1, STDOUT_FILENO, detail::plain_transport(), nullptr, color(), where::current());
    made->owned_ = false;
    made->cautious_ = true;
    return mkref(made);
  }());
  return out;
}

// --- Running ---

void aios::operator()() {
  fill();
  run();
}

void aios::run() {
  if (running_) return;
  running_ = true;
  // Also if a callback throws: what is left is then done by another run.
  struct at_the_end {
    aios& self;
    bool thrown = true;
    ~at_the_end() {
      self.running_ = false;
      if (thrown || self.unserved_ || self.unflushed_) self.run_later();
      self.settle();
    }
  } end{*this};
  for (int n = 0; n < reads_in_a_row && reader_; ++n) {
    if (!serve()) break;
  }
  if (!watches_writing_ || may_write_) {
    flush();
  } else if (out_) {
    call_written();
  }
  end.thrown = false;
}

// A stop may destroy it unrun; then the next one that is wanted is posted again.
struct aios::posted_run {
  async::ptr<aios> self;
  explicit posted_run(aios_t stream) noexcept : self(std::move(stream)) {}
  posted_run(posted_run&&) noexcept = default;
  ~posted_run() {
    if (self) self->run_posted_ = false;
  }
  void operator()() {
    const async::ptr<aios> stream = std::move(self);
    stream->run_posted_ = false;
    stream->run();
  }
  const void* bound_object() const noexcept { return self.get(); }
};

void aios::run_later() {
  if (run_posted_) return;
  run_posted_ = true;
  post(color_, posted_run(mkref(this)), where());
}

void aios::settle() {
  if (in_ && in_->empty()) detail::spare<suio>::put(std::move(in_));
  if (out_ && out_->idle()) return_output();
  if (closing_ && output_ended_) close_fds(true);
  const bool writing = output_pending() && !unflushed_;
  const bool reading = (reader_ || (writing && over_->waits_for_peer())) && !eof_ && error_ == 0;
  watch_reading(reading);
  watch_writing(writing && !over_->waits_for_peer());
  watch_time();
}

void aios::watch_reading(bool wanted) {
  if (wanted == watches_reading_) return;
  watches_reading_ = wanted;
  callback<void>::ptr self;
  if (wanted) self = mkref(this);
  if (const std::error_code failed = fdcb(in_fd_, selread, self)) {
    watches_reading_ = false;
    fail(failed);
  }
}

void aios::watch_writing(bool wanted) {
  if (wanted == watches_writing_) return;
  watches_writing_ = wanted;
  callback<void>::ptr cb;
  if (wanted) {
    note_time(write_since_);
    cb = cwrap(color_, mkref(this), &aios::writable);
  }
  if (const std::error_code failed = fdcb(out_fd_, selwrite, cb)) {
    watches_writing_ = false;
    fail(failed);
  }
}

// --- Failing and ending ---

void aios::fail(std::error_code error) {
  if (error_ == 0) error_ = detail::packed_error(error);
  fail_output(error);
  unserved_ = static_cast<bool>(reader_);  // nobody else has to be told
  if (!running_) run_later();
}

std::error_code aios::error() const noexcept {
  return detail::unpacked_error(error_ != 0 ? error_ : output_error_);
}

void aios::close() {
  const aios_t self = mkref(this);  // who holds us may be held by what the read's callback holds
  cancel_read();
  closing_ = output_ends_ = true;
  was_written();
  if (!running_) run_later();
}

void aios::abort() noexcept {
  const aios_t self = mkref(this);  // as in close()
  cancel_read();
  drop_output();
  closing_ = output_ends_ = output_ended_ = true;
  if (out_fd_ >= 0 && owned_) {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    setsockopt(out_fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  close_fds(false);
}

void aios::close_fds(bool politely) noexcept {
  const int in = std::exchange(in_fd_, -1);
  const int out = std::exchange(out_fd_, -1);
  eof_ = true;
  output_ends_ = output_ended_ = true;
  if (watches_reading_) fdcb(in, selread, nullptr);
  if (watches_writing_) fdcb(out, selwrite, nullptr);
  watches_reading_ = watches_writing_ = false;
  if (!owned_) return;
  if (out >= 0) {
    if (politely) over_->close(out);
    ::close(out);
  }
  if (in >= 0 && in != out) ::close(in);
}

// --- Time limits ---

void aios::set_options(async::ref<const aios_options> options) {
  const bool was_timed = timed(*options_);
  options_ = std::move(options);
  if (!was_timed) {  // nobody has looked at the clock
    note_time(begun_);
    read_since_ = active_since_ = write_since_ = begun_;
  }
  if (!running_) settle();
}

void aios::note_time(std::uint32_t& stamp) const noexcept {
  if (timed(*options_)) stamp = deadlines::stamp();
}

// When the first of the limits that apply now is reached; false if there is none.
bool aios::next_deadline(std::uint32_t& at) const noexcept {
  bool any = false;
  const auto consider = [&](aios_options::ms limit, std::uint32_t since) {
    if (limit.count() <= 0) return;
    const std::uint32_t end = since + in_ms(limit);
    if (!any || static_cast<std::int32_t>(end - at) < 0) at = end;
    any = true;
  };
  if (reader_ && !read_timed_out_) consider(options_->read_limit, read_since_);
  if (watches_reading_ || watches_writing_) consider(options_->idle_limit, active_since_);
  if (watches_writing_) consider(options_->write_limit, write_since_);
  if (watches_reading_ || watches_writing_) {
    if (over_->in_handshake()) consider(options_->handshake_limit, begun_);
  }
  return any;
}

// Sees to it that we look at the first deadline when it comes. A look that is earlier than need be
// is left as it is: moving a deadline away costs nothing.
void aios::watch_time() {
  std::uint32_t at = 0;
  const bool wanted = timed(*options_) && next_deadline(at);
  if (!timed_ && !wanted) return;
  if (timed_) {
    if (wanted && static_cast<std::int32_t>(deadline_ - at) <= 0) return;
    if (!deadlines::shared().remove(*this)) return;  // the look is on its way
    timed_ = false;
  }
  if (!wanted) return;
  timed_ = true;
  deadline_ = at;
  deadlines::shared().add(*this, at);
}

// If a stop destroys it unrun, the stream goes back among those that wait for their time.
struct aios::posted_look {
  async::ptr<aios> self;
  explicit posted_look(aios_t stream) noexcept : self(std::move(stream)) {}
  posted_look(posted_look&&) noexcept = default;
  ~posted_look() {
    if (self) deadlines::shared().add(*self, self->deadline_);
  }
  void operator()() {
    const async::ptr<aios> stream = std::move(self);
    stream->look_at_time();
  }
  const void* bound_object() const noexcept { return self.get(); }
};

void detail::aios_access::look_at_deadlines(aios& stream) {
  post(stream.color_, aios::posted_look(handle_access::take<aios_t>(&stream)), stream.where());
}

void aios::look_at_time() {
  timed_ = false;
  const std::uint32_t now = deadlines::stamp();
  const auto over = [now](aios_options::ms limit, std::uint32_t since) {
    return limit.count() > 0 && now - since >= in_ms(limit);
  };
  const aios_options& o = *options_;
  if (((watches_reading_ || watches_writing_) && over(o.idle_limit, active_since_)) ||
      (watches_writing_ && over(o.write_limit, write_since_)) ||
      (over_->in_handshake() && over(o.handshake_limit, begun_))) {
    fail(std::make_error_code(std::errc::timed_out));
  } else if (reader_ && over(o.read_limit, read_since_)) {
    read_timed_out_ = unserved_ = true;
  }
  run();
}

}  // namespace async
