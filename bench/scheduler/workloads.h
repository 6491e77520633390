#pragma once
// The loads of the scheduler benchmarks, written once and run by every engine: the library's and
// the peers'. An engine posts a small function object `Task` to a color given by its index, keeps
// colors exclusive and in order, and has a default color besides. They exercise stages 3 to 5
// (posting, dequeuing, running).
//
// A load is `template <template <class> class Engine> class`, with the constructor (cpus, colors)
// and `run(callbacks)`, which returns when all have run. The tasks of one color need no atomics
// for what belongs to it.
//
// Thread safety: constructed and run by the measuring thread.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/support/placement.h"
#include "bench/support/work.h"

namespace bench {

/// Each color has one chain: a callback which posts itself to its own color until its share is
/// done.
template <template <class> class Engine>
class self_post {
 public:
  self_post(unsigned cpus, std::size_t colors) : colors_(colors), engine_(cpus, colors) {}

  void run(std::size_t callbacks) {
    live_ = colors_;
    const auto share = static_cast<std::uint32_t>(callbacks / colors_);
    engine_.run([&] {
      for (std::uint32_t i = 0; i < colors_; i++) engine_.post(i, hop{this, i, share});
    });
  }

 private:
  struct hop {
    self_post* load;
    std::uint32_t color;
    std::uint32_t left;

    void operator()() const {
      if (left > 1)
        load->engine_.post(color, hop{load, color, left - 1});
      else if (load->live_.fetch_sub(1) == 1)
        load->engine_.finish();
    }
  };

  std::size_t colors_;
  std::atomic<std::size_t> live_{0};
  Engine<hop> engine_;
};

/// `tokens` go round the colors: each callback posts the next one to the next color.
template <template <class> class Engine>
class cross_color {
 public:
  cross_color(unsigned cpus, std::size_t colors, std::size_t tokens)
      : colors_(colors), tokens_(tokens), engine_(cpus, colors) {}

  void run(std::size_t callbacks) {
    live_ = tokens_;
    const auto share = static_cast<std::uint32_t>(callbacks / tokens_);
    engine_.run([&] {
      for (std::size_t i = 0; i < tokens_; i++) {
        const auto color = static_cast<std::uint32_t>(i * colors_ / tokens_ % colors_);
        engine_.post(color, hop{this, color, share});
      }
    });
  }

 private:
  struct hop {
    cross_color* load;
    std::uint32_t color;
    std::uint32_t left;

    void operator()() const {
      if (left > 1) {
        const std::uint32_t next = color + 1 < load->colors_ ? color + 1 : 0;
        load->engine_.post(next, hop{load, next, left - 1});
      } else if (load->live_.fetch_sub(1) == 1) {
        load->engine_.finish();
      }
    }
  };

  std::size_t colors_, tokens_;
  std::atomic<std::size_t> live_{0};
  Engine<hop> engine_;
};

/// A thread that is none of the workers posts everything, round the colors.
template <template <class> class Engine>
class outside_post {
 public:
  outside_post(unsigned cpus, std::size_t colors)
      : colors_(colors), left_(colors), engine_(cpus, colors) {}

  void run(std::size_t callbacks) {
    const std::size_t share = callbacks / colors_;
    for (counter& left : left_) left.callbacks = share;
    live_ = colors_;
    engine_.run([&] {
      for (std::size_t n = 0; n < share; n++)
        for (std::size_t i = 0; i < colors_; i++) engine_.post(i, arrival{this, i});
    });
  }

 private:
  struct alignas(64) counter {
    std::size_t callbacks;
  };

  struct arrival {
    outside_post* load;
    std::size_t color;

    void operator()() const {
      if (--load->left_[color].callbacks == 0 && load->live_.fetch_sub(1) == 1)
        load->engine_.finish();
    }
  };

  std::size_t colors_;
  std::vector<counter> left_;
  std::atomic<std::size_t> live_{0};
  Engine<arrival> engine_;
};

/// What a server does: a callback of the default color hands work to a client's color, which
/// computes and hands the result back to the default color. `in_flight` requests are under way at
/// a time, spread evenly over the clients.
template <template <class> class Engine>
class triple {
 public:
  static constexpr std::uint32_t in_flight = 256;

  triple(unsigned cpus, std::size_t colors, work compute)
      : colors_(colors), compute_(compute), engine_(cpus, colors) {}

  void run(std::size_t triples) {
    to_start_ = std::max<std::size_t>(triples, in_flight) - in_flight;
    live_ = in_flight;
    const auto first = static_cast<std::uint32_t>(engine_.default_color());
    engine_.run([&] {
      for (std::uint32_t i = 0; i < in_flight; i++)
        engine_.post(first, step{this, i, stage::receive});
    });
  }

 private:
  enum class stage : std::uint32_t { receive, compute, reply };

  struct step {
    triple* load;
    std::uint32_t request;
    stage now;

    void operator()() const { load->advance(*this); }
  };

  void advance(step at) {
    switch (at.now) {
      case stage::receive:
        return engine_.post(at.request % colors_, step{this, at.request, stage::compute});
      case stage::compute:
        compute_();
        return engine_.post(engine_.default_color(), step{this, at.request, stage::reply});
      case stage::reply:
        if (to_start_ > 0) {
          to_start_--;
          engine_.post(engine_.default_color(), step{this, at.request, stage::receive});
        } else if (--live_ == 0) {
          engine_.finish();
        }
    }
  }

  std::size_t colors_;
  work compute_;
  std::size_t to_start_ = 0, live_ = 0;  // touched under the default color only
  Engine<step> engine_;
};

}  // namespace bench
