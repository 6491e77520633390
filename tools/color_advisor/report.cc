#include "report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <iterator>
#include <vector>

namespace advisor {

namespace {

constexpr std::size_t most_sites = 12;

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
  char line[400];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  return line;
}

double per_cent(double part, double whole) { return whole == 0 ? 0 : 100 * part / whole; }
double per_cent(ns part, ns whole) {
  return per_cent(static_cast<double>(part), static_cast<double>(whole));
}

class printer {
 public:
  printer(const report& r, std::ostream& out) : r_(r), out_(out) {}

  void print() {
    print_head();
    print_sites();
    print_speedups();
    print_limits();
    print_losers();
  }

 private:
  const site& site_of(index i) const { return r_.recorded.sites[i]; }

  void print_head() {
    const trace& t = r_.recorded;
    out_ << r_.file << ": " << t.runs.size() << " callbacks of " << r_.of_sites.sites.size()
         << " sites under " << t.colors.size() << " colors, in "
         << time_text(static_cast<double>(t.window())) << " on " << t.cpus << " CPU"
         << (t.cpus == 1 ? "" : "s")
         << text(", busy for %.0f %%\n", 100 * busy_share(t, r_.traced));
    if (t.dropped != 0) {
      out_ << "  " << t.dropped << " older records were dropped: this is the end of the run only\n";
    }
    out_ << (r_.model == arrival_model::closed
                 ? "arrivals: closed: whoever waits for an answer asks again as long after it as "
                   "in the trace\n"
                 : "arrivals: open: all comes at its recorded time, however fast the program is\n");
    out_ << "costs: a wake-up " << time_text(static_cast<double>(r_.machine.wake_delay))
         << ", its call " << time_text(static_cast<double>(r_.machine.wake_call))
         << ", a callback's data from another CPU "
         << time_text(static_cast<double>(r_.machine.hand_over))
         << (r_.costs_were_given ? " (given)" : " (measured here, now)")
         << "\n       between callbacks " << time_text(static_cast<double>(r_.traced.between))
         << ", a look at readiness " << time_text(static_cast<double>(r_.traced.look)) << " and "
         << time_text(static_cast<double>(r_.traced.each_found))
         << " for each event (from the trace)\n";
    out_ << "check: replayed on " << t.cpus << " CPU" << (t.cpus == 1 ? "" : "s")
         << " as it was recorded, it takes " << time_text(static_cast<double>(r_.replayed))
         << text(" (%.1f %% of the recorded time", per_cent(r_.replayed, undisturbed()));
    const double taken = per_cent(t.preempted(), t.window() * t.cpus);
    if (taken >= 1 && r_.model == arrival_model::closed) {
      out_ << text(", of which others had %.0f %%: left out", taken);
    }
    out_ << ")\n";
  }

  // Without the time for which callbacks were kept from running.
  ns undisturbed() const {
    const trace& t = r_.recorded;
    if (r_.model == arrival_model::open) return t.window();
    return t.window() - t.preempted() / std::max(1u, t.cpus);
  }

  void print_sites() {
    out_ << "\nHot sites, by CPU time\n";
    std::size_t shown = 0;
    for (const site_figures& s : r_.of_sites.sites) {
      if (shown == most_sites || (shown > 0 && 1000 * (s.cpu + s.blocked) < r_.of_sites.cpu)) break;
      ++shown;
      print_site(s);
    }
    if (shown != r_.of_sites.sites.size()) {
      out_ << "  and " << r_.of_sites.sites.size() - shown << " that take less\n";
    }
  }

  void print_site(const site_figures& s) {
    out_ << text("%5.1f %%  ", per_cent(s.cpu, r_.of_sites.cpu)) << title_of(site_of(s.site))
         << "\n         " << s.runs << " runs of "
         << time_text(static_cast<double>(s.cpu) / static_cast<double>(s.runs)) << " each";
    if (s.blocked != 0) {
      out_ << ", and blocked for "
           << time_text(static_cast<double>(s.blocked) / static_cast<double>(s.runs));
    }
    out_ << "\n         color: ";
    print_sharing(s);
    out_ << "         candidate: ";
    if (s.objects == 0) {
      out_ << "none: it is bound to no object that is known\n";
    } else if (s.is_colored_by_object) {
      out_ << "none: each of its " << s.objects << " objects has a color already\n";
    } else {
      out_ << "the object it is bound to: " << s.objects << " different, known for "
           << text("%.0f %% of its runs%s\n",
                   per_cent(static_cast<double>(s.bound_runs), static_cast<double>(s.runs)),
                   s.objects == 1 ? "; with one object there is nothing to gain" : "");
    }
  }

  // Under which color it runs, and whose time that color's is.
  void print_sharing(const site_figures& s) {
    const share& first = s.colors.front();
    const color_figures& color = r_.of_sites.colors[first.of];
    if (s.colors.size() > 1) {
      out_ << s.colors.size() << " colors, of which " << r_.recorded.colors[first.of] << " has "
           << text("%.0f %% of its time; ", per_cent(first.cpu, s.cpu));
    } else {
      out_ << r_.recorded.colors[first.of] << "; ";
    }
    if (color.sites.size() == 1) {
      out_ << "nothing else runs under it\n";
      return;
    }
    out_ << text("of that color's time it has %.0f %%", per_cent(first.cpu, color.cpu));
    std::size_t shown = 0;
    for (const share& other : color.sites) {
      if (other.of == s.site) continue;
      if (++shown > 3 || 100 * other.cpu < color.cpu) break;
      out_ << text(", %s %.0f %%", site_of(other.of).name().c_str(),
                   per_cent(other.cpu, color.cpu));
    }
    out_ << "\n";
  }

