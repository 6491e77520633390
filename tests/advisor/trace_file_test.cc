// What is read from a trace, and what is said of one that is damaged or made to hurt.
#include <gtest/gtest.h>

#include "tests/advisor/hand_written.h"

namespace advisor::test {
namespace {

// As the library writes it, shortened.
constexpr const char* small = R"json({"displayTimeUnit":"ns","traceEvents":[
{"ph":"M","pid":1,"name":"process_name","args":{"name":"CPUs"}},
{"ph":"M","pid":2,"name":"process_name","args":{"name":"colors"}},
{"ph":"M","pid":1,"tid":1,"name":"thread_name","args":{"name":"CPU 0"}},
{"ph":"M","pid":1,"tid":1000,"name":"thread_name","args":{"name":"other threads"}},
{"ph":"X","pid":1,"tid":1,"ts":1.000,"dur":2.500,"cat":"idle","name":"poll"},
{"ph":"B","pid":1,"tid":1,"ts":10.000,"name":"a.cc:3","args":{"run":1,"color":"default","site":0,"object":"0x7f10","turn":true,"post":2.000,"made_runnable":true,"waited_for_color":0.000,"waited_for_cpu":8.000}},
{"ph":"X","pid":1,"tid":1000,"ts":2.000,"dur":0,"cat":"post","name":"post"},
{"ph":"s","pid":1,"tid":1000,"ts":2.000,"id":1,"cat":"post","name":"post"},
{"ph":"f","pid":1,"tid":1,"ts":10.000,"id":1,"cat":"post","name":"post","bp":"e"},
{"ph":"E","pid":1,"tid":1,"ts":30.000,"args":{"cpu":12.000,"blocked":8.000}},
{"ph":"X","pid":2,"tid":1,"ts":10.000,"dur":20.000,"name":"a.cc:3","args":{"run":1}},
{"ph":"B","pid":1,"tid":1,"ts":31.000,"name":"b.cc:9","args":{"run":2,"color":"fresh 4","site":1,"post":15.500,"by":1,"waited_for_color":0.000,"waited_for_cpu":15.500}},
{"ph":"E","pid":1,"tid":1,"ts":36.001,"args":{"cpu":4.001,"preempted":1.000}}
],
"sites":[
{"file":"src/a.cc","line":3,"function":"void one::go(int)"},
{"file":"src/b.cc","line":9,"function":"int main()"}
],
"otherData":{"format":1,"clock":"tsc","began_unix_ns":"1","window_begin":0.500,"window_end":40.000,"records":9,"dropped":3,"runs":2,"unfinished":0,"arrows":1,"not_run":0}
}
)json";

// What is said of it.
std::string refusal_of(const std::string& json) {
  try {
    read(json);
  } catch (const bad_trace& error) {
    return error.what();
  }
  return "it was read";
}

std::string with(std::string json, const std::string& what, const std::string& instead) {
  const std::size_t at = json.find(what);
  EXPECT_NE(at, json.npos) << what;
  return json.replace(at, what.size(), instead);
}

