// See connection.h.
#include "examples/sfsd/load/connection.h"

#include <sys/socket.h>

#include <algorithm>

#include "async/err.h"
#include "async/fd.h"
#include "examples/sfsd/client/calls.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

// What a READ's reply has before the data: record mark, RPC header, status, attributes, count, eof,
// length.
constexpr std::size_t reply_head = record_mark_size + rpc_accepted_size + 4 + 88 + 12;
constexpr std::size_t most_at_once = 1 << 20;
constexpr int low_water = 128 * 1024;

}  // namespace

load_connection::load_connection(client_channel::parts parts, std::vector<std::uint8_t> handle,
                                 const_bytes content, std::uint64_t first_read,
                                 const load_options& o, load_totals& totals)
    : parts_(std::move(parts)),
      handle_(std::move(handle)),
      content_(content),
      first_read_(first_read),
      reads_in_file_(content.size() / o.read_size),
      options_(o),
      totals_(totals),
      reply_payload_(reply_head + (o.read_size + 3) / 4 * 4),
      reply_wire_(reply_payload_ + record_overhead) {
  // Fewer wake-ups: the kernel waits until a good part of the window has come.
  const int fd = parts_.socket.get();
  const int enough =
      static_cast<int>(std::min<std::size_t>(low_water, options_.window * reply_wire_ / 2));
  ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof enough);
  async::make_async(fd);
}

void load_connection::begin() {
  async::fdcb(parts_.socket.get(), async::selread, async::wrap(this, &load_connection::readable));
  send_reads(options_.window);
}

void load_connection::end() {
  async::fdcb(parts_.socket.get(), async::selread, nullptr);
  async::fdcb(parts_.socket.get(), async::selwrite, nullptr);
  parts_.socket = fd_owner();
}

// Asks for so many READs more, all in one record.
void load_connection::send_reads(unsigned count) {
  std::vector<std::uint8_t> calls(record_header_size);
  for (unsigned i = 0; i < count; ++i, ++asked_) {
    READ3args args{as_handle(handle_), offset_of(asked_), options_.read_size};
    append_call(calls, static_cast<std::uint32_t>(asked_), NFS_PROGRAM, NFSPROC3_READ,
                xdr_READ3args, args);
  }
  calls.resize(calls.size() + record_tag_size);
  const auto now = clock::now();
  if (parts_.to_server.ratchet_due(calls.size(), now)) {
    std::uint8_t turn[record_overhead];
    parts_.to_server.ratchet(turn, now);
    out_.copy(turn, sizeof turn);
  }
  parts_.to_server.seal(record_type::data, calls);
  out_.print(std::move(calls));
  batches_.push_back({asked_, now});
  write();
}

void load_connection::write() {
  const async::io_result r = out_.output(parts_.socket.get());
  if (r.status == async::io_status::error)
    async::fatal("a server has closed the connection: %s", r.error.message().c_str());
  const bool full = r.status == async::io_status::would_block;
  if (full == writing_) return;
  async::callback<void>::ptr cb;
  if (full) cb = async::wrap(this, &load_connection::write);
  async::fdcb(parts_.socket.get(), async::selwrite, cb);
  writing_ = full;
}

void load_connection::readable() {
  const bool check_all = options_.check_every == 1;
  while (true) {
    const bool check_this = check_all || done_ % options_.check_every == options_.check_every - 1;
    if (!(check_this ? collect() : discard())) break;
  }
  // Half a window at a time, so that a record carries many calls.
  const auto under_way = static_cast<unsigned>(asked_ - done_);
  if (under_way <= options_.window / 2) send_reads(options_.window - under_way);
}

namespace {

// What recv gave, or how it ended: a number of bytes; 0 if there is nothing now.
std::size_t received(ssize_t n) {
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0) async::fatal("a server has closed the connection");
  return static_cast<std::size_t>(n);
}

}  // namespace

// Throws away replies up to the next one that is to be checked. False if there is nothing now.
bool load_connection::discard() {
  const std::uint64_t before_check = options_.check_every - 1 - done_ % options_.check_every;
  const std::size_t wanted =
      std::min<std::uint64_t>(before_check * reply_wire_ - part_, most_at_once);
  const std::size_t n =
      received(::recv(parts_.socket.get(), nullptr, wanted, MSG_TRUNC | MSG_DONTWAIT));
  part_ += n;
  const std::uint64_t whole = part_ / reply_wire_;
  part_ %= reply_wire_;
  for (std::uint64_t i = 0; i < whole; ++i) parts_.from_server.skip(reply_payload_);
  reply_done(whole);
  return n > 0;
}

// Collects the reply that is to be checked. False if there is nothing now.
bool load_connection::collect() {
  collected_.resize(reply_wire_);
  const std::size_t n = received(
      ::recv(parts_.socket.get(), collected_.data() + part_, reply_wire_ - part_, MSG_DONTWAIT));
  part_ += n;
  if (part_ < reply_wire_) return n > 0;
  part_ = 0;
  check();
  reply_done(1);
  return true;
}

void load_connection::reply_done(std::uint64_t count) {
  done_ += count;
  totals_.replies += count;
  // Then the server sends a ratchet record between two replies, and the lengths do not fit any
  // more.
  if (parts_.from_server.next_number() >= epoch_limits().records)
    async::fatal("too many replies for one key: measure for a shorter time");
  while (!batches_.empty() && batches_.front().end <= done_) {
    totals_.latencies_us.push_back(
        std::chrono::duration<float, std::micro>(clock::now() - batches_.front().sent).count());
    batches_.pop_front();
  }
}

// Opens the collected reply and compares it with the file.
void load_connection::check() {
  if (frame_size(collected_.data()) != collected_.size())
    async::fatal("a reply has the wrong length");
  if (parts_.from_server.open(collected_) != opened::data) async::fatal("a record does not open");
  const auto r = parse_reply(payload_of(collected_).subspan(record_mark_size));
  xdr_value<READ3res, xdr_READ3res> res;
  if (!r || r->denied || r->status != rpc_accept::success || !res.decode(r->results) ||
      res->status != NFS3_OK)
    async::fatal("a READ failed");
  const auto& data = res->READ3res_u.resok.data;
  const auto* expected = content_.data() + offset_of(done_);
  if (r->xid != static_cast<std::uint32_t>(done_) || data.data_len != options_.read_size ||
      std::memcmp(data.data_val, expected, data.data_len) != 0)
    async::fatal("a READ gave something else than the file");
  ++totals_.checked;
}

}  // namespace sfs
