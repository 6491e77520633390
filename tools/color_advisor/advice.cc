#include "advice.h"

#include <algorithm>

namespace advisor {

namespace {

constexpr double difference = 0.01;

class adviser {
 public:
  adviser(const replay& r, const figures& f, arrival_model model, const advice_options& options)
      : replay_(r),
        figures_(f),
        model_(model),
        options_(options),
        base_(r.run_on(1, recorded_coloring(r.recorded()))) {}

  advice find() {
    advice found;
    found.as_is = on_all({});
    std::vector<index> chosen;
    std::vector<prediction> with_chosen = found.as_is;
    for (const site_figures& s : figures_.sites) {
      if (found.trials.size() == options_.most_sites) break;
      if (!s.has_candidate() || !is_hot(s)) continue;
      trial t{.site = s.site, .alone = on_all({s.site})};
      std::vector<index> more = chosen;
      more.push_back(s.site);
      std::vector<prediction> with_it = chosen.empty() ? t.alone : on_all(more);
      judge(t, with_chosen, with_it);
      if (t.is == verdict::gains) {
        chosen = std::move(more);
        with_chosen = std::move(with_it);
      }
      found.trials.push_back(std::move(t));
    }
    found.together = std::move(with_chosen);
    for (const unsigned n : options_.cpus) {
      found.copies.push_back(on(n, dealt_out(replay_.recorded(), n)));
    }
    return found;
  }

 private:
  bool is_hot(const site_figures& s) const {
    return static_cast<double>(s.cpu + s.blocked) >=
           options_.least_share * static_cast<double>(figures_.cpu + figures_.blocked);
  }

  std::vector<prediction> on_all(const std::vector<index>& sites) {
    const coloring c = colored_by_object(replay_.recorded(), sites);
    std::vector<prediction> all;
    for (const unsigned n : options_.cpus) all.push_back(on(n, c));
    return all;
  }

  prediction on(unsigned cpus, const coloring& c) const {
    const outcome o = replay_.run_on(cpus, c);
    prediction p{.cpus = cpus, .length = o.length};
    if (o.length == 0) return p;
    const auto length = static_cast<double>(std::max<ns>(1, o.steady_length));
    p.speedup = model_ == arrival_model::closed ? static_cast<double>(base_.steady_length) / length
                                                : response(base_) / response(o);
    const auto busiest = std::max_element(o.busy.begin(), o.busy.end());
    p.busiest = static_cast<index>(busiest - o.busy.begin());
    p.busy = std::min(1., static_cast<double>(*busiest) / length);
    p.mean_wait =
        static_cast<double>(o.waited) / static_cast<double>(replay_.recorded().runs.size());
    return p;
  }

  // What passes from the posts of all callbacks to their ends.
  double response(const outcome& o) const {
    return static_cast<double>(std::max<ns>(1, o.waited + figures_.cpu + figures_.blocked));
  }

  static void judge(trial& t, const std::vector<prediction>& without,
                    const std::vector<prediction>& with) {
    t.least = 2;
    t.most = 0;
    for (std::size_t i = 0; i != with.size(); ++i) {
      const double ratio = with[i].speedup / without[i].speedup;
      t.most = std::max(t.most, ratio);
      if (ratio < t.least) {
        t.least = ratio;
        t.least_on = with[i].cpus;
      }
    }
    // What is lost on one CPU is made up for where there are several.
    if (t.most > 1 + difference) {
      t.is = verdict::gains;
    } else if (t.least < 1 - difference) {
      t.is = verdict::loses;
    }
  }

  const replay& replay_;
  const figures& figures_;
  const arrival_model model_;
  const advice_options& options_;
  const outcome base_;
};

}  // namespace

advice find_advice(const replay& r, const figures& f, arrival_model model,
                   const advice_options& options) {
  return adviser(r, f, model, options).find();
}

}  // namespace advisor
