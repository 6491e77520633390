// See connection.h. Here are the steps of a round that do not touch the socket.
#include "examples/sfsd/server/connection.h"

namespace sfs {
namespace {

constexpr std::size_t max_batch = 16;
constexpr std::size_t max_batch_data = 256 * 1024;

}  // namespace

// Ends the round, and the connection with it.
void connection::fail_round(const char* why) {
  failure_ = why;
  run(colors_.io, &connection::send);  // [crypto]
}

void connection::shake_hands() {
  inbox_.consume(handshake_->feed(inbox_.unopened()));
  out_.print(handshake_->take_output());
  after_ = after_round::wait;
  if (handshake_->failed()) after_ = after_round::close;
  if (handshake_->done()) {
    session_secrets s = handshake_->take_secrets();
    inbox_.open_with(receiver(s.suite, std::move(s.client_to_server)));
    sender_.emplace(s.suite, std::move(s.server_to_client), clock::now());
    handshake_.reset();
    enter(phase::open);
    after_ = after_round::go_on;
  }
  run(colors_.io, &connection::send);  // [crypto]
}

void connection::open_records() {
  batch_.clear();
  next_read_ = 0;
  after_ = after_round::go_on;
  for (std::size_t data = 0; batch_.size() < max_batch && data < max_batch_data;) {
    if (!take_call()) break;
    if (batch_.back().kind != call_class::read) break;  // it stays in the inbox until answered
    data += batch_.back().read.count;
  }
  if (failure_) return fail_round(failure_);
  if (batch_.empty()) return run(colors_.io, &connection::send);  // [crypto]
  run(colors_.files, &connection::read_files);                    // [crypto]
}

// Moves the next call from the inbox to the batch. False if there is none.
bool connection::take_call() {
  const_bytes message;
  switch (inbox_.next(message)) {
    case inbox::got::message:
      classify(message, batch_.emplace_back());
      if (batch_.back().kind != call_class::nonsense) return true;
      failure_ = "the client does not speak RPC";
      return false;
    case inbox::got::more:
      after_ = after_round::wait;
      return false;
    case inbox::got::closed:
      after_ = after_round::close;
      return false;
    case inbox::got::failed:
      break;
  }
  failure_ = "a record was forged, damaged or out of order";
  return false;
}

void connection::read_files() {
  const auto now = clock::now();
  for (; next_read_ < batch_.size(); ++next_read_) {
    const classified& c = batch_[next_read_];
    if (c.kind != call_class::read) return run(colors_.tables, &connection::answer);  // [all]
    const open_file* file = files_.find(c.read, now);
    if (!file) return run(colors_.tables, &connection::open_files);  // [all]
    replies_.push_back(read_file(c.read, file, NFS3_OK, pool_));
  }
  run(colors_.crypto, &connection::seal_replies);  // [crypto]
}

// Finds the file of the READ at which read_files stopped, or answers that there is none.
void connection::open_files() {
  const read_call& call = batch_[next_read_].read;
  nfsstat3 why = NFS3_OK;
  if (auto file = nfs_.open(call, why)) {
    files_.remember(call, std::move(file), clock::now());
  } else {
    replies_.push_back(read_file(call, nullptr, why, pool_));
    ++next_read_;
  }
  run(colors_.files, &connection::read_files);  // [all]
}

void connection::answer() {
  const classified& c = batch_[next_read_];
  replies_.push_back(c.kind == call_class::refused ? refuse(c, pool_) : nfs_.answer(c.call, pool_));
  run(colors_.crypto, &connection::seal_replies);  // [crypto]
}

void connection::seal_replies() {
  for (reply& r : replies_) seal_and_queue(std::move(r));
  replies_.clear();
  run(colors_.io, &connection::send);  // [crypto]
}

namespace {

// A reply that is being written. Its memory goes back to the pool when the last byte has gone.
class sent_reply final : public async::refcount {
 public:
  sent_reply(reply r, block_pool& pool) : reply_(std::move(r)), pool_(pool) {}
  ~sent_reply() override { pool_.give(reply_.release()); }
  reply& get() noexcept { return reply_; }

 private:
  reply reply_;
  block_pool& pool_;
};

}  // namespace

void connection::seal_and_queue(reply r) {
  const auto now = clock::now();
  const auto sent = async::make_ref<sent_reply>(std::move(r), pool_);
  const bytes frame = sent->get().frame();
  if (sender_->ratchet_due(frame.size() - record_overhead, now)) queue_ratchet();
  sender_->seal(record_type::data, frame);
  out_.print(frame.data(), frame.size(), sent);
}

void connection::queue_ratchet() {
  std::uint8_t frame[record_overhead];
  sender_->ratchet(frame, clock::now());
  out_.copy(frame, sizeof frame);
}

void connection::seal_goodbye() {
  after_ = after_round::close;
  if (sender_) {  // else the handshake is not over, and there is nobody to take leave of
    if (sender_->ratchet_due(0, clock::now())) queue_ratchet();
    std::uint8_t frame[record_overhead];
    sender_->seal(record_type::close, frame);
    out_.copy(frame, sizeof frame);
  }
  run(colors_.io, &connection::send);  // [crypto]
}

}  // namespace sfs
