// One execution of a case under a chooser: which thread steps next, who is blocked, what went
// wrong.
//
// Serves no stage: part of the deterministic scheduler of tests/mp. The threads of a case are
// fibers. Each operation of explore::atomic, mutex and parker first calls `step`, which may leave
// the fiber for another; between two steps a thread runs alone. The engine knows every blocked
// thread, so a lost wake-up shows as "nobody can go on".
//
// Thread safety: none; one engine at a time is `now()`.
// Invariants: `current_` is the thread whose fiber runs, `nobody` on the root stack. A failed
// execution is never resumed, so its engine must outlive all that frames on the abandoned stacks
// refer to (explore.h keeps both for the rest of the process).
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/mp/explore/choice.h"
#include "tests/mp/explore/fiber.h"
#include "tests/mp/explore/memory.h"

namespace async::explore {

// What an execution may do besides running its threads in turn, each until it blocks.
struct bounds {
  unsigned preemptions = 2;  // switches away from a thread that could go on
  unsigned stale = 1;        // loads that return an old value, and failures of weak exchanges
  unsigned steps = 10000;    // more is reported as a failure: the case does not end
};

// A case, its type forgotten.
struct program {
  void* self = nullptr;
  unsigned threads = 0;
  void (*thread)(void* self, unsigned index) = nullptr;
  void (*quiesce)(void* self) = nullptr;  // or null
};

class engine {
 public:
  engine() = default;
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  // The engine with an execution in progress; null outside of explorations.
  static engine* now() noexcept { return now_; }
  // The same while one of the case's threads is running; null in set-up and `finish`.
  static engine* inside() noexcept {
    return now_ != nullptr && now_->current_ != nobody ? now_ : nullptr;
  }

  // From here on variables may be constructed.
  void begin(chooser& by, const bounds& limit, bool logging) {
    now_ = this;
    chooser_ = &by;
    bounds_ = limit;
    logging_ = logging;
    answers_.clear();
    steps_ = preempted_ = staled_ = 0;
    memory_.restart();
  }

  // Runs the threads until all are done, or one of them fails.
  void run(const program& p) {
    program_ = p;
    slots_ = p.threads + (p.quiesce != nullptr ? 1 : 0);
    while (fibers_.size() < slots_) {
      seats_.push_back(std::make_unique<seat>(seat{this, static_cast<unsigned>(fibers_.size())}));
      fibers_.push_back(std::make_unique<fiber>(&engine::live, seats_.back().get()));
    }
    states_.fill(state::done);
    std::fill_n(states_.begin(), p.threads, state::ready);
    quiesced_ = p.quiesce == nullptr;
    current_ = nobody;
    for (unsigned t = 0; t != p.threads; ++t) memory_.see_newest(t);  // of the set-up
    reschedule(false);
  }

  void end() { now_ = nullptr; }

  // For the primitives, from a thread of the case.

  // Another thread may go first. Call it before each operation that others can see or notice.
  void step() {
    if (++steps_ > bounds_.steps) fail("does not end: more steps than allowed");
    reschedule(true);
  }

  // The thread waits in a loop: it goes on after `changed`, or when nobody else can. (Were any step
  // of another enough, two loops could keep each other going for ever.)
  void relax() {
    if (++steps_ > bounds_.steps) fail("does not end: more steps than allowed");
    chooser_->waits(current_);
    states_[current_] = state::relaxing;
    reschedule(false);
  }

  // The step has changed something that a loop may be waiting for.
  void changed() {
    for (unsigned t = 0; t != slots_; ++t)
      if (states_[t] == state::relaxing) states_[t] = state::ready;
  }

  // The thread can't go on until somebody calls unblock(key).
  void block(const void* key, const char* what) {
    states_[current_] = state::blocked;
    waiting_[current_] = {key, what};
    reschedule(false);
  }
  void unblock(const void* key) {
    changed();
    for (unsigned t = 0; t != slots_; ++t)
      if (states_[t] == state::blocked && waiting_[t].key == key) states_[t] = state::ready;
  }

  // Which of n results the operation has; 0 costs nothing, any other is one of `bounds.stale`.
  unsigned result(unsigned n) {
    if (n <= 1) return 0;
    if (stale_left() == 0) {
      cut_ = true;
      return 0;
    }
    const unsigned taken = chooser_->result(n);
    note_answer(taken, true);
    return taken;
  }

  // The execution has failed. Does not return when called from a thread of the case.
  void fail(std::string what) {
    if (failed_) return;
    failed_ = true;
    what_ = std::move(what);
    if (current_ == nobody) return;
    note([&] { return "FAILS: " + what_; });
    leave();
  }

  // A line of the log, made only when there is one.
  template <class Text>
  void note(const Text& text) {
    if (!logging_) return;
    std::ostringstream line;
    if (current_ == nobody)
      line << "      ";
    else
      line << "  t" << current_ << "  ";
    line << text();
    log_.push_back(std::move(line).str());
  }

  explore::memory& memory() noexcept { return memory_; }
  unsigned me() const noexcept { return current_; }

