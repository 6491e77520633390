// Writing a trace as JSON of the Trace Event Format, which Perfetto and chrome://tracing read.
#include "mp/detail/trace_json.h"

#include <cinttypes>
#include <cstdio>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mp/detail/color_state.h"
#include "mp/detail/output_file.h"

namespace async::detail {

namespace {

// The two groups of lanes, "processes" to the viewers.
constexpr int cpus_group = 1;
constexpr int colors_group = 2;
// The lane of threads that are no CPU, behind those of all CPUs.
constexpr int other_threads = 1000;

// As the inside of a JSON string.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  }
  return result;
}

std::string hexadecimal(std::uint64_t n) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%" PRIx64, n);
  return text;
}

// Call sites, each once.
class site_table {
 public:
  struct entry {
    where site;
    std::string name;  // file.cc:17
  };

  std::size_t index_of(where site) {
    // Of a site in a header, each file has its own.
    const key k{site.file_name(), site.function_name(), site.line(), site.column()};
    const auto [place, is_new] = indices_.try_emplace(k, entries_.size());
    if (is_new) {
      std::string_view file = k.file;
      file.remove_prefix(file.rfind('/') + 1);
      entries_.push_back({site, escaped(file) + ":" + std::to_string(k.line)});
    }
    return place->second;
  }
  const std::vector<entry>& entries() const noexcept { return entries_; }

 private:
  struct key {
    std::string_view file;
    std::string_view function;
    std::uint_least32_t line;
    std::uint_least32_t column;
    bool operator==(const key&) const = default;
  };
  struct hash {
    std::size_t operator()(const key& k) const noexcept {
      return std::hash<std::string_view>()(k.file) + k.line * 1021 + k.column;
    }
  };
  std::unordered_map<key, std::size_t, hash> indices_;
  std::vector<entry> entries_;
};

// A time as the format has it.
std::string us(std::uint64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%" PRIu64 ".%03u", ns / 1000, static_cast<unsigned>(ns % 1000));
  return text;
}

class writer final : public trace_reader {
 public:
  writer(const trace_picture& picture, output_file& out) : picture_(picture), out_(out) {}

