#include "trace_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "trace_events.h"

namespace advisor {

namespace {

constexpr int cpus_group = 1;
constexpr int other_threads = 1000;
constexpr std::int64_t most_sites = 1 << 20;
constexpr double longest_sum = 1e18;  // of all runs' lengths, so that no time overflows

class builder final : public event_reader {
 public:
  void take(const event& e) override {
    if (e.pid != cpus_group) return;
    if (e.ph == "B") {
      begin(e);
    } else if (e.ph == "E") {
      end(e);
    } else if (e.ph == "X" && e.cat == "idle") {
      const ns begin = needed(e.ts, "ts");
      if (made_.idles.size() == most_runs) return;
      made_.idles.push_back({begin, begin + needed(e.dur, "dur"), 0, e.name == "sleep"});
    } else if (e.ph == "s" && e.tid == other_threads) {
      if (const auto found = of_run_.find(e.id); found != of_run_.end()) {
        pending_[found->second].from_thread = true;
      }
    }
  }

  void take(site s) override {
    if (made_.sites.size() == most_sites) throw bad_trace("it has too many sites");
    made_.sites.push_back(std::move(s));
  }

  void take(const summary& s) override { summary_ = s; }

  trace finish() {
    if (summary_.format < 0) throw bad_trace("it is no trace: otherData.format is missing");
    if (summary_.format != 1) {
      throw bad_trace("its format is " + std::to_string(summary_.format) + ", not 1");
    }
    if (summary_.window_begin < 0 || summary_.window_end < summary_.window_begin) {
      throw bad_trace("its window is missing or ends before it begins");
    }
    made_.window_begin = summary_.window_begin;
    made_.window_end = summary_.window_end;
    made_.dropped = static_cast<std::uint64_t>(summary_.dropped);
    keep_ended();
    double all = 0;
    for (const run& r : made_.runs) {
      if (r.site >= made_.sites.size()) throw bad_trace("a run is of a site that is not listed");
      if (std::min(r.begin, r.post) < made_.window_begin || r.end > made_.window_end) {
        throw bad_trace("a run is not within the window");
      }
      all += static_cast<double>(r.end - r.begin);
    }
    if (all > longest_sum) throw bad_trace("its runs take longer than those of any trace");
    const auto by_begin = [](const auto& a, const auto& b) { return a.begin < b.begin; };
    std::stable_sort(made_.idles.begin(), made_.idles.end(), by_begin);
    count_found();
    return std::move(made_);
  }

 private:
  static ns needed(ns value, const char* what) {
    if (value < 0) throw bad_trace(std::string("an event has no ") + what);
    return value;
  }

  void begin(const event& e) {
    if (pending_.size() == most_runs) return;
    const auto& a = e.args;
    if (e.tid < 1) throw bad_trace("a callback ran on no CPU");
    run r;
    r.begin = needed(e.ts, "ts");
    r.end = -1;
    r.site = static_cast<index>(std::min<std::int64_t>(needed(a.site, "site"), most_sites));
    r.color = color_named(a.color);
    r.object = std::strtoull(a.object.c_str(), nullptr, 16);
    r.cpu_number = static_cast<std::uint16_t>(std::min<std::int64_t>(e.tid - 1, 0xffff));
    r.posted = a.post >= 0;
    r.is_step = a.is_step;
    r.post = r.posted ? a.post : r.begin;
    if (r.post > r.begin) throw bad_trace("a run begins before it is posted");
    const index self = static_cast<index>(pending_.size());
    if (a.by >= 0) set_poster(r, a.by);
    if (!of_run_.try_emplace(needed(a.run, "run"), self).second) {
      throw bad_trace("two runs have the number " + std::to_string(a.run));
    }
    if (!open_.try_emplace(e.tid, self).second) {
      throw bad_trace("CPU " + std::to_string(e.tid - 1) + " ran two callbacks at one time");
    }
    pending_.push_back(r);
  }

  // A run is posted by one that began before it, so there are no circles.
  void set_poster(run& r, std::int64_t by) {
    const auto found = of_run_.find(by);
    if (found == of_run_.end()) {
      throw bad_trace("a run is posted by " + std::to_string(by) + ", which did not run before it");
    }
    const run& poster = pending_[found->second];
    if (r.post < poster.begin || (poster.end >= 0 && r.post > poster.end)) {
      throw bad_trace("a run is posted by " + std::to_string(by) + " while that did not run");
    }
    r.by = found->second;
  }

  void end(const event& e) {
    const auto found = open_.find(e.tid);
    if (found == open_.end()) {
      if (pending_.size() == most_runs) return;
      throw bad_trace("CPU " + std::to_string(e.tid - 1) + " ended a callback that it did not run");
    }
    run& r = pending_[found->second];
    open_.erase(found);
    r.end = needed(e.ts, "ts");
    if (r.end < r.begin) throw bad_trace("a run ends before it begins");
    r.cpu = std::min(needed(e.args.cpu, "cpu"), r.end - r.begin);
    r.blocked = std::clamp<ns>(e.args.blocked, 0, r.end - r.begin - r.cpu);
  }

  index color_named(const std::string& name) {
    const auto [place, is_new] =
        color_numbers_.try_emplace(name, static_cast<index>(made_.colors.size()));
    if (is_new) made_.colors.push_back(name);
    return place->second;
  }

  // A callback that was running at the end has no length, and so did not run. What it posted was
  // posted by none.
  void keep_ended() {
    std::vector<index> kept(pending_.size(), none);
    for (index i = 0; i != pending_.size(); ++i) {
      run& r = pending_[i];
      if (r.end < 0) {
        ++made_.unfinished;
        continue;
      }
      if (r.by != none) r.by = kept[r.by];
      kept[i] = static_cast<index>(made_.runs.size());
      made_.cpus = std::max(made_.cpus, r.cpu_number + 1u);
      made_.runs.push_back(r);
    }
    pending_.clear();
  }

  // What no callback and no other thread has posted, somebody has found who waited or looked.
  void count_found() {
    for (const run& r : made_.runs) {
      if (r.by != none || !r.posted || r.from_thread) continue;
      const auto behind = std::upper_bound(made_.idles.begin(), made_.idles.end(), r.post,
                                           [](ns time, const idle& i) { return time < i.begin; });
      // Of several CPUs that are idle, the one that began last need not be it.
      for (auto i = behind; i != made_.idles.begin() && behind - i < 8;) {
        if ((--i)->end >= r.post) {
          ++i->found;
          break;
        }
      }
    }
  }

  trace made_;
  summary summary_;
  std::vector<run> pending_;
  std::unordered_map<std::int64_t, index> of_run_;
  std::unordered_map<std::int64_t, index> open_;  // by lane
  std::unordered_map<std::string, index> color_numbers_;
};

}  // namespace

std::string site::name() const {
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(line);
}

ns trace::preempted() const noexcept {
  ns sum = 0;
  for (const run& r : runs) sum += r.end - r.begin - r.length();
  return sum;
}

trace read_trace(std::istream& in) {
  builder made;
  read_events(in, made);
  return made.finish();
}

trace read_trace_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  if (!in) throw std::system_error(errno, std::generic_category(), name);
  try {
    return read_trace(in);
  } catch (const bad_trace& error) {
    throw bad_trace(name + ": " + error.what());
  }
}

}  // namespace advisor
