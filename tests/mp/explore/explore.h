// Tries the interleavings of a small concurrent case, deterministically. The manual of tests/mp.
//
// Serves no stage: it tests stages 3 and 4. A case is a class; each execution makes a new object:
//
//   struct increments {
//     static constexpr unsigned threads = 2;
//     explore::atomic<int> n{0};
//     void thread(unsigned) { n.store(n.load() + 1); }
//     void finish() { explore::check(n.load() == 2, "an increment is lost"); }
//   };
//   EXPECT_TRUE(explore::holds(explore::all<increments>()));    // no: reports the schedule
//
// `thread(i)` is run for each i < threads, as fibers on one OS thread; every operation of
// explore::atomic, fence, mutex and parker is a point at which another may go on, and loads may
// return any value that the C++ memory model allows. `quiesce()`, if there is one, is run once when
// no thread can go on (all are done or blocked), as one more thread: it can check what must hold
// then, and end the blocked ones. `finish()`, if there is one, comes after all have ended.
// `explore::check` reports a failure. It is a failure, too, if nobody can go on, if a plain
// variable is used without order, if an exception leaves a thread, or if a thread does not end.
//
// `all` tries everything within a number of preemptions and of stale loads, raising the former from
// 0 (so the first failure found is a simple one). `random` draws schedules from a seed. A failure
// carries a `schedule`, which `again` runs once more with the same log; the environment variable
// ASYNC_EXPLORE=SCHEDULE makes every `all` and `random` do just that (use --gtest_filter).
//
// Thread safety: one exploration at a time. Invariant: a case must not depend on anything else than
// its own steps (no clocks, no addresses, no real threads).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/mp/explore/engine.h"
#include "tests/mp/explore/sync.h"

namespace async::explore {

// Where each switch is a system call, fewer of the schedules that come late in the search.
#if defined(ASYNC_EXPLORE_SWAPCONTEXT)
inline constexpr std::uint64_t most_schedules = 5000;
#else
inline constexpr std::uint64_t most_schedules = 2000000;
#endif

struct options {
  unsigned preemptions = 2;                  // `all`: tried with 0 .. preemptions
  unsigned stale = 1;                        // loads per execution that return an old value
  unsigned steps = 10000;                    // per execution
  std::uint64_t schedules = most_schedules;  // stop after so many
  std::uint64_t seed = 1;                    // `random`: of the first schedule
  unsigned length = 60;                      // `random`: about how many steps an execution has
};

struct result {
  bool failed = false;
  std::string what;      // what went wrong
  std::string schedule;  // has it again
  std::string log;       // each step of it
  std::uint64_t schedules = 0;
  std::uint64_t steps = 0;
  bool exhausted = false;  // `all`: everything within the bounds has been tried
  bool complete = false;   // `all`: and the bounds left nothing out
  double seconds = 0;
};

inline std::ostream& operator<<(std::ostream& out, const result& r) {
  out << r.schedules << " schedules, " << r.steps << " steps, " << r.seconds << " s"
      << (r.complete    ? ", complete"
          : r.exhausted ? ", all within the bounds"
                        : "");
  if (r.failed)
    out << "\n  " << r.what << "\n  run it again with ASYNC_EXPLORE=" << r.schedule << "\n"
        << r.log;
  return out;
}

// "p2s1:0102": the bounds, then the answer at each fork.
inline std::string write_schedule(const bounds& b, const std::vector<std::uint8_t>& answers) {
  std::string text = "p" + std::to_string(b.preemptions) + "s" + std::to_string(b.stale) + ":";
  for (const auto answer : answers) text += static_cast<char>('0' + answer);
  return text;
}

inline std::vector<std::uint8_t> read_schedule(std::string_view text, bounds& b) {
  std::vector<std::uint8_t> answers;
  const std::string copy(text);
  const char* at = copy.c_str();
  char* end = nullptr;
  if (*at == 'p') {
    b.preemptions = static_cast<unsigned>(std::strtoul(at + 1, &end, 10));
    at = end;
  }
  if (*at == 's') {
    b.stale = static_cast<unsigned>(std::strtoul(at + 1, &end, 10));
    at = end;
  }
  for (; *at != '\0'; ++at)
    if (*at >= '0' && *at <= '9') answers.push_back(static_cast<std::uint8_t>(*at - '0'));
  return answers;
}

// Runs executions of one kind of case.
template <class Case>
class runner {
 public:
  runner() : storage_(make_storage()) {}
  ~runner() {
    if (engine_->failed()) graveyard().emplace_back(std::move(engine_), std::move(storage_));
  }