  void write() {
    out_.print("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
    out_.print(R"({"ph":"M","pid":%d,"name":"process_name","args":{"name":"CPUs"}})", cpus_group);
    out_.print(
        ",\n"
        R"({"ph":"M","pid":%d,"name":"process_name","args":{"name":"colors"}})",
        colors_group);
    for (unsigned i = 0; i != picture_.cpus().size(); ++i) {
      const int cpu = picture_.cpus()[i];
      name_lane(cpus_group, tid(i), cpu < 0 ? "other threads" : "CPU " + std::to_string(cpu));
    }
    picture_.read(*this);
    out_.print("\n],\n");
    write_sites();
    write_summary();
    out_.print("}\n");
  }

  void began(const trace_run& run) override {
    ++runs_;
    const color_lane& color = lane_of(run.color);
    const std::size_t site = sites_.index_of(run.site);
    event("B", cpus_group, tid(run.lane), run.begin);
    out_.print(R"(,"name":"%s","args":{"run":%)" PRIu64 R"(,"color":"%s","site":%zu)",
               sites_.entries()[site].name.c_str(), run.id, color.name.c_str(), site);
    if (run.object != 0) out_.print(R"(,"object":"%s")", hexadecimal(run.object).c_str());
    if (run.new_turn) out_.print(R"(,"turn":true)");
    if (run.is_step) out_.print(R"(,"step":true)");
    if (run.posted) {
      out_.print(R"(,"post":%s)", us(run.post.time).c_str());
      if (run.post.by != 0) out_.print(R"(,"by":%)" PRIu64, run.post.by);
      if (run.post.made_runnable) out_.print(R"(,"made_runnable":true)");
      out_.print(R"(,"waited_for_color":%s,"waited_for_cpu":%s)", us(run.waited_for_color).c_str(),
                 us(run.waited_for_cpu).c_str());
    }
    out_.print("}}");
    if (run.posted) write_arrow(run);
  }

  void ended(const trace_run& run) override {
    const std::uint64_t length = run.end - run.begin;
    event("E", cpus_group, tid(run.lane), run.end);
    out_.print(R"(,"args":{"cpu":%s)", us(length - run.off_cpu).c_str());
    if (run.off_cpu != 0) {
      out_.print(R"(,"%s":%s)", run.blocked ? "blocked" : "preempted", us(run.off_cpu).c_str());
    }
    out_.print("}}");
    event("X", colors_group, lane_of(run.color).tid, run.begin);
    out_.print(R"(,"dur":%s,"name":"%s","args":{"run":%)" PRIu64 "}}", us(length).c_str(),
               sites_.entries()[sites_.index_of(run.site)].name.c_str(), run.id);
  }

  void was_idle(unsigned lane, std::uint64_t begin, std::uint64_t end, bool slept) override {
    event("X", cpus_group, tid(lane), begin);
    out_.print(R"(,"dur":%s,"cat":"idle","name":"%s"})", us(end - begin).c_str(),
               slept ? "sleep" : "poll");
  }

  void unfinished(const trace_run& run) override {
    ++unfinished_;
    event("B", colors_group, lane_of(run.color).tid, run.begin);
    out_.print(R"(,"name":"%s","args":{"run":%)" PRIu64 "}}",
               sites_.entries()[sites_.index_of(run.site)].name.c_str(), run.id);
  }

  void not_run(const trace_post& post) override {
    ++not_run_;
    event("i", cpus_group, tid(post.lane), post.time);
    out_.print(R"(,"s":"t","name":"post, not run","args":{"color":"%s","site":%zu)",
               color_label(post.color).c_str(), sites_.index_of(post.site));
    if (post.by != 0) out_.print(R"(,"by":%)" PRIu64, post.by);
    out_.print("}}");
  }

 private:
  struct color_lane {
    int tid;
    std::string name;
  };

  int tid(unsigned lane) const {
    const int cpu = picture_.cpus()[lane];
    return cpu < 0 ? other_threads : cpu + 1;
  }

  // Begins an event; the caller closes its brace.
  void event(const char* phase, int group, int tid, std::uint64_t time) {
    out_.print(
        ",\n"
        R"({"ph":"%s","pid":%d,"tid":%d,"ts":%s)",
        phase, group, tid, us(time).c_str());
  }

  void name_lane(int group, int tid, const std::string& name) {
    out_.print(
        ",\n"
        R"({"ph":"M","pid":%d,"tid":%d,"name":"thread_name","args":{"name":"%s"}})",
        group, tid, name.c_str());
  }

  const color_lane& lane_of(std::uint64_t color) {
    const auto [place, is_new] = colors_.try_emplace(color);
    if (is_new) {
      place->second = {static_cast<int>(colors_.size()), color_label(color)};
      name_lane(colors_group, place->second.tid, place->second.name);
    }
    return place->second;
  }

  // An arrow begins and ends in whatever stands at its time in its lane.
  void write_arrow(const trace_run& run) {
    const trace_post& post = run.post;
    if (post.by == 0) {
      event("X", cpus_group, tid(post.lane), post.time);
      out_.print(R"(,"dur":0,"cat":"post","name":"post"})");
    }
    event("s", cpus_group, tid(post.lane), post.time);
    out_.print(R"(,"id":%)" PRIu64 R"(,"cat":"post","name":"post"})", run.id);
    event("f", cpus_group, tid(run.lane), run.begin);
    out_.print(R"(,"id":%)" PRIu64 R"(,"cat":"post","name":"post","bp":"e"})", run.id);
    ++arrows_;
  }

  void write_sites() {
    out_.print("\"sites\":[");
    const char* separator = "\n";
    for (const auto& [site, name] : sites_.entries()) {
      out_.print(R"(%s{"file":"%s","line":%u,"function":"%s"})", separator,
                 escaped(site.file_name()).c_str(), static_cast<unsigned>(site.line()),
                 escaped(site.function_name()).c_str());
      separator = ",\n";
    }
    out_.print("\n],\n");
  }

  void write_summary() {
    out_.print(R"("otherData":{"format":1,"clock":"%s","began_unix_ns":"%)" PRIu64 "\",",
               trace_clock::name(), picture_.wall_clock());
    out_.print(R"("window_begin":%s,"window_end":%s,)", us(picture_.begin()).c_str(),
               us(picture_.end()).c_str());
    out_.print(R"("records":%)" PRIu64 R"(,"dropped":%)" PRIu64 ",", picture_.records(),
               picture_.dropped());
    out_.print(R"("runs":%)" PRIu64 R"(,"unfinished":%)" PRIu64 R"(,"arrows":%)" PRIu64
               R"(,"not_run":%)" PRIu64 "}\n",
               runs_, unfinished_, arrows_, not_run_);
  }

  const trace_picture& picture_;
  output_file& out_;
  site_table sites_;
  std::unordered_map<std::uint64_t, color_lane> colors_;
  std::uint64_t runs_ = 0;
  std::uint64_t unfinished_ = 0;
  std::uint64_t arrows_ = 0;
  std::uint64_t not_run_ = 0;
};

}  // namespace

void write_trace_json(const trace_picture& picture, const std::string& file) {
  output_file out(file);
  writer(picture, out).write();
  out.finish();
}

}  // namespace async::detail
