// One connection of the load generator: keeps so many READs of one size under way and throws the
// replies away in the kernel, all but one in `check_every`, which it opens and compares with the
// file. That works because every reply has the same length and a record's nonce is its number.
// Serves stages 5 and 6.
//
// Thread safety: one color (the default color).
// Invariants: `window` READs are under way except while new ones are being sent; every reply is
// counted, and what is compared is equal, or the program ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

#include "examples/sfsd/client/channel.h"
#include "examples/sfsd/nfs/service.h"
#include "suio/suio.h"

namespace sfs {

struct load_options {
  std::uint32_t read_size = 8192;
  unsigned window = 32;       // READs under way on one connection
  unsigned check_every = 64;  // replies; 1 checks each
};

// What all connections count together.
struct load_totals {
  std::uint64_t replies = 0, checked = 0;
  std::vector<float> latencies_us;  // from sending a READ to the end of its reply
};

class load_connection {
 public:
  // `content` is the file, which the handle names on the server; `first_read` is where in it to
  // begin, in units of the size of a READ.
  load_connection(client_channel::parts parts, std::vector<std::uint8_t> handle,
                  const_bytes content, std::uint64_t first_read, const load_options& o,
                  load_totals& totals);

  void begin();
  // Stops watching the socket and closes it.
  void end();

 private:
  using clock = std::chrono::steady_clock;
  struct batch {
    std::uint64_t end;  // the number of the reply after its last one
    clock::time_point sent;
  };
  std::uint64_t offset_of(std::uint64_t read) const noexcept {
    return (first_read_ + read) % reads_in_file_ * options_.read_size;
  }
  void send_reads(unsigned count);
  void write();
  void readable();
  bool discard();
  bool collect();
  void reply_done(std::uint64_t count);
  void check();

  client_channel::parts parts_;
  std::vector<std::uint8_t> handle_;
  const_bytes content_;
  std::uint64_t first_read_, reads_in_file_;
  load_options options_;
  load_totals& totals_;
  std::size_t reply_payload_, reply_wire_;
  async::suio out_;
  bool writing_ = false;
  std::uint64_t asked_ = 0;              // READs sent
  std::uint64_t done_ = 0;               // replies whose last byte has come
  std::size_t part_ = 0;                 // bytes of the reply after those
  std::vector<std::uint8_t> collected_;  // of the reply that will be checked
  std::deque<batch> batches_;
};

}  // namespace sfs
