// Plots as SVG.
//
// Thread-safety: values.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace advisor {

struct curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // both above 0
};

// Both axes are logarithmic, to the base of 2. A dashed line is what could be had at best: y = x.
// It needs the page's style, or `style`: CSS for itself alone.
std::string plot_of_speed(const std::vector<curve>& curves, const std::string& x_label,
                          const std::string& y_label, const std::string& style = {});

// Bars, the longest first; each has a text, and one behind it. The values are shares of 1.
struct bar {
  std::string name;
  double share = 0;
  std::string said;
};
std::string plot_of_bars(const std::vector<bar>& bars);

// As the text of an element or the value of an attribute.
std::string escaped(const std::string& text);

}  // namespace advisor
