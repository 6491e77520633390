// The report, for a terminal.
//
// Thread-safety: values.
#pragma once

#include <ostream>
#include <string>

#include "advice.h"
#include "arrivals.h"
#include "costs.h"
#include "sites.h"

namespace advisor {

struct report {
  std::string file;
  const trace& recorded;
  arrival_model model = arrival_model::closed;
  bool model_was_given = false;
  machine_costs machine;
  bool costs_were_given = false;
  trace_costs traced;
  const figures& of_sites;
  const advice& advised;
  ns replayed = 0;  // the length of the replay on as many CPUs as were recorded
};

void print_report(const report& r, std::ostream& out);

// A site as it is called: file.cc:17 and, short, the function in which that is.
std::string title_of(const site& s);
// A time with its unit.
std::string time_text(double ns);

}  // namespace advisor