  // One execution. False if it has failed.
  bool execute(chooser& by, const bounds& limit, bool logging = false) {
    engine& e = *engine_;
    e.begin(by, limit, logging);
    Case* made = new (storage_.get()) Case;
    if (!e.failed()) e.run(describe(made));
    // After a failure abandoned threads still refer to the case: it is left as it is.
    if (!e.failed()) {
      if constexpr (requires { made->finish(); }) made->finish();
    }
    if (!e.failed()) made->~Case();
    e.end();
    steps_ += e.steps();
    ++schedules_;
    return !e.failed();
  }

  engine& machine() { return *engine_; }
  std::uint64_t steps() const { return steps_; }
  std::uint64_t schedules() const { return schedules_; }

 private:
  struct release {
    void operator()(void* p) const { ::operator delete (p, std::align_val_t{alignof(Case)}); }
  };
  using storage = std::unique_ptr<void, release>;

  static storage make_storage() {
    return storage(::operator new (sizeof(Case), std::align_val_t{alignof(Case)}));
  }
  // Of failed executions. Reachable, so that no leak is reported.
  static auto& graveyard() {
    static auto* kept = new std::vector<std::pair<std::unique_ptr<engine>, storage>>;
    return *kept;
  }

  static program describe(Case* made) {
    static_assert(Case::threads < max_threads);
    program p;
    p.self = made;
    p.threads = Case::threads;
    p.thread = [](void* self, unsigned index) { static_cast<Case*>(self)->thread(index); };
    if constexpr (requires { made->quiesce(); })
      p.quiesce = [](void* self) { static_cast<Case*>(self)->quiesce(); };
    return p;
  }

  storage storage_;
  std::unique_ptr<engine> engine_ = std::make_unique<engine>();
  std::uint64_t steps_ = 0;
  std::uint64_t schedules_ = 0;
};

// The one execution with that schedule, logged.
template <class Case>
result again(std::string_view schedule, bounds limit = {}) {
  const auto answers = read_schedule(schedule, limit);
  same_way by(answers);
  runner<Case> run;
  run.execute(by, limit, true);
  const engine& e = run.machine();
  result r;
  r.failed = e.failed();
  r.what = e.what();
  r.schedule = write_schedule(limit, e.answers());
  r.schedules = run.schedules();
  r.steps = run.steps();
  constexpr std::size_t readable = 400;  // lines; the last ones tell the most
  const auto& log = e.log();
  if (log.size() > readable) r.log = "  ...\n";
  for (std::size_t i = log.size() - std::min(log.size(), readable); i != log.size(); ++i)
    r.log += log[i] + "\n";
  return r;
}

template <class Case, class Explore>
result timed(const options& o, const Explore& explore) {
  const auto started = std::chrono::steady_clock::now();
  if (const char* schedule = std::getenv("ASYNC_EXPLORE"))
    return again<Case>(schedule, {o.preemptions, o.stale, o.steps});
  result r;
  runner<Case> run;
  bounds limit{.preemptions = 0, .stale = o.stale, .steps = o.steps};
  explore(run, limit, r);
  const engine& e = run.machine();
  if (e.failed()) {
    const auto logged = again<Case>(write_schedule(limit, e.answers()), limit);
    r.failed = true;
    r.what = e.what();
    r.schedule = logged.schedule;
    r.log = logged.log;
    if (logged.what != r.what)
      r.log += "  (run again it ended differently: the case is not closed)\n";
  }
  r.schedules = run.schedules();
  r.steps = run.steps();
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return r;
}

template <class Case>
result all(const options& o = {}) {
  return timed<Case>(o, [&o](runner<Case>& run, bounds& limit, result& r) {
    for (limit.preemptions = 0; limit.preemptions <= o.preemptions; ++limit.preemptions) {
      every_way by;
      run.machine().forget_cut();
      do {
        if (run.schedules() == o.schedules) return;
        if (!run.execute(by, limit)) return;
      } while (by.next());
      r.exhausted = limit.preemptions == o.preemptions;
      if (!run.machine().cut()) {
        r.exhausted = r.complete = true;
        return;
      }
    }
  });
}

template <class Case>
result random(const options& o) {
  return timed<Case>(o, [&o](runner<Case>& run, bounds& limit, result&) {
    limit.preemptions = ~0U;
    while (run.schedules() != o.schedules) {
      random_way by(o.seed + run.schedules(), o.length);
      if (!run.execute(by, limit)) return;
    }
  });
}

}  // namespace async::explore
