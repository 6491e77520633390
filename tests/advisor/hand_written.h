// Traces that are written by hand: a line for each callback.
#pragma once

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "tools/color_advisor/advice.h"
#include "tools/color_advisor/trace_file.h"

namespace advisor::test {

// In us, as the file has them.
struct callback {
  int run;
  int site;
  std::string color;
  double begin;
  double length;
  double post = 0;
  int by = 0;          // 0: none
  double blocked = 0;  // of the length
  std::string object{};
  int cpu = 0;
};

// The file. All sites are in one source, their lines 10, 20, ...
inline std::string json_of(const std::vector<callback>& callbacks, double end,
                           const std::string& more_events = {}) {
  std::ostringstream out;
  out << R"({"displayTimeUnit":"ns","traceEvents":[
{"ph":"M","pid":1,"name":"process_name","args":{"name":"CPUs"}})";
  int sites = 0;
  for (const callback& c : callbacks) {
    sites = std::max(sites, c.site + 1);
    out << ",\n"
        << R"({"ph":"B","pid":1,"tid":)" << c.cpu + 1 << R"(,"ts":)" << c.begin
        << R"(,"name":"x","args":{"run":)" << c.run << R"(,"color":")" << c.color << R"(","site":)"
        << c.site << R"(,"post":)" << c.post;
    if (c.by != 0) out << R"(,"by":)" << c.by;
    if (!c.object.empty()) out << R"(,"object":")" << c.object << '"';
    out << "}},\n"
        << R"({"ph":"E","pid":1,"tid":)" << c.cpu + 1 << R"(,"ts":)" << c.begin + c.length
        << R"(,"args":{"cpu":)" << c.length - c.blocked;
    if (c.blocked != 0) out << R"(,"blocked":)" << c.blocked;
    out << "}}";
  }
  out << more_events << "\n],\n\"sites\":[";
  for (int i = 0; i != sites; ++i) {
    out << (i == 0 ? "" : ",") << R"({"file":"src/server.cc","line":)" << 10 * (i + 1)
        << R"json(,"function":"void server::step()"})json";
  }
  out << R"(],"otherData":{"format":1,"window_begin":0,"window_end":)" << end
      << R"(,"dropped":0,"runs":)" << callbacks.size() << "}}\n";
  return out.str();
}

inline trace read(const std::string& json) {
  std::istringstream in(json);
  return read_trace(in);
}

inline trace trace_of(const std::vector<callback>& callbacks, double end) {
  return read(json_of(callbacks, end));
}

// A machine on which nothing costs anything but the callbacks themselves.
inline constexpr machine_costs free_of_charge{0, 0, 0, 0};

// How long it takes on so many CPUs, in us.
inline double replayed(const trace& t, unsigned cpus, const std::vector<index>& by_object = {},
                       arrival_model model = arrival_model::closed,
                       const machine_costs& machine = free_of_charge) {
  const replay r(t, find_arrivals(t, model, {}), machine, {});
  return static_cast<double>(r.run_on(cpus, colored_by_object(t, by_object)).length) / 1000;
}

}  // namespace advisor::test
