#include "plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace advisor {

namespace {

// Told apart by those who see few colors, too.
constexpr std::array colors{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};

std::string number(double n) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", n);
  return text;
}

// Of what is next to nothing, that of 1/1024.
double exponent_of(double n) { return std::log2(std::max(n, 1. / 1024)); }

// The next power of 2 that is not below, as its exponent.
int exponent_above(double n) {
  return static_cast<int>(std::ceil(std::log2(std::max(n, 1.)) - 1e-9));
}

class speed_plot {
 public:
  explicit speed_plot(const std::vector<curve>& curves) : curves_(curves) {
    double most_x = 2, most_y = 2;
    for (const curve& c : curves) {
      for (const auto& [x, y] : c.points) {
        most_x = std::max(most_x, x);
        most_y = std::max(most_y, y);
        least_y_ = std::min(least_y_, static_cast<int>(std::floor(exponent_of(y) + 0.05)));
      }
    }
    most_x_ = exponent_above(most_x);
    most_y_ = exponent_above(most_y);
  }

  std::string draw(const std::string& x_label, const std::string& y_label,
                   const std::string& style) {
    const std::string own = "xmlns=\"http://www.w3.org/2000/svg\" ";
    svg_ = "<svg " + (style.empty() ? "" : own) + "viewBox=\"0 0 720 380\" role=\"img\">\n";
    if (!style.empty()) svg_ += "<style>" + style + "</style>\n";
    draw_axes(x_label, y_label);
    const double ideal = std::min(most_x_, most_y_);
    line(x_of(0), y_of(0), x_of(ideal), y_of(ideal), "ideal");
    for (std::size_t i = 0; i != curves_.size(); ++i) draw_curve(i);
    return svg_ + "</svg>\n";
  }

 private:
  static constexpr double left = 60, right = 440, top = 32, bottom = 320;

  double x_of(double exponent) const { return left + (right - left) * exponent / most_x_; }
  double y_of(double exponent) const {
    return bottom - (bottom - top) * (exponent - least_y_) / (most_y_ - least_y_);
  }

  void line(double x1, double y1, double x2, double y2, const char* kind) {
    svg_ += "<line class=\"" + std::string(kind) + "\" x1=\"" + number(x1) + "\" y1=\"" +
            number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) + "\"/>\n";
  }
  void text(double x, double y, const char* anchor, const std::string& words) {
    svg_ += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor +
            "\">" + escaped(words) + "</text>\n";
  }

  void draw_axes(const std::string& x_label, const std::string& y_label) {
    for (int i = 0; i <= most_x_; ++i) {
      line(x_of(i), top, x_of(i), bottom, "grid");
      text(x_of(i), bottom + 18, "middle", std::to_string(1 << i));
    }
    for (int i = least_y_; i <= most_y_; ++i) {
      line(left, y_of(i), right, y_of(i), "grid");
      char label[32];
      std::snprintf(label, sizeof label, "%g", std::exp2(i));
      text(left - 8, y_of(i) + 4, "end", label);
    }
    text((left + right) / 2, bottom + 40, "middle", x_label);
    text(left - 40, top - 16, "start", y_label);
  }

  void draw_curve(std::size_t i) {
    const curve& c = curves_[i];
    const std::string color = colors[i % colors.size()];
    svg_ += "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" + color + "\" points=\"";
    for (const auto& [x, y] : c.points) {
      svg_ += number(x_of(std::log2(x))) + "," + number(y_of(exponent_of(y))) + " ";
    }
    svg_ += "\"/>\n";
    for (const auto& [x, y] : c.points) {
      char said[64];
      std::snprintf(said, sizeof said, ": %.2f on %g", y, x);
      svg_ += "<circle r=\"3.5\" fill=\"" + color + "\" cx=\"" + number(x_of(std::log2(x))) +
              "\" cy=\"" + number(y_of(exponent_of(y))) + "\"><title>" + escaped(c.name + said) +
              "</title></circle>\n";
    }
    const double y = top + 16 + 20 * static_cast<double>(i);
    svg_ += "<rect x=\"" + number(right + 18) + "\" y=\"" + number(y - 9) +
            "\" width=\"12\" height=\"10\" fill=\"" + color + "\"/>\n";
    text(right + 36, y, "start", c.name);
  }

  const std::vector<curve>& curves_;
  int least_y_ = 0;
  int most_x_ = 1;
  int most_y_ = 1;
  std::string svg_;
};

}  // namespace

std::string plot_of_speed(const std::vector<curve>& curves, const std::string& x_label,
                          const std::string& y_label, const std::string& style) {
  return speed_plot(curves).draw(x_label, y_label, style);
}

std::string plot_of_bars(const std::vector<bar>& bars) {
  constexpr double left = 250, width = 300, height = 24;
  std::string svg = "<svg viewBox=\"0 0 720 " +
                    number(height * static_cast<double>(bars.size()) + 6) + "\" role=\"img\">\n";
  double y = 4;
  for (const bar& b : bars) {
    const double length = width * std::clamp(b.share, 0., 1.);
    svg += "<text x=\"" + number(left - 8) + "\" y=\"" + number(y + 13) +
           "\" text-anchor=\"end\">" + escaped(b.name) + "</text><rect x=\"" + number(left) +
           "\" y=\"" + number(y) + "\" width=\"" + number(std::max(1., length)) +
           "\" height=\"17\" fill=\"" + colors[0] + "\"/><text x=\"" + number(left + length + 8) +
           "\" y=\"" + number(y + 13) + "\">" + escaped(b.said) + "</text>\n";
    y += height;
  }
  return svg + "</svg>\n";
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace advisor
