// What carrying out a call needs, and what it leaves to be told to others. Serves stage 5.
//
// Thread safety: a call_context belongs to one call; a write_verifier may be used from any thread.
// Invariant: none.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "examples/sfsd/nfs/export.h"
#include "examples/sfsd/nfs/lone_change.h"
#include "examples/sfsd/nfs/principal.h"

namespace sfs {

// Says to clients whether what they have written without stable storage is still there: it changes
// when the server starts, and when the disk may have lost something (RFC 1813, section 3.3.21).
class write_verifier {
 public:
  write_verifier();
  void put(writeverf3 to) const noexcept {
    store_be64(reinterpret_cast<std::uint8_t*>(to), value_.load(std::memory_order_acquire));
  }
  // The disk failed: what was written since the last COMMIT may be gone.
  void change() noexcept { value_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  std::atomic<std::uint64_t> value_;
};

// The files of whose attributes a call has told, and those that it has changed: what leases are
// about (server/leases.h). Nothing is noted that nobody wants to know.
struct lease_notes {
  bool note_shown = false, note_changed = false;
  std::vector<sealed_handle> shown, changed;

  void clear() noexcept {
    shown.clear();
    changed.clear();
  }
};

class recent_files;

struct call_context {
  export_tree& tree;
  const principal& who;
  write_verifier& verifier;
  change_watch& watch;
  lease_notes& notes;
  const recent_files& open;  // of the client

  void shown(const_bytes handle) const {
    if (notes.note_shown) notes.shown.emplace_back(handle);
  }
  void changed(const_bytes handle) const {
    if (notes.note_changed) notes.changed.emplace_back(handle);
  }
  void changed(const located& file) const {
    if (notes.note_changed) notes.changed.push_back(tree.handle_of(file));
  }
};

}  // namespace sfs