TEST(trace_file, is_read) {
  const trace t = read(small);
  ASSERT_EQ(t.runs.size(), 2u);
  const run& first = t.runs[0];
  EXPECT_EQ(first.begin, 10'000);
  EXPECT_EQ(first.end, 30'000);
  EXPECT_EQ(first.post, 2'000);
  EXPECT_EQ(first.cpu, 12'000);
  EXPECT_EQ(first.blocked, 8'000);
  EXPECT_EQ(first.object, 0x7f10u);
  EXPECT_EQ(first.by, none);
  EXPECT_TRUE(first.from_thread);
  const run& second = t.runs[1];
  EXPECT_EQ(second.by, 0u);
  EXPECT_FALSE(second.from_thread);
  EXPECT_EQ(second.end, 36'001);
  EXPECT_EQ(second.length(), 4'001);
  EXPECT_EQ(t.colors, (std::vector<std::string>{"default", "fresh 4"}));
  EXPECT_EQ(t.sites[1].name(), "b.cc:9");
  EXPECT_EQ(t.window(), 39'500);
  EXPECT_EQ(t.dropped, 3u);
  EXPECT_EQ(t.cpus, 1u);
  ASSERT_EQ(t.idles.size(), 1u);
  EXPECT_FALSE(t.idles[0].slept);
}

TEST(trace_file, leaves_out_what_still_ran_at_its_end) {
  const trace t = read(with(small,
                            ",\n{\"ph\":\"E\",\"pid\":1,\"tid\":1,\"ts\":36.001,\"args\":{\"cpu\":"
                            "4.001,\"preempted\":1.000}}",
                            ""));
  EXPECT_EQ(t.runs.size(), 1u);
  EXPECT_EQ(t.unfinished, 1u);
}

TEST(trace_file, cut_off_anywhere_is_refused) {
  const std::string whole = small;
  for (std::size_t length = 0; length + 3 < whole.size(); length += 7) {
    EXPECT_NE(refusal_of(whole.substr(0, length)), "it was read") << length;
  }
  EXPECT_NE(refusal_of(whole.substr(0, 200)).find("no JSON at byte"), std::string::npos);
}

TEST(trace_file, says_what_is_wrong) {
  const auto says = [](const std::string& json, const std::string& words) {
    const std::string refusal = refusal_of(json);
    EXPECT_NE(refusal.find(words), refusal.npos) << refusal;
  };
  says("{}", "it is no trace");
  says("[1, 2]", "it is no trace");
  says("17", "it is no trace");
  says(with(small, R"("format":1)", R"("format":2)"), "its format is 2, not 1");
  says(with(small, R"("site":1)", R"("site":7)"), "a run is of a site that is not listed");
  says(with(small, R"("by":1)", R"("by":2)"), "posted by 2, which did not run before it");
  says(with(small, R"("run":2)", R"("run":1)"), "two runs have the number 1");
  says(with(small, R"("post":2.000)", R"("post":11.0)"), "begins before it is posted");
  says(with(small, R"("post":15.500)", R"("post":30.5)"), "while that did not run");
  says(with(small, R"("ts":30.000)", R"("ts":9.000)"), "ends before it begins");
  says(with(small, R"("ph":"B")", R"("ph":"E")"), "ended a callback that it did not run");
  says(with(small, R"("ts":10.000)", R"("ts":-3)"), "is not in any trace");
  says(with(small, R"("ts":10.000)", R"("ts":1e300)"), "is not in any trace");
  says(with(small, R"("ts":10.000,)", ""), "an event has no ts");
  says(with(small, R"("window_end":40.000)", R"("window_end":0.1)"), "its window");
  says(with(small, R"("window_end":40.000)", R"("window_end":36.0)"), "not within the window");
  says(with(small, R"("window_begin":0.500)", R"("window_begin":2.5)"), "not within the window");
}

TEST(trace_file, that_is_made_to_hurt_is_refused) {
  EXPECT_NE(refusal_of(std::string(1'000'000, '[')).find("nested deeper"), std::string::npos);
  std::string deep;
  for (int i = 0; i != 100'000; ++i) deep += R"({"traceEvents":)";
  EXPECT_NE(refusal_of(deep).find("nested deeper"), std::string::npos);
  EXPECT_NE(refusal_of(with(small, "default", std::string(100'000, 'x'))).find("a text is longer"),
            std::string::npos);
  std::vector<callback> long_ones;  // of 2 years each
  for (int i = 1; i != 20; ++i) {
    long_ones.push_back(
        {.run = i, .site = 0, .color = "a", .begin = 0, .length = 6.3e13, .cpu = i});
  }
  EXPECT_NE(refusal_of(json_of(long_ones, 6.4e13)).find("take longer"), std::string::npos);
}

TEST(trace_file, may_have_more_than_is_known) {
  const trace t = read(with(small, R"("format":1)", R"("more":[{"ts":null},true],"format":1)"));
  EXPECT_EQ(t.runs.size(), 2u);
}

}  // namespace
}  // namespace advisor::test
