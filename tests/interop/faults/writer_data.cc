// See writer.h. Here are the data: logs and slots.
#include <algorithm>

#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/remote.h"
#include "tests/interop/faults/writer.h"

namespace sfs::faults {
namespace {

constexpr std::chrono::milliseconds before_trying_again{50};

nfs_fh3 as_file(const writer::handle& h) noexcept {
  return as_handle(bytes(const_cast<std::uint8_t*>(h.data()), h.size()));
}

}  // namespace

// The server's write verifier in an answer. It must be another one than it was before a restart, or
// before a disk failed: else nobody would know what has to be written again.
std::uint64_t writer::take_verifier(const writeverf3 v) {
  const std::uint64_t now = load_be64(reinterpret_cast<const std::uint8_t*>(v));
  if (now == verifier_ && link_->restarts() != restarts_at_verifier_)
    wrong("the server was restarted and has the same write verifier");
  if (now == verifier_ && disk_failed_)
    wrong("the disk failed and the server has the same write verifier");
  verifier_ = now;
  restarts_at_verifier_ = link_->restarts();
  disk_failed_ = false;
  return now;
}

eventual<answer> writer::write(const handle& file, const record& r, stable_how how) {
  WRITE3head head{as_file(file), r.offset, r.size, how, r.size};
  return link_->call(NFS_PROGRAM, NFSPROC3_WRITE, encoded(xdr_WRITE3head, head), content_of(r));
}

// --- Logs ---

eventual<done> writer::write_logs() {
  for (unsigned number = 1; !stopping_; ++number) {
    co_await write_log("log-" + std::to_string(number));
    co_await remove_logs(room_wanted_ ? 1 : options_.most_logs);
    room_wanted_ = false;
  }
  --running_;
  co_return done{};
}

eventual<done> writer::remove_logs(std::size_t most) {
  while (old_logs_.size() > most) {
    const std::string oldest = old_logs_.front();
    old_logs_.pop_front();
    co_await remove(oldest);
  }
  co_return done{};
}

eventual<done> writer::write_log(std::string name) {
  const handle file = co_await create(name, GUARDED);
  if (file.empty()) co_return done{};
  old_logs_.push_back(name);
  for (std::uint64_t offset = 0; offset < options_.log_size && !stopping_;) {
    std::vector<piece> pieces(1 + below(8));
    for (piece& p : pieces) {
      const std::uint32_t more = options_.largest - record::smallest;
      p.what = {number_, record::smallest + below(more), next_record_++, offset};
      offset += p.what.size;
      book_.asked(name, p.what);
    }
    while (!std::ranges::all_of(pieces, &piece::stable)) {
      co_await write_pieces(file, name, pieces);
      if (room_wanted_) co_await remove_logs(1);
      room_wanted_ = false;
      if (stopping_ && is_full_) co_return done{};
    }
    is_full_ = false;
    co_await step(logs);
  }
  co_return done{};
}

// Writes what has not been written, and has it made stable. What is not stable afterwards has to be
// tried again.
eventual<done> writer::write_pieces(const handle& file, const std::string& name,
                                    std::vector<piece>& pieces) {
  const stable_how how = below(4) == 0 ? FILE_SYNC : UNSTABLE;
  std::vector<std::pair<piece*, eventual<answer>>> sent;
  for (piece& p : pieces)
    if (!p.written) sent.emplace_back(&p, write(file, p.what, how));
  bool good = true;
  for (auto& [p, later] : sent) {
    const answer a = co_await later;
    xdr_value<WRITE3res, xdr_WRITE3res> res;
    const nfsstat3 status = status_of(a, name);
    good &= passes(status, "WRITE") && res.decode(a.results);
    if (!good) continue;
    const WRITE3resok& ok = res->WRITE3res_u.resok;
    p->verifier = take_verifier(ok.verf);
    if (ok.count != p->what.size) good = passes(NFS3ERR_NOSPC, "the rest");
    if (ok.committed < how) wrong("WRITE: the data are less stable than they were to be");
    p->written = good;
    p->stable = good && how == FILE_SYNC;
    if (p->stable) book_.is_stable(name, p->what);
  }
  if (good) co_await commit(file, name, pieces);
  if (!good) co_await pause(before_trying_again);
  co_return done{};
}

eventual<done> writer::commit(const handle& file, const std::string& name,
                              std::vector<piece>& pieces) {
  if (std::ranges::all_of(pieces, &piece::stable)) co_return done{};
  COMMIT3args args{as_file(file), 0, 0};
  const answer a =
      co_await link_->call(NFS_PROGRAM, NFSPROC3_COMMIT, encoded(xdr_COMMIT3args, args));
  const nfsstat3 status = status_of(a, name);
  xdr_value<COMMIT3res, xdr_COMMIT3res> res;
  std::uint64_t verifier = 0;
  const bool good = passes(status, "COMMIT") && res.decode(a.results);
  if (good) verifier = take_verifier(res->COMMIT3res_u.resok.verf);
  disk_failed_ |= status == NFS3ERR_IO;
  for (piece& p : pieces) {
    if (p.stable) continue;
    p.stable = good && p.written && p.verifier == verifier;
    if (p.stable) book_.is_stable(name, p.what);
    if (!p.stable && p.written) ++counts_.written_again;
    p.written = p.stable;
  }
  if (!good) co_await pause(before_trying_again);
  co_return done{};
}

// --- Slots ---

eventual<done> writer::write_slots() {
  const std::uint32_t first = next_slots_;
  next_slots_ += slots_of_one_work;
  while (slot_file_.empty() && !stopping_) {
    if (first == 0) slot_file_ = co_await create(ledger::slot_file, GUARDED);
    if (slot_file_.empty()) co_await pause(before_trying_again);
  }
  while (!stopping_) {
    const std::uint32_t slot = first + below(slots_of_one_work);
    const std::uint32_t more = ledger::slot_size - record::smallest;
    const record r{number_, record::smallest + below(more), next_record_++,
                   std::uint64_t{slot} * ledger::slot_size};
    book_.slot_asked(slot, r.sequence);
    const stable_how how = below(2) ? FILE_SYNC : DATA_SYNC;
    const answer a = co_await write(slot_file_, r, how);
    xdr_value<WRITE3res, xdr_WRITE3res> res;
    const nfsstat3 status = status_of(a, "slots");
    const bool good = passes(status, "WRITE to a slot") && res.decode(a.results) &&
                      res->WRITE3res_u.resok.count == r.size;
    if (good) take_verifier(res->WRITE3res_u.resok.verf);
    if (good)
      book_.slot_written(slot);
    else
      book_.slot_failed(slot);
    if (!good) co_await pause(before_trying_again);
    co_await step(slots);
  }
  --running_;
  co_return done{};
}

}  // namespace sfs::faults
