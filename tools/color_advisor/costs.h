// What the replay takes for granted beside the callbacks themselves, in ns.
//
// Thread-safety: values.
#pragma once

#include "trace_file.h"

namespace advisor {

// Of the machine that the program is to run on.
struct machine_costs {
  ns wake_call = 2'000;    // the waker's CPU is busy with it
  ns wake_delay = 10'000;  // until the woken CPU runs
  ns hand_over = 400;      // a callback begins on another CPU than that which posted it
  ns other_color = 40;     // a post to another color costs more than one to the own by that
};

// Measures the first three, between two threads of this process; takes some 30 ms. On one CPU they
// are what is above.
machine_costs measure_costs();

// Of the traced program, as the trace shows them.
struct trace_costs {
  ns between = 0;      // from one callback to the next that waits already
  ns look = 0;         // at readiness
  ns each_found = 0;   // and what each callback costs that it posts
  bool looks = false;  // it has an idle_waiter at all
};

trace_costs find_costs(const trace& t);

// Of the time in which a CPU waited for events or looked for them, what it was busy: a trace does
// not tell sleeping from looking.
ns busy_part(const idle& i, const trace_costs& costs);
// Whether it waited at all, so that what ended the wait came right then.
bool has_slept(const idle& i, const trace_costs& costs);

// Of the time of the CPUs that ran callbacks, the share in which they were busy.
double busy_share(const trace& t, const trace_costs& costs);

}  // namespace advisor
