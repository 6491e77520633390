// One connection of the load generator: keeps so many calls of a job under way and takes their
// replies. Where all replies have one length, the kernel throws them away, all but one in
// `check_every`, which is opened and checked (wire.h); else each is. Serves stages 5 and 6.
//
// Thread safety: one color (the default color).
// Invariants: `window` calls are under way except while new ones are being sent, and at the end;
// every reply is counted, and what is checked is right, or the program ends.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "examples/sfsd/load/job.h"
#include "examples/sfsd/load/wire.h"
#include "wrap/callback.h"

namespace sfs {

// What all connections count together.
struct load_totals {
  struct of_operation {
    std::uint64_t count = 0;
    // From sending a call to the end of its reply. Of replies of one length, only the last of those
    // that were asked for together has its time taken.
    std::vector<float> latencies_us;
  };
  std::array<of_operation, operations> by_operation;
  std::uint64_t replies = 0, checked = 0, bytes = 0;
};

class load_connection {
 public:
  // `reply_size` is that of all replies, record mark included, if they have one length. `done` is
  // called when as many calls as the options say have been made.
  load_connection(load_wire wire, std::unique_ptr<load_files> files, std::size_t reply_size,
                  const load_options& o, load_totals& totals, async::callback<void>::ptr done);

  void begin();
  // Stops watching the socket and closes it.
  void end();

 private:
  using clock = std::chrono::steady_clock;
  struct batch {
    std::uint64_t end;  // the number of the reply after its last one
    clock::time_point sent;
  };
  void send(const std::vector<std::uint32_t>& xids);
  void write();
  void readable();
  void finish();

  void wake_after(std::size_t bytes);
  void take_replies_of_one_length();
  bool discard();
  bool collect();
  void one_length_done(std::uint64_t count);

  void take_replies_of_any_length();
  void slot_done(const_bytes message);
  void check(load_job& job, const_bytes message);
  void count(std::uint32_t xid, std::uint64_t replies);

  load_wire wire_;
  std::unique_ptr<load_files> files_;
  std::unique_ptr<load_job> job_;
  load_options options_;
  load_totals& totals_;
  async::callback<void>::ptr done_cb_;
  bool writing_ = false;
  bool finishing_ = false;   // the job's last call has been made
  std::uint64_t asked_ = 0;  // calls sent
  std::uint64_t done_ = 0;   // replies whose last byte has come

  // Of one length.
  std::size_t reply_size_, reply_on_wire_;
  std::size_t part_ = 0;                 // bytes of the reply that has not come whole
  std::vector<std::uint8_t> collected_;  // of the reply that will be checked
  std::deque<batch> batches_;

  // Of any length.
  struct slot {
    std::uint32_t xid = 0;  // of the call that is under way
    clock::time_point sent;
  };
  std::vector<slot> slots_;
  std::vector<std::uint32_t> due_;  // calls that can be made now
};

}  // namespace sfs
