// color-advisor: reads a trace and says which callbacks to color, and what that would gain
// (docs/advisor.md).
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "html.h"
#include "report.h"

namespace {

constexpr const char* usage = R"(usage: color-advisor [OPTION...] TRACE

Reads a trace that a program has written with ASYNC_TRACE=TRACE, and tells which callbacks take the
time, which of them would gain from a color of their own, and how much on how many CPUs.

  --arrivals=closed|open  whether what comes from outside comes sooner if answered sooner, or at its
                          recorded time; if not given: closed if the CPUs were busy, else open
  --wake-delay=NS         from waking a CPU until it runs     (if not given, these are measured on
  --wake-call=NS          what that keeps the waker busy for   the machine that this runs on)
  --hand-over=NS          what a callback's data cost that another CPU had
  --html=FILE             also write a page with plots
  --plot=FILE             also write the plot of the speed-ups alone, as SVG
  --cpus=N,N,...          the numbers of CPUs; 1,2,4,8,16,32,64
)";

struct options {
  std::string file;
  std::string page, plot;
  std::optional<advisor::arrival_model> arrivals;
  std::optional<advisor::ns> wake_delay, wake_call, hand_over;
  advisor::advice_options advice;
};

[[noreturn]] void wrong(const std::string& what) {
  std::fprintf(stderr, "color-advisor: %s\n%s", what.c_str(), usage);
  std::exit(2);
}

advisor::ns number(std::string_view text, advisor::ns most) {
  advisor::ns n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 0 || n > most) {
    wrong("no number from 0 to " + std::to_string(most) + ": " + std::string(text));
  }
  return n;
}

std::vector<unsigned> numbers_of_cpus(std::string_view text) {
  std::vector<unsigned> found;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto n = number(text.substr(0, comma), 256);
    if (n == 0) wrong("a replay needs a CPU");
    found.push_back(static_cast<unsigned>(n));
    if (comma == std::string_view::npos) return found;
    text.remove_prefix(comma + 1);
  }
}

void take_option(options& o, std::string_view name, std::string_view value) {
  constexpr advisor::ns second = 1'000'000'000;
  if (name == "--arrivals" && value == "closed") {
    o.arrivals = advisor::arrival_model::closed;
  } else if (name == "--arrivals" && value == "open") {
    o.arrivals = advisor::arrival_model::open;
  } else if (name == "--wake-delay") {
    o.wake_delay = number(value, second);
  } else if (name == "--wake-call") {
    o.wake_call = number(value, second);
  } else if (name == "--hand-over") {
    o.hand_over = number(value, second);
  } else if (name == "--html") {
    o.page = value;
  } else if (name == "--plot") {
    o.plot = value;
  } else if (name == "--cpus") {
    o.advice.cpus = numbers_of_cpus(value);
  } else {
    wrong("unknown: " + std::string(name) + "=" + std::string(value));
  }
}

options parse(int argc, char** argv) {
  options o;
  for (int i = 1; i != argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      std::fputs(usage, stdout);
      std::exit(0);
    }
    if (argument.starts_with("--")) {
      const std::size_t equals = argument.find('=');
      if (equals == std::string_view::npos) wrong("unknown: " + std::string(argument));
      take_option(o, argument.substr(0, equals), argument.substr(equals + 1));
    } else if (o.file.empty()) {
      o.file = argument;
    } else {
      wrong("one trace at a time");
    }
  }
  if (o.file.empty()) wrong("which trace?");
  return o;
}

advisor::machine_costs costs_of(const options& o) {
  const bool all_given = o.wake_delay && o.wake_call && o.hand_over;
  advisor::machine_costs costs = all_given ? advisor::machine_costs{} : advisor::measure_costs();
  costs.wake_delay = o.wake_delay.value_or(costs.wake_delay);
  costs.wake_call = o.wake_call.value_or(costs.wake_call);
  costs.hand_over = o.hand_over.value_or(costs.hand_over);
  return costs;
}

void write_file(const advisor::report& r, const std::string& name,
                void (*write)(const advisor::report&, std::ostream&)) {
  std::ofstream out(name);
  write(r, out);
  out.close();
  if (!out) throw std::system_error(errno, std::generic_category(), name);
}

void advise(const options& o) {
  using namespace advisor;
  const trace t = read_trace_file(o.file);
  if (t.runs.empty()) throw bad_trace(o.file + ": no callback has run in it");
  constexpr double busy = 0.8;
  const trace_costs traced = find_costs(t);
  const arrival_model model = o.arrivals.value_or(
      busy_share(t, traced) >= busy ? arrival_model::closed : arrival_model::open);
  const machine_costs machine = costs_of(o);
  std::vector<arrival> arrivals = find_arrivals(t, model, traced);
  const figures f = find_figures(t, arrivals);
  const replay r(t, std::move(arrivals), machine, traced);
  const ns replayed = r.run_on(t.cpus, recorded_coloring(t)).length;
  const advice a = find_advice(r, f, model, o.advice);
  const report all{.file = o.file,
                   .recorded = t,
                   .model = model,
                   .model_was_given = o.arrivals.has_value(),
                   .machine = machine,
                   .costs_were_given = o.wake_delay && o.wake_call && o.hand_over,
                   .traced = traced,
                   .of_sites = f,
                   .advised = a,
                   .replayed = replayed};
  print_report(all, std::cout);
  if (!o.page.empty()) write_file(all, o.page, &write_page);
  if (!o.plot.empty()) write_file(all, o.plot, &write_plot);
}

}  // namespace

int main(int argc, char** argv) {
  unsetenv("ASYNC_TRACE");  // what is replayed is not traced
  const options o = parse(argc, argv);
  try {
    advise(o);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "color-advisor: %s\n", error.what());
    return 1;
  }
  return std::cout.flush() ? 0 : 1;
}
