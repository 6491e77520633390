// Who is told when a file changes: each client that has been given its attributes lately and asked
// for leases. Serves stage 5.
//
// A client's attributes are read under its own color, and what others change is done under theirs;
// the table is asked afterwards. So that nothing falls in between, changes are numbered: whoever
// notes that he was shown a file says which change was the last when he began to look, and is told
// at once if there was one of that file since.
//
// Nobody is waited for: a holder gets a message, and what he makes of it is his.
//
// Thread safety: one color (the default color; it is one of the server's shared tables), except
// last_change() and anyone(), which any thread may ask.
// Invariants: each holder has at most `max_leases`, none older than `term`. Who is not told of a
// change before his lease's end did not have one, or made the change himself.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "examples/sfsd/nfs/handles.h"

namespace sfs {

class lease_table {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t max_leases = 16384;

  class holder;

 private:
  struct watched;
  struct lease : boost::intrusive::list_base_hook<> {
    holder* who = nullptr;
    watched* file = nullptr;
    clock::time_point until;
    boost::intrusive::list_member_hook<> among_holders;  // in file->leases
  };
  using leases_of_file = boost::intrusive::list<
      lease, boost::intrusive::member_hook<lease, boost::intrusive::list_member_hook<>,
                                           &lease::among_holders>>;
  struct watched {
    sealed_handle handle;
    leases_of_file leases;
  };

 public:
  // Who can have leases. It has to leave() before it goes.
  class holder {
   public:
    // These files have changed. Called under the table's color.
    virtual void leases_ended(std::span<const sealed_handle> files) = 0;

   protected:
    holder() = default;
    ~holder() = default;

   private:
    friend lease_table;
    std::unordered_map<watched*, lease> by_file_;
    boost::intrusive::list<lease> leases_;  // those, front: ends first
    std::vector<sealed_handle> to_tell_;
    bool joined_ = false;
  };

  explicit lease_table(clock::duration term) noexcept : term_(term) {}

  clock::duration term() const noexcept { return term_; }

  // The number of the last change: for show().
  std::uint64_t last_change() const noexcept { return last_.load(std::memory_order_acquire); }

  // Whether anybody wants to know what changes: to be asked when the change has been made. Who
  // joins later looks later, and sees it.
  bool anyone() const noexcept {
    // A write, so that the question does not overtake the change.
    return holders_.fetch_add(0, std::memory_order_seq_cst) > 0;
  }

  void join(holder& h) noexcept;
  void leave(holder& h) noexcept;

  // The holder was shown these files by looks that began when `seen` was the last change.
  void show(holder& h, std::span<const sealed_handle> files, std::uint64_t seen,
            clock::time_point now);

  // These files have changed; `by`, which may be null, did it and knows.
  void change(std::span<const sealed_handle> files, const holder* by, clock::time_point now);

  std::size_t size() const noexcept { return files_.size(); }

 private:
  struct changed {
    std::uint64_t number;
    sealed_handle file;
    const holder* by;
  };
  static constexpr std::size_t max_remembered = 1024;

  static std::string_view key_of(const sealed_handle& h) noexcept {
    return {reinterpret_cast<const char*>(h.held), h.size};
  }
  bool has_changed(const holder& h, const sealed_handle& file, std::uint64_t seen) const noexcept;
  void grant(holder& h, const sealed_handle& file, clock::time_point now);
  void end(lease& l) noexcept;  // it is gone then
  void expire(holder& h, clock::time_point now) noexcept;

  clock::duration term_;
  std::atomic<std::uint64_t> last_{0};
  mutable std::atomic<std::size_t> holders_{0};
  std::unordered_map<std::string_view, std::unique_ptr<watched>> files_;  // keys are in the values
  std::deque<changed> recent_;                                            // back: the last change
};

}  // namespace sfs
