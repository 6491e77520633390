// See connection.h. Here are the steps of a round that do not touch the socket.
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/server/connection.h"
#include "examples/sfsd/server/server.h"

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
    session_id_ = s.id;
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
  next_ = 0;
  after_ = after_round::go_on;
  batch_began_ = clock::now();
  last_change_ = server_.leases().last_change();
  for (std::size_t data = 0; batch_.size() < max_batch && data < max_batch_data;) {
    if (!take_call()) break;
    const classified& c = batch_.back();
    if (c.kind == call_class::data) data += c.data.count;
    const bool copied = c.kind == call_class::data && !c.data.writes;
    if (!copied && !inbox_.stays()) break;
  }
  if (failure_) return fail_round(failure_);
  if (batch_.empty()) return run(colors_.io, &connection::send);  // [crypto]
  run(colors_.files, &connection::serve);                         // [crypto]
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

void connection::seal_replies() {
  spoken_ = spoken_ || !replies_.empty();
  for (reply& r : replies_) seal_and_queue(std::move(r));
  replies_.clear();
  for (const classified& c : batch_) metrics::count_operation(c.call.program, c.call.procedure);
  metrics::count_latency(clock::now() - batch_began_);
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
  const auto sent = async::make_ref<sent_reply>(std::move(r), pool_);
  const bytes frame = sent->get().frame();
  make_room(frame.size() - record_overhead);
  sender_->seal(record_type::data, frame);
  out_.print(frame.data(), frame.size(), sent);
}

// Sees to it that so many bytes may be sealed with the present key.
void connection::make_room(std::size_t payload) {
  const auto now = clock::now();
  if (!sender_->ratchet_due(payload, now)) return;
  std::uint8_t frame[record_overhead];
  sender_->ratchet(frame, now);
  out_.copy(frame, sizeof frame);
}

// Tells the client what has changed: a call that it does not reply to.
void connection::seal_news() {
  std::vector<sfs_handle> handles;
  for (sealed_handle& h : news_) handles.push_back({{h.size, reinterpret_cast<char*>(h.held)}});
  INVALIDATEargs args{{static_cast<u_int>(handles.size()), handles.data()}};
  std::vector<std::uint8_t> frame(record_header_size);
  const std::size_t room = 8 + handles.size() * (4 + max_sealed_handle);
  append_call(frame, 0, SFS_CALLBACK_PROGRAM, SFSCB_INVALIDATE, xdr_INVALIDATEargs, args, 0, room);
  frame.resize(frame.size() + record_tag_size);
  make_room(frame.size() - record_overhead);
  sender_->seal(record_type::data, frame);
  out_.print(std::move(frame));
  news_.clear();
  run(colors_.io, &connection::send);  // [crypto]
}

void connection::seal_goodbye() {
  after_ = after_round::close;
  if (sender_) {  // else the handshake is not over, and there is nobody to take leave of
    make_room(0);
    std::uint8_t frame[record_overhead];
    sender_->seal(record_type::close, frame);
    out_.copy(frame, sizeof frame);
  }
  run(colors_.io, &connection::send);  // [crypto]
}

}  // namespace sfs
