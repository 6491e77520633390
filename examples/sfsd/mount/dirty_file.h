// One file's data that was written and that the server may not have on its disk yet: what is to be
// sent (queued), what is on its way (sent), and what the server has taken but might lose in a crash
// (uncommitted). Serves stages 5 and 6.
//
// A piece is sent again if its WRITE fails to arrive, and if the server says, by another verifier,
// that it has forgotten what it had taken. So that old data never lands on newer: pieces do not
// overlap; newer data takes the place of older, whatever became of that; and nothing is sent while
// an overlapping WRITE is on its way.
//
// Thread safety: one color (the default color).
// Invariants: pieces_ do not overlap, and are never empty. queued_ are the offsets of those to be
// sent. What memory they hold is counted in the gauge.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "examples/sfsd/base/bytes.h"
#include "suio/suio.h"
#include "wrap/refcnt.h"

namespace sfs {

// Memory for written data; counted for as long as anybody refers to it.
class write_block final : public async::refcount {
 public:
  write_block(std::size_t capacity, std::size_t& gauge);
  // Memory that came from malloc(), and that is freed by `give_back`.
  write_block(void* memory, std::size_t capacity, void (*give_back)(void*), std::size_t& gauge);
  ~write_block();

  std::uint8_t* data() noexcept { return memory_; }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  std::uint8_t* memory_;
  std::size_t capacity_;
  void (*give_back_)(void*);
  std::size_t& gauge_;
};

class dirty_file {
 public:
  // The gauge counts bytes of memory, and outlives the file and its blocks. A WRITE takes at most
  // `piece_size` bytes.
  explicit dirty_file(std::size_t& gauge, std::uint32_t piece_size = 65'536) noexcept
      : gauge_(gauge), piece_size_(piece_size) {}

  // New data. It is copied, unless it lies in `owner`, which is then kept.
  void put(std::uint64_t offset, const_bytes data, async::ptr<write_block> owner = nullptr);

  // Nothing of what was written is behind `size` any more.
  void truncate(std::uint64_t size);

  // Copies what was written, if all of it is here: then it need not be asked for.
  bool read(std::uint64_t offset, bytes to) const;

  bool is_clean() const noexcept { return pieces_.empty() && flights_.empty(); }
  bool has_queued() const noexcept { return !queued_.empty(); }
  bool has_unacknowledged() const noexcept { return !queued_.empty() || !flights_.empty(); }
  bool has_uncommitted() const noexcept { return uncommitted_ > 0; }
  std::uint64_t uncommitted() const noexcept { return uncommitted_; }
  std::uint64_t queued() const noexcept { return queued_bytes_; }
  std::uint64_t sent() const noexcept { return sent_bytes_; }
  // Where what the server has not acknowledged ends; 0 if there is nothing.
  std::uint64_t unacknowledged_end() const noexcept;
  // Whether some WRITE on its way reaches beyond `size`.
  bool sent_beyond(std::uint64_t size) const noexcept;

  struct flight {
    std::uint64_t number = 0;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
  };
  // Takes the next WRITE to be sent, and its data: a whole one, or if `part` is set any. Empty if
  // there is none, or if it has to wait for another one.
  std::optional<flight> next(bool part);
  async::suio data_of(const flight& f) const;

  // The server has taken `count` bytes of it; what is left is queued again.
  void taken(const flight& f, std::uint32_t count, bool committed, std::uint64_t verifier);
  // It will not take it: the data is lost.
  void lost(const flight& f);

  // A COMMIT that is sent now is about all that was taken until now.
  std::uint64_t mark() const noexcept { return taken_; }
  // The server's answer: what it took since it has this verifier is on its disk. What it has
  // forgotten is queued again.
  void committed(std::uint64_t mark, std::uint64_t verifier);

  // The server's answer was an error: what that COMMIT was about is lost.
  void give_up(std::uint64_t mark);

  // Nobody wants any of it.
  void drop();

 private:
  enum class state : std::uint8_t { queued, sent, uncommitted };
  struct piece {
    async::ptr<write_block> block;
    std::uint8_t* data = nullptr;
    std::uint32_t size = 0;
    state now = state::queued;
    std::uint64_t flight = 0;    // sent
    std::uint64_t taken = 0;     // uncommitted: when
    std::uint64_t verifier = 0;  // uncommitted
  };
  using pieces = std::map<std::uint64_t, piece>;

  void put_piece(std::uint64_t offset, const_bytes data, async::ptr<write_block> owner);
  bool append(std::uint64_t offset, const_bytes data);
  void carve(std::uint64_t offset, std::uint64_t end);
  pieces::iterator split(pieces::iterator at, std::uint64_t offset);
  pieces::iterator insert(std::uint64_t offset, piece p);
  pieces::iterator remove(pieces::iterator at);
  void count(std::uint64_t offset, const piece& p, bool in);
  void queue_again(pieces::iterator at);
  std::uint32_t run_length(pieces::const_iterator at) const noexcept;
  bool is_on_its_way(std::uint64_t offset, std::uint64_t end) const noexcept;
  void land(const flight& f) noexcept;

  std::size_t& gauge_;
  std::uint32_t piece_size_;
  pieces pieces_;
  std::set<std::uint64_t> queued_;
  std::vector<flight> flights_;
  std::uint64_t queued_bytes_ = 0, sent_bytes_ = 0, uncommitted_ = 0;
  std::uint64_t next_flight_ = 1, taken_ = 0;
};

}  // namespace sfs
