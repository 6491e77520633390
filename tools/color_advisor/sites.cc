#include "sites.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace advisor {

namespace {

void order(std::vector<share>& shares) {
  std::stable_sort(shares.begin(), shares.end(),
                   [](const share& a, const share& b) { return a.cpu > b.cpu; });
}

// Which objects a site's callbacks are bound to, and the color of each.
struct objects_of_site {
  std::unordered_map<std::uint64_t, index> color_of;
  std::unordered_set<index> colors;
  bool one_color_each = true;
};

std::vector<site_figures> find_sites(const trace& t) {
  std::vector<site_figures> found(t.sites.size());
  std::vector<objects_of_site> objects(t.sites.size());
  for (const run& r : t.runs) {
    site_figures& f = found[r.site];
    f.site = r.site;
    ++f.runs;
    f.cpu += r.cpu;
    f.blocked += r.blocked;
    if (r.object == 0) continue;
    ++f.bound_runs;
    objects_of_site& o = objects[r.site];
    const auto [place, is_new] = o.color_of.try_emplace(r.object, r.color);
    if (is_new && !o.colors.insert(r.color).second) o.one_color_each = false;
  }
  for (std::size_t i = 0; i != found.size(); ++i) {
    found[i].objects = objects[i].color_of.size();
    found[i].is_colored_by_object = objects[i].one_color_each && objects[i].colors.size() > 1;
  }
  return found;
}

// The end of the longest chain that ends with each run; returns the longest of all.
ns find_critical_path(const trace& t, const std::vector<arrival>& arrivals) {
  std::vector<index> after(t.runs.size(), none);
  for (const arrival& a : arrivals) after[a.run] = a.after;
  std::vector<ns> ends(t.runs.size(), 0), begins(t.runs.size(), 0);
  ns longest = 0;
  for (index i = 0; i != t.runs.size(); ++i) {
    const run& r = t.runs[i];
    if (r.by != none) {
      const run& by = t.runs[r.by];
      const double speed = by.end == by.begin ? 0
                                              : static_cast<double>(by.length()) /
                                                    static_cast<double>(by.end - by.begin);
      begins[i] = begins[r.by] + static_cast<ns>(static_cast<double>(r.post - by.begin) * speed);
    } else if (after[i] != none) {
      begins[i] = ends[after[i]];
    }
    ends[i] = begins[i] + r.length();
    longest = std::max(longest, ends[i]);
  }
  return longest;
}

}  // namespace

figures find_figures(const trace& t, const std::vector<arrival>& arrivals) {
  figures found;
  found.sites = find_sites(t);
  found.colors.resize(t.colors.size());
  std::map<std::pair<index, index>, ns> both;  // site and color
  for (const run& r : t.runs) {
    found.cpu += r.cpu;
    found.blocked += r.blocked;
    color_figures& color = found.colors[r.color];
    color.color = r.color;
    ++color.runs;
    color.cpu += r.cpu;
    both[{r.site, r.color}] += r.cpu;
  }
  for (const auto& [key, cpu] : both) {
    found.sites[key.first].colors.push_back({key.second, cpu});
    found.colors[key.second].sites.push_back({key.first, cpu});
  }
  for (site_figures& s : found.sites) order(s.colors);
  for (color_figures& c : found.colors) order(c.sites);
  std::erase_if(found.sites, [](const site_figures& s) { return s.runs == 0; });
  std::stable_sort(found.sites.begin(), found.sites.end(),
                   [](const site_figures& a, const site_figures& b) { return a.cpu > b.cpu; });
  found.critical_path = find_critical_path(t, arrivals);
  return found;
}

coloring recorded_coloring(const trace& t) {
  coloring c;
  c.count = static_cast<index>(t.colors.size());
  c.of_run.reserve(t.runs.size());
  for (const run& r : t.runs) c.of_run.push_back(r.color);
  return c;
}

coloring colored_by_object(const trace& t, const std::vector<index>& sites) {
  coloring c = recorded_coloring(t);
  std::vector<bool> chosen(t.sites.size(), false);
  for (const index s : sites) chosen[s] = true;
  std::unordered_map<std::uint64_t, index> of_object;
  for (std::size_t i = 0; i != t.runs.size(); ++i) {
    const run& r = t.runs[i];
    if (r.object == 0 || !chosen[r.site]) continue;
    const auto [place, is_new] = of_object.try_emplace(r.object, c.count);
    if (is_new) ++c.count;
    c.of_run[i] = place->second;
  }
  return c;
}

coloring dealt_out(const trace& t, unsigned copies) {
  coloring c{.of_run = {}, .count = copies};
  c.of_run.reserve(t.runs.size());
  std::unordered_map<std::uint64_t, index> of_object{{0, 0}};
  for (const run& r : t.runs) {
    if (r.by != none) {
      c.of_run.push_back(c.of_run[r.by]);
      continue;
    }
    const auto dealt = static_cast<index>(of_object.size() - 1);  // objects so far, without 0
    c.of_run.push_back(of_object.try_emplace(r.object, dealt % copies).first->second);
  }
  return c;
}

}  // namespace advisor
