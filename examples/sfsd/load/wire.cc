// See wire.h.
#include "examples/sfsd/load/wire.h"

#include <sys/socket.h>

#include "async/err.h"

namespace sfs {
namespace {

constexpr std::size_t plain_buffer = 256 * 1024;

// What recv gave, or how it ended: a number of bytes; 0 if there is nothing now.
std::size_t received(ssize_t n) {
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0) async::fatal("a server has closed the connection");
  return static_cast<std::size_t>(n);
}

}  // namespace

load_wire::load_wire(client_channel::parts sealed, replies r)
    : socket_(std::move(sealed.socket)),
      to_server_(std::move(sealed.to_server)),
      plain_messages_(max_reply) {
  if (r == replies::of_one_length) {
    from_server_.emplace(std::move(sealed.from_server));
  } else {
    inbox_.emplace(max_reply);
    inbox_->open_with(std::move(sealed.from_server));
  }
}

load_wire::load_wire(fd_owner plain, replies r)
    : socket_(std::move(plain)), plain_messages_(max_reply) {
  if (r == replies::of_any_length) received_.resize(plain_buffer);
}

void load_wire::send(std::vector<std::uint8_t> calls) {
  if (!to_server_) {
    out_.copy(calls.data() + room_in_front, calls.size() - room_in_front);
    return;
  }
  calls.resize(calls.size() + record_tag_size);
  const auto now = std::chrono::steady_clock::now();
  if (to_server_->ratchet_due(calls.size(), now)) {
    std::uint8_t turn[record_overhead];
    to_server_->ratchet(turn, now);
    out_.copy(turn, sizeof turn);
  }
  to_server_->seal(record_type::data, calls);
  out_.print(std::move(calls));
}

bool load_wire::flush() {
  const async::io_result r = out_.output(fd());
  if (r.status == async::io_status::error)
    async::fatal("a server has closed the connection: %s", r.error.message().c_str());
  return r.status != async::io_status::would_block;
}

std::size_t load_wire::discard(std::size_t most) {
  return received(::recv(fd(), nullptr, most, MSG_TRUNC | MSG_DONTWAIT));
}

std::size_t load_wire::collect(bytes to) {
  return received(::recv(fd(), to.data(), to.size(), MSG_DONTWAIT));
}

void load_wire::skipped(std::uint64_t count, std::size_t message) noexcept {
  if (!from_server_) return;
  for (; count > 0; --count) from_server_->skip(message);
}

const_bytes load_wire::open(bytes collected) {
  const_bytes message = collected;
  if (from_server_) {
    if (frame_size(collected.data()) != collected.size())
      async::fatal("a reply has the wrong length");
    if (from_server_->open(collected) != opened::data) async::fatal("a record does not open");
    message = payload_of(collected);
  }
  const std::size_t length = message.size() - record_mark_size;
  if (load_be32(message.data()) != (last_fragment | length))
    async::fatal("a reply has the wrong length");
  return message.subspan(record_mark_size);
}

bool load_wire::key_is_used_up() const noexcept {
  return from_server_ && from_server_->next_number() >= epoch_limits().records;
}

bool load_wire::next(const_bytes& message) {
  if (!inbox_) {
    const auto got = plain_messages_.next(message);
    if (got == message_reader::got::failed) async::fatal("a server does not speak RPC");
    return got == message_reader::got::message;
  }
  switch (inbox_->next(message)) {
    case inbox::got::message:
      return true;
    case inbox::got::more:
      return false;
    case inbox::got::closed:
      async::fatal("a server has ended the connection");
    case inbox::got::failed:
      break;
  }
  async::fatal("a record does not open");
}

bool load_wire::receive() {
  if (inbox_) {
    const std::size_t n = collect(inbox_->space());
    inbox_->received(n);
    return n > 0;
  }
  const std::size_t n = collect(received_);
  plain_messages_.feed(const_bytes(received_).first(n));
  return n > 0;
}

}  // namespace sfs
