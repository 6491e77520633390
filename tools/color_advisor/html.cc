#include "html.h"

#include <cstdio>
#include <sstream>
#include <vector>

#include "plot.h"

namespace advisor {

namespace {

constexpr const char* head = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>color-advisor</title><style>
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em;
       color: #222; background: #fff; }
h1 { font-size: 1.4em; } h2 { font-size: 1.15em; margin-top: 2em; }
svg { width: 100%; max-width: 54em; font: 12px system-ui, sans-serif; }
pre { background: #f5f5f5; padding: 1em; overflow-x: auto; font-size: 13px; }
.grid { stroke: #ddd; } .ideal { stroke: #999; stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #1b1b1b; } pre { background: #262626; }
  text { fill: #ddd; } .grid { stroke: #3a3a3a; }
}
</style></head><body>
)";

curve curve_of(std::string name, const std::vector<prediction>& all) {
  curve c{.name = std::move(name), .points = {}};
  for (const prediction& p : all) c.points.emplace_back(p.cpus, p.speedup);
  return c;
}

std::string per_cent_text(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

void write_sites(const report& r, std::ostream& out) {
  out << "<h2>Hot sites, by CPU time</h2>\n";
  std::vector<bar> bars;
  for (const site_figures& s : r.of_sites.sites) {
    if (bars.size() == 12) break;
    const double share =
        r.of_sites.cpu == 0 ? 0 : static_cast<double>(s.cpu) / static_cast<double>(r.of_sites.cpu);
    bars.push_back({r.recorded.sites[s.site].name(), share, per_cent_text(share)});
  }
  out << plot_of_bars(bars);
}

std::string plot_of_speeds(const report& r, const std::string& style) {
  std::vector<curve> curves{curve_of("as it is", r.advised.as_is)};
  std::size_t gaining = 0;
  for (const trial& t : r.advised.trials) {
    if (t.is != verdict::gains) continue;
    ++gaining;
    if (curves.size() < 4) {  // with those that follow, as many as there are colors to draw with
      curves.push_back(curve_of("by object: " + r.recorded.sites[t.site].name(), t.alone));
    }
  }
  if (gaining > 1) curves.push_back(curve_of("together", r.advised.together));
  curves.push_back(curve_of("a copy for each CPU", r.advised.copies));
  const bool closed = r.model == arrival_model::closed;
  return plot_of_speed(curves, "CPUs", closed ? "speed-up" : "times as soon", style);
}

void write_speeds(const report& r, std::ostream& out) {
  const bool closed = r.model == arrival_model::closed;
  out << "<h2>" << (closed ? "Predicted speed-up" : "How much sooner a callback is over")
      << ", an upper bound</h2>\n<p>Against the program as it is, on one CPU. Caches and memory "
         "bandwidth are not modelled.</p>\n"
      << plot_of_speeds(r, {});
}

// How busy the busiest color is.
void write_limit(const char* title, const report& r, const std::vector<prediction>& all,
                 std::ostream& out) {
  out << "<h2>The busiest color, " << title << "</h2>\n";
  std::vector<bar> bars;
  for (const prediction& p : all) {
    const bool named = p.busiest < r.recorded.colors.size();
    bars.push_back({std::to_string(p.cpus) + (p.cpus == 1 ? " CPU" : " CPUs"), p.busy,
                    per_cent_text(p.busy) + " of the time: color " +
                        (named ? r.recorded.colors[p.busiest] : "of an object")});
  }
  out << plot_of_bars(bars);
}

}  // namespace

void write_page(const report& r, std::ostream& out) {
  out << head << "<h1>color-advisor: " << escaped(r.file) << "</h1>\n";
  write_speeds(r, out);
  write_sites(r, out);
  write_limit("as it is", r, r.advised.as_is, out);
  write_limit("with all colorings that gain", r, r.advised.together, out);
  std::ostringstream words;
  print_report(r, words);
  out << "<h2>In words</h2>\n<pre>" << escaped(words.str()) << "</pre>\n</body></html>\n";
}

void write_plot(const report& r, std::ostream& out) {
  out << plot_of_speeds(r,
                        "svg { background: #fff; font: 12px sans-serif; } .grid { stroke: #ddd; } "
                        ".ideal { stroke: #999; stroke-dasharray: 5 4; }");
}

}  // namespace advisor