  bool failed() const noexcept { return failed_; }
  bool cut() const noexcept { return cut_; }  // a bound has kept something from being tried
  void forget_cut() noexcept { cut_ = false; }
  unsigned steps() const noexcept { return steps_; }
  const std::string& what() const noexcept { return what_; }
  const std::vector<std::string>& log() const noexcept { return log_; }
  const std::vector<std::uint8_t>& answers() const noexcept { return answers_; }

 private:
  enum class state : std::uint8_t { ready, relaxing, blocked, done };
  struct wait {
    const void* key;
    const char* what;
  };
  struct seat {
    engine* owner;
    unsigned index;
  };

  // The life of a fiber: the same thread of one execution after the other.
  static void live(void* arg) {
    const seat& mine = *static_cast<seat*>(arg);
    for (;;) {
      mine.owner->run_thread(mine.index);
      mine.owner->states_[mine.index] = state::done;
      mine.owner->reschedule(false);
    }
  }

  void run_thread(unsigned index) {
    try {
      if (index < program_.threads) {
        program_.thread(program_.self, index);
      } else {
        memory_.see_all(index);
        program_.quiesce(program_.self);
      }
    } catch (const std::exception& e) {
      fail(std::string("an exception left the thread: ") + e.what());
    } catch (...) {
      fail("an exception left the thread");
    }
  }

  // Chooses the next thread and goes there. `first_runs`: the current one is a candidate.
  void reschedule(bool first_runs) {
    std::array<std::uint8_t, max_threads> list;
    unsigned n = 0;
    if (first_runs) list[n++] = static_cast<std::uint8_t>(current_);
    n = add_ready(list, n, first_runs);
    if (n == 0) n = last_resort(list);
    if (n == 0) return leave();
    if (first_runs && n > 1 && preemptions_left() == 0) {
      cut_ = true;
      n = 1;
    }
    unsigned taken = 0;
    if (n > 1) {
      taken = chooser_->thread({list.data(), n}, first_runs);
      note_answer(taken, false);
      if (first_runs && taken != 0) ++preempted_;
    }
    go(list[taken]);
  }

  unsigned add_ready(std::array<std::uint8_t, max_threads>& list, unsigned n, bool but_current) {
    for (unsigned t = 0; t != slots_; ++t)
      if (states_[t] == state::ready && !(but_current && t == current_))
        list[n++] = static_cast<std::uint8_t>(t);
    return n;
  }

  // Nobody is ready: threads in waiting loops look again; then it is time for `quiesce`; then,
  // unless all are done, the case is stuck. Returns how many can go on, 0 for the end.
  unsigned last_resort(std::array<std::uint8_t, max_threads>& list) {
    changed();
    if (const unsigned n = add_ready(list, 0, false); n != 0) return n;
    if (!quiesced_) {
      quiesced_ = true;
      states_[program_.threads] = state::ready;
      return add_ready(list, 0, false);
    }
    std::string stuck;
    for (unsigned t = 0; t != slots_; ++t)
      if (states_[t] == state::blocked)
        stuck += " t" + std::to_string(t) + " in " + waiting_[t].what + ";";
    if (!stuck.empty()) {
      failed_ = true;
      what_ = "nobody can go on:" + stuck;
    }
    return 0;
  }

  void go(unsigned next) {
    const unsigned from = current_;
    if (from == next) {
      states_[next] = state::ready;
      return;
    }
    current_ = next;
    (from == nobody ? root_ : *fibers_[from]).jump(*fibers_[next]);
  }

  void leave() {
    const unsigned from = current_;
    current_ = nobody;
    fibers_[from]->jump(root_);
  }

  void note_answer(unsigned taken, bool is_result) {
    answers_.push_back(static_cast<std::uint8_t>(taken));
    if (is_result && taken != 0) ++staled_;
  }

  unsigned preemptions_left() const { return bounds_.preemptions - preempted_; }
  unsigned stale_left() const { return bounds_.stale - staled_; }

  inline static engine* now_ = nullptr;

  chooser* chooser_ = nullptr;
  bounds bounds_;
  explore::memory memory_;
  program program_;

  fiber root_;
  std::vector<std::unique_ptr<seat>> seats_;
  std::vector<std::unique_ptr<fiber>> fibers_;
  unsigned slots_ = 0;  // the threads, and the one that runs `quiesce`
  std::array<state, max_threads> states_{};
  std::array<wait, max_threads> waiting_{};
  unsigned current_ = nobody;
  bool quiesced_ = false;

  unsigned steps_ = 0;
  unsigned preempted_ = 0;
  unsigned staled_ = 0;
  std::vector<std::uint8_t> answers_;
  bool cut_ = false;
  bool failed_ = false;
  std::string what_;
  bool logging_ = false;
  std::vector<std::string> log_;
};

// Within a thread of a case or its `finish`: the execution fails unless `holds`.
inline void check(bool holds, const char* what) {
  if (!holds && engine::now() != nullptr) engine::now()->fail(what);
}

// A line of the log of a failing execution.
inline void note(const std::string& text) {
  if (engine* e = engine::now()) e->note([&] { return text; });
}

}  // namespace async::explore