  void print_line(const std::string& label, const std::vector<prediction>& all) {
    out_ << text("  %-44.44s", label.c_str());
    for (const prediction& p : all) {
      out_ << (r_.model == arrival_model::closed ? text("%8.2f", p.speedup)
                                                 : text("%8s", time_text(p.mean_wait).c_str()));
    }
    out_ << "\n";
  }

  void print_speedups() {
    out_ << (r_.model == arrival_model::closed
                 ? "\nPredicted speed-up against now on 1 CPU (upper bound: caches and memory "
                   "bandwidth are not modelled)\n"
                 : "\nPredicted wait of a callback, from post to beginning (lower bound: caches "
                   "and memory bandwidth are not modelled)\n");
    out_ << text("  %-44s", "CPUs");
    for (const prediction& p : r_.advised.as_is) out_ << text("%8u", p.cpus);
    out_ << "\n";
    print_line("as it is", r_.advised.as_is);
    std::size_t gaining = 0;
    for (const trial& t : r_.advised.trials) {
      print_line("by object: " + site_of(t.site).name(), t.alone);
      gaining += t.is == verdict::gains;
    }
    if (gaining > 1) print_line("all that gain, together", r_.advised.together);
    print_line("instead: a copy of it for each CPU", r_.advised.copies);
    out_ << "\n";
    std::size_t number = 0;
    for (const trial& t : r_.advised.trials) {
      if (t.is != verdict::gains) continue;
      ++number;
      out_ << "  " << number << ". color " << title_of(site_of(t.site)) << " by its object: "
           << text("up to %.2f times as fast%s\n", t.most,
                   number == 1 ? "" : " as with those above");
    }
    if (number == 0) out_ << "  No coloring by object gains 1 % or more.\n";
  }

  void print_limits() {
    const figures& f = r_.of_sites;
    const auto largest = std::max_element(
        f.colors.begin(), f.colors.end(),
        [](const color_figures& a, const color_figures& b) { return a.cpu < b.cpu; });
    out_ << "\nLimits\n";
    if (largest != f.colors.end() && f.cpu != 0) {
      const double part = per_cent(largest->cpu, f.cpu);
      out_ << "  the serial part: color " << r_.recorded.colors[largest->color]
           << text(
                  " has %.1f %% of the CPU time, so as it is, no number of CPUs gives more than "
                  "%.2f (Amdahl)\n",
                  part, 100 / part);
    }
    if (r_.model == arrival_model::closed) {
      out_ << "  the critical path, the longest chain of callbacks of which each waits for the one "
              "before: "
           << time_text(static_cast<double>(f.critical_path))
           << text(", so no coloring gives more than %.2f\n",
                   static_cast<double>(f.cpu + f.blocked) /
                       static_cast<double>(std::max<ns>(1, f.critical_path)));
    }
    print_saturation("as it is", r_.advised.as_is);
    print_saturation("with those colorings", r_.advised.together);
  }

  // How busy the busiest color is on each number of CPUs, and from where on it is the limit.
  void print_saturation(const std::string& which, const std::vector<prediction>& all) {
    out_ << text("  %-44s", ("busiest color, " + which).c_str());
    for (const prediction& p : all) out_ << text("%6.0f %%", 100 * p.busy);
    out_ << "\n";
    for (const prediction& p : all) {
      if (p.busy < 0.8 || p.busiest == none) continue;
      out_ << "    from " << p.cpus << (p.cpus == 1 ? " CPU" : " CPUs") << " on, color "
           << color_name(p.busiest) << " is the limit\n";
      break;
    }
  }

  std::string color_name(index color) const {
    const auto& names = r_.recorded.colors;
    return color < names.size() ? names[color] : "of an object";
  }

  void print_losers() {
    bool any = false;
    for (const trial& t : r_.advised.trials) {
      if (t.is != verdict::loses) continue;
      if (!any) out_ << "\nColorings that would make it slower\n";
      any = true;
      const auto& s = *std::find_if(r_.of_sites.sites.begin(), r_.of_sites.sites.end(),
                                    [&](const site_figures& f) { return f.site == t.site; });
      out_ << "  " << title_of(site_of(t.site)) << " by its object: "
           << text("%.2f of the speed on %u CPUs; a callback takes ", t.least, t.least_on)
           << time_text(static_cast<double>(s.cpu) / static_cast<double>(s.runs))
           << ", less than handing it over is worth\n";
    }
  }

  const report& r_;
  std::ostream& out_;
};

}  // namespace

std::string title_of(const site& s) {
  // The name of the function, without what it returns and takes.
  std::string function = s.function.substr(0, s.function.find('('));
  function.erase(0, function.rfind(' ') + 1);
  return s.name() + (function.empty() ? "" : " (in " + function + ")");
}

std::string time_text(double ns) {
  if (ns < 1e3) return text("%.0f ns", ns);
  if (ns < 1e6) return text("%.1f us", ns / 1e3);
  if (ns < 1e9) return text("%.1f ms", ns / 1e6);
  return text("%.2f s", ns / 1e9);
}

void print_report(const report& r, std::ostream& out) { printer(r, out).print(); }

}  // namespace advisor
