// What would be gained by which coloring: replays of a trace in all of them.
//
// Thread-safety: values.
#pragma once

#include <vector>

#include "replay.h"
#include "sites.h"

namespace advisor {

struct advice_options {
  std::vector<unsigned> cpus{1, 2, 4, 8, 16, 32, 64};
  // Sites with less of the CPU time than that are not tried.
  double least_share = 0.01;
  std::size_t most_sites = 12;
};

struct prediction {
  unsigned cpus = 0;
  ns length = 0;
  // How many times as fast as the program as it is, on one CPU. Of open arrivals: how many times as
  // soon a callback is over after its post.
  double speedup = 1;
  // The color that was busy for the largest share of the time, and that share.
  index busiest = none;
  double busy = 0;
  double mean_wait = 0;  // of a callback, from post to beginning, in ns
};

enum class verdict {
  gains,    // it pays, with those before it
  nothing,  // no difference of 1 %
  loses,    // it makes the program slower on some number of CPUs
};

struct trial {
  index site = none;
  std::vector<prediction> alone;
  // With those of the sites tried before it that gain: how much faster, on the number of CPUs where
  // that is most and where it is least.
  double most = 1;
  double least = 1;
  unsigned least_on = 1;
  verdict is = verdict::nothing;
};

struct advice {
  std::vector<prediction> as_is;
  std::vector<trial> trials;         // by CPU time of the site
  std::vector<prediction> together;  // all that gain
  // Without any color: as many copies of the program as CPUs, that share nothing (dealt_out()).
  std::vector<prediction> copies;
};

advice find_advice(const replay& r, const figures& f, arrival_model model,
                   const advice_options& options);

}  // namespace advisor
