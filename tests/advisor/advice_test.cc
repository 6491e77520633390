// What is advised, and what the report and the page say.
#include <gtest/gtest.h>

#include "tests/advisor/hand_written.h"
#include "tools/color_advisor/html.h"

namespace advisor::test {
namespace {

// Twelve times: a callback of 20 us at a table posts one of 200 us for one of four clients, all
// under the default color.
std::vector<callback> server(double each = 200) {
  std::vector<callback> all;
  double time = 0;
  for (int i = 0; i != 12; ++i) {
    all.push_back({.run = 2 * i + 1, .site = 0, .color = "default", .begin = time, .length = 20});
    time += 20;
  }
  for (int i = 0; i != 12; ++i) {
    all.push_back({.run = 2 * i + 2,
                   .site = 1,
                   .color = "default",
                   .begin = time,
                   .length = each,
                   .post = 20.0 * i + 10,
                   .by = 2 * i + 1,
                   .object = "0x" + std::to_string(i % 4 + 1)});
    time += each;
  }
  return all;
}

struct advised {
  trace t;
  std::vector<arrival> arrivals;
  figures f;
  advice a;
};

advised advise(const trace& t, const machine_costs& machine) {
  std::vector<arrival> arrivals = find_arrivals(t, arrival_model::closed, {});
  figures f = find_figures(t, arrivals);
  const replay r(t, arrivals, machine, {});
  advice a = find_advice(r, f, arrival_model::closed, {});
  return {t, std::move(arrivals), std::move(f), std::move(a)};
}

report report_of(const advised& all) {
  return {.file = "a<b>.json",
          .recorded = all.t,
          .model = arrival_model::closed,
          .model_was_given = false,
          .machine = free_of_charge,
          .costs_were_given = true,
          .traced = {},
          .of_sites = all.f,
          .advised = all.a,
          .replayed = all.a.as_is[0].length};
}

TEST(advice, names_the_hot_site_first_and_what_shares_its_color) {
  const advised all = advise(trace_of(server(), 2640), free_of_charge);
  ASSERT_EQ(all.f.sites.size(), 2u);
  const site_figures& hot = all.f.sites[0];
  EXPECT_EQ(hot.site, 1u);
  EXPECT_EQ(hot.runs, 12u);
  EXPECT_EQ(hot.objects, 4u);
  EXPECT_EQ(hot.bound_runs, 12u);
  EXPECT_TRUE(hot.has_candidate());
  EXPECT_FALSE(all.f.sites[1].has_candidate());
  ASSERT_EQ(all.f.colors.size(), 1u);
  ASSERT_EQ(all.f.colors[0].sites.size(), 2u);
  EXPECT_EQ(all.f.colors[0].sites[1].cpu, 12 * 20'000);
}

TEST(advice, predicts_what_the_candidate_gains) {
  const advised all = advise(trace_of(server(), 2640), free_of_charge);
  ASSERT_EQ(all.a.trials.size(), 1u);
  const trial& t = all.a.trials[0];
  EXPECT_EQ(t.is, verdict::gains);
  ASSERT_EQ(t.alone.size(), 7u);
  EXPECT_NEAR(t.alone[0].speedup, 1, 0.01);
  // One CPU has the table's 240 us and six of the clients' callbacks, the other one six.
  EXPECT_NEAR(t.alone[1].speedup, 2640. / 1440, 0.01);
  // Four clients and what posts for them: 2640 us of work, 200 us of which follow the last post.
  EXPECT_GT(t.alone[3].speedup, 3);
  EXPECT_LT(t.alone[3].speedup, 4.4);
  for (const prediction& p : all.a.as_is) EXPECT_NEAR(p.speedup, 1, 0.01) << p.cpus;
}

TEST(advice, compares_with_copies_of_the_program_among_which_its_clients_are_dealt_out) {
  std::vector<callback> calls;
  for (int i = 0; i != 12; ++i) {  // all that three clients have asked; each is answered later
    const int run = 2 * i + 1;
    calls.push_back({.run = run,
                     .site = 0,
                     .color = "default",
                     .begin = 220.0 * i,
                     .length = 20,
                     .object = "0x" + std::to_string(i % 3 + 1)});
    calls.push_back({.run = run + 1,
                     .site = 1,
                     .color = "default",
                     .begin = 220.0 * i + 20,
                     .length = 200,
                     .post = 220.0 * i + 10,
                     .by = run});
  }
  const advised all = advise(trace_of(calls, 2640), free_of_charge);
  ASSERT_EQ(all.a.copies.size(), 7u);
  EXPECT_NEAR(all.a.copies[0].speedup, 1, 0.01);
  EXPECT_NEAR(all.a.copies[1].speedup, 1.5, 0.01) << "one of two copies has two of three clients";
  for (std::size_t i = 2; i != 7; ++i) EXPECT_NEAR(all.a.copies[i].speedup, 3, 0.01);
}

TEST(advice, leaves_alone_what_is_colored_by_object_already) {
  std::vector<callback> calls = server();
  for (callback& c : calls) {
    if (!c.object.empty()) c.color = "fresh " + c.object;
  }
  const advised all = advise(trace_of(calls, 2640), free_of_charge);
  EXPECT_TRUE(all.a.trials.empty());
  EXPECT_TRUE(all.f.sites[0].is_colored_by_object);
}

TEST(advice, warns_of_a_coloring_that_costs_more_than_it_brings) {
  const machine_costs dear{
      .wake_call = 20'000, .wake_delay = 100'000, .hand_over = 20'000, .other_color = 0};
  const advised all = advise(trace_of(server(2), 264), dear);
  ASSERT_EQ(all.a.trials.size(), 1u);
  EXPECT_EQ(all.a.trials[0].is, verdict::loses);
  EXPECT_LT(all.a.trials[0].least, 0.99);
  std::ostringstream out;
  print_report(report_of(all), out);
  EXPECT_NE(out.str().find("Colorings that would make it slower\n  server.cc:20"),
            std::string::npos)
      << out.str();
}

TEST(advice, tells_the_limits) {
  const advised all = advise(trace_of(server(), 2640), free_of_charge);
  EXPECT_EQ(all.f.critical_path, 210'000);  // one call is posted after 10 us, and takes 200
  EXPECT_EQ(all.a.as_is[0].busiest, 0u);
  EXPECT_NEAR(all.a.as_is[6].busy, 1, 0.01);
  std::ostringstream out;
  print_report(report_of(all), out);
  for (const char* words : {"upper bound", "color default has 100.0 % of the CPU time",
                            "from 1 CPU on, color default is the limit",
                            "1. color server.cc:20 (in server::step) by its object"}) {
    EXPECT_NE(out.str().find(words), std::string::npos) << words << "\nin\n" << out.str();
  }
}

TEST(page, stands_alone) {
  const advised all = advise(trace_of(server(), 2640), free_of_charge);
  std::ostringstream out;
  write_page(report_of(all), out);
  const std::string page = out.str();
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  for (const char* foreign : {"<script", "src=", "href=", "http:", "https:", "url("}) {
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  }
  EXPECT_EQ(page.find("a<b>.json"), std::string::npos);
  EXPECT_NE(page.find("a&lt;b&gt;.json"), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
}

}  // namespace
}  // namespace advisor::test
