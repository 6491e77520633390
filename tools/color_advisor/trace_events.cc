#include "trace_events.h"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

namespace advisor {

namespace {

using nlohmann::json;

// A trace has four levels: its object, a list, an event, and that event's `args`.
constexpr std::size_t most_levels = 16;
constexpr std::size_t longest_text = 1 << 16;
// Three years, in ns; what is beyond is not a time.
constexpr double longest_time = 1e17;

class sax final : public json::json_sax_t {
 public:
  explicit sax(event_reader& reader) : reader_(reader) {}

  bool null() override { return true; }
  bool boolean(bool value) override {
    if (in_args() && key() == "step") event_.args.is_step = value;
    return true;
  }
  bool number_integer(std::int64_t n) override { return number(static_cast<double>(n)); }
  bool number_unsigned(std::uint64_t n) override { return number(static_cast<double>(n)); }
  bool number_float(double n, const std::string&) override { return number(n); }
  bool binary(json::binary_t&) override { return true; }

  bool string(std::string& text) override {
    check_length(text);
    if (std::string* const place = text_place()) *place = std::move(text);
    return true;
  }

  bool key(std::string& name) override {
    check_length(name);
    levels_[depth_ - 1].key = std::move(name);
    return true;
  }

  bool start_object(std::size_t) override {
    enter(false);
    if (in_list("traceEvents", 3)) event_ = {};
    if (in_list("sites", 3)) site_ = {};
    return true;
  }
  bool end_object() override {
    if (in_list("traceEvents", 3)) reader_.take(event_);
    if (in_list("sites", 3)) reader_.take(std::move(site_));
    if (depth_ == 2 && levels_[0].key == "otherData") reader_.take(summary_);
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    enter(true);
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const json::exception& error) override {
    throw bad_trace("no JSON at byte " + std::to_string(position) + ": " + error.what());
  }

 private:
  struct level {
    bool is_list = false;
    std::string key;  // of an object: the last one
  };

  static void check_length(const std::string& text) {
    if (text.size() > longest_text) throw bad_trace("a text is longer than that of any trace");
  }

  void enter(bool is_list) {
    if (depth_ == most_levels) throw bad_trace("it is nested deeper than any trace");
    levels_[depth_++] = {is_list, {}};
  }

  // Whether what is being read belongs to an element, at that depth, of that list.
  bool in_list(std::string_view list, std::size_t depth) const {
    return depth_ == depth && !levels_[0].is_list && levels_[0].key == list && levels_[1].is_list &&
           !levels_[2].is_list;
  }
  bool in_args() const {
    return depth_ == 4 && levels_[0].key == "traceEvents" && levels_[1].is_list &&
           levels_[2].key == "args" && !levels_[3].is_list;
  }
  std::string_view key() const { return levels_[depth_ - 1].key; }

  std::string* text_place() {
    if (in_list("traceEvents", 3)) {
      if (key() == "ph") return &event_.ph;
      if (key() == "name") return &event_.name;
      if (key() == "cat") return &event_.cat;
    } else if (in_args()) {
      if (key() == "color") return &event_.args.color;
      if (key() == "object") return &event_.args.object;
      if (key() == "name") return &event_.args.name;
    } else if (in_list("sites", 3)) {
      if (key() == "file") return &site_.file;
      if (key() == "function") return &site_.function;
    }
    return nullptr;
  }

  // Where a number that is being read belongs, and what one of it is.
  std::pair<std::int64_t*, double> number_place() {
    constexpr double us = 1000;
    if (in_list("traceEvents", 3)) {
      if (key() == "ts") return {&event_.ts, us};
      if (key() == "dur") return {&event_.dur, us};
      if (key() == "pid") return {&event_.pid, 1};
      if (key() == "tid") return {&event_.tid, 1};
      if (key() == "id") return {&event_.id, 1};
    } else if (in_args()) {
      if (key() == "run") return {&event_.args.run, 1};
      if (key() == "site") return {&event_.args.site, 1};
      if (key() == "by") return {&event_.args.by, 1};
      if (key() == "post") return {&event_.args.post, us};
      if (key() == "cpu") return {&event_.args.cpu, us};
      if (key() == "blocked") return {&event_.args.blocked, us};
    } else if (depth_ == 2 && levels_[0].key == "otherData" && !levels_[1].is_list) {
      if (key() == "format") return {&summary_.format, 1};
      if (key() == "dropped") return {&summary_.dropped, 1};
      if (key() == "runs") return {&summary_.runs, 1};
      if (key() == "window_begin") return {&summary_.window_begin, us};
      if (key() == "window_end") return {&summary_.window_end, us};
    }
    return {nullptr, 1};
  }

  bool number(double n) {
    if (in_list("sites", 3) && key() == "line") {
      if (n >= 0 && n < 1e9) site_.line = static_cast<std::uint32_t>(n);
      return true;
    }
    const auto [place, unit] =
        depth_ == 0 ? std::pair<std::int64_t*, double>{nullptr, 1} : number_place();
    if (place == nullptr) return true;
    const double value = std::round(n * unit);
    if (!(value >= 0 && value < longest_time)) {
      throw bad_trace("the " + std::string(key()) + " of " + std::to_string(n) +
                      " is not in any trace");
    }
    *place = static_cast<std::int64_t>(value);
    return true;
  }

  event_reader& reader_;
  std::array<level, most_levels> levels_;
  std::size_t depth_ = 0;
  event event_;
  site site_;
  summary summary_;
};

}  // namespace

void read_events(std::istream& in, event_reader& reader) {
  sax handler(reader);
  json::sax_parse(in, &handler);
}

}  // namespace advisor
