// See connection.h.
#include "examples/sfsd/load/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "async/err.h"
#include "async/fd.h"
#include "examples/sfsd/rpc/message.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

constexpr std::size_t most_at_once = 1 << 20;
constexpr std::size_t low_water = 128 * 1024;
constexpr std::size_t longest_head = 2048;  // of a call, without a WRITE's data

float microseconds_since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration<float, std::micro>(std::chrono::steady_clock::now() - then).count();
}

}  // namespace

load_connection::load_connection(load_wire wire, std::unique_ptr<load_files> files,
                                 std::size_t reply_size, const load_options& o, load_totals& totals,
                                 async::callback<void>::ptr done)
    : wire_(std::move(wire)),
      files_(std::move(files)),
      job_(make_job(o, *files_)),
      options_(o),
      totals_(totals),
      done_cb_(std::move(done)),
      reply_size_(reply_size),
      reply_on_wire_(wire_.size_on_wire(reply_size)),
      slots_(o.window) {
  // Fewer wake-ups: the kernel waits until a good part of the window has come.
  if (replies_of(options_) == replies::of_one_length)
    wake_after(std::min(low_water, options_.window * reply_on_wire_ / 2));
  async::make_async(wire_.fd());
}

void load_connection::wake_after(std::size_t bytes) {
  const int enough = static_cast<int>(bytes);
  ::setsockopt(wire_.fd(), SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof enough);
}

void load_connection::begin() {
  async::fdcb(wire_.fd(), async::selread, async::wrap(this, &load_connection::readable));
  std::uint64_t first = options_.window;
  if (options_.calls) first = std::min(first, options_.calls);
  due_.resize(first);
  std::iota(due_.begin(), due_.end(), 0);
  send(due_);
  due_.clear();
}

void load_connection::end() {
  async::fdcb(wire_.fd(), async::selread, nullptr);
  async::fdcb(wire_.fd(), async::selwrite, nullptr);
  wire_.close();
}

// Makes these calls, as many of them in one record as fit.
void load_connection::send(const std::vector<std::uint32_t>& xids) {
  const auto now = clock::now();
  std::vector<std::uint8_t> calls(load_wire::room_in_front);
  for (const std::uint32_t xid : xids) {
    const std::size_t data = job_->what(xid) == operation::write ? options_.size : 0;
    if (calls.size() + longest_head + data > record_max_payload &&
        calls.size() > load_wire::room_in_front)
      wire_.send(std::exchange(calls, std::vector<std::uint8_t>(load_wire::room_in_front)));
    if (data) calls.reserve(record_overhead + record_max_payload + longest_head);
    job_->append(calls, xid);
    slots_[xid % options_.window] = {xid, now};
  }
  wire_.send(std::move(calls));
  asked_ += xids.size();
  if (asked_ == options_.calls) wake_after(1);  // not so much as elsewhen may be left to come
  if (replies_of(options_) == replies::of_one_length) batches_.push_back({asked_, now});
  write();
}

void load_connection::write() {
  const bool full = !wire_.flush();
  if (full == writing_) return;
  async::callback<void>::ptr cb;
  if (full) cb = async::wrap(this, &load_connection::write);
  async::fdcb(wire_.fd(), async::selwrite, cb);
  writing_ = full;
}

void load_connection::readable() {
  if (replies_of(options_) == replies::of_one_length)
    take_replies_of_one_length();
  else
    take_replies_of_any_length();
  if (options_.calls && done_ >= options_.calls) return finish();
  if (due_.empty()) return;
  send(due_);
  due_.clear();
}

// All calls have been answered: makes the job's last one, if there is one that has not been made.
void load_connection::finish() {
  if (load_job* const last = finishing_ ? nullptr : job_->last()) {
    finishing_ = true;
    std::vector<std::uint8_t> calls(load_wire::room_in_front);
    last->append(calls, static_cast<std::uint32_t>(asked_++));
    wire_.send(std::move(calls));
    return write();
  }
  if (done_ == asked_) (*done_cb_)();
}

void load_connection::take_replies_of_one_length() {
  const unsigned every = options_.check_every;
  while (done_ % every == every - 1 ? collect() : discard()) {}
  // Half a window at a time, so that a record carries many calls.
  if (asked_ - done_ > options_.window / 2) return;
  std::uint64_t end = done_ + options_.window;
  if (options_.calls) end = std::min(end, options_.calls);
  for (std::uint64_t xid = asked_; xid < end; ++xid)
    due_.push_back(static_cast<std::uint32_t>(xid));
}

// Throws away replies up to the next one that is to be checked. False if there is nothing now.
bool load_connection::discard() {
  const std::uint64_t before_check = options_.check_every - 1 - done_ % options_.check_every;
  const std::size_t n =
      wire_.discard(std::min<std::uint64_t>(before_check * reply_on_wire_ - part_, most_at_once));
  part_ += n;
  const std::uint64_t whole = part_ / reply_on_wire_;
  part_ %= reply_on_wire_;
  wire_.skipped(whole, reply_size_);
  one_length_done(whole);
  return n > 0;
}

// Collects the reply that is to be checked. False if there is nothing now.
bool load_connection::collect() {
  collected_.resize(reply_on_wire_);
  const std::size_t n = wire_.collect(bytes(collected_).subspan(part_));
  part_ += n;
  if (part_ < reply_on_wire_) return n > 0;
  part_ = 0;
  const const_bytes message = wire_.open(collected_);
  if (load_be32(message.data()) >= asked_) async::fatal("a reply is to no call");
  check(*job_, message);
  one_length_done(1);
  return true;
}

void load_connection::one_length_done(std::uint64_t replies) {
  count(0, replies);
  if (wire_.key_is_used_up())
    async::fatal("too many replies for one key: measure for a shorter time");
  auto& latencies = totals_.by_operation[static_cast<std::size_t>(job_->what(0))].latencies_us;
  for (; !batches_.empty() && batches_.front().end <= done_; batches_.pop_front())
    latencies.push_back(microseconds_since(batches_.front().sent));
}

void load_connection::take_replies_of_any_length() {
  do {
    for (const_bytes message; wire_.next(message);) {
      if (!finishing_) {
        slot_done(message);
      } else {
        check(*job_->last(), message);
        ++done_;
      }
    }
  } while (wire_.receive());
}

// Takes the reply to the call of a slot, which is free then.
void load_connection::slot_done(const_bytes message) {
  const std::uint32_t xid = message.size() < 4 ? 0 : load_be32(message.data());
  const slot& s = slots_[xid % options_.window];
  if (s.xid != xid) async::fatal("a reply is to no call");
  check(*job_, message);
  count(xid, 1);
  totals_.by_operation[static_cast<std::size_t>(job_->what(xid))].latencies_us.push_back(
      microseconds_since(s.sent));
  const std::uint64_t next = std::uint64_t{xid} + options_.window;
  if (!options_.calls || next < options_.calls) due_.push_back(static_cast<std::uint32_t>(next));
}

// Counts so many replies to calls like this one.
void load_connection::count(std::uint32_t xid, std::uint64_t replies) {
  done_ += replies;
  totals_.replies += replies;
  totals_.by_operation[static_cast<std::size_t>(job_->what(xid))].count += replies;
  totals_.bytes += replies * job_->bytes_moved(xid);
}

// Whether a reply, without its record mark, is what the job expects.
void load_connection::check(load_job& job, const_bytes message) {
  const auto r = parse_reply(message);
  if (!r || r->denied || r->status != rpc_accept::success)
    async::fatal("the server did not carry a call out");
  job.check(r->xid, r->results);
  ++totals_.checked;
}

}  // namespace sfs
