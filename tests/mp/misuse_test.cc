// What a caller may not do with a runtime ends the program and says why; and the CPUs that a cgroup
// allows.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "mp/color.h"
#include "mp/detail/cpus.h"
#include "mp/runtime.h"
#include "tests/mp/tools.h"

namespace async::test {
namespace {

#if !defined(ASYNC_UNIPROCESSOR)

void call_from_a_callback(run_summary (*call)(runtime&)) {
  runtime cpus({.cpus = 1});
  post(color{}, [&] { call(cpus); });
  cpus.run();
}

TEST(misuse_death, a_callback_that_stops_its_runtime_by_the_method_is_told_of_the_function) {
  EXPECT_DEATH(call_from_a_callback([](runtime& r) { return r.stop(); }), "use the function");
}

TEST(misuse_death, a_callback_that_drains_or_runs_its_runtime_is_told_so) {
  EXPECT_DEATH(call_from_a_callback([](runtime& r) { return r.drain(), run_summary{}; }),
               "drain: called by a callback");
  EXPECT_DEATH(call_from_a_callback([](runtime& r) { return r.run(); }),
               "run: called by a callback");
}

#endif

// A tree like those of /proc and /sys.
class a_cgroup : public testing::Test {
 protected:
  a_cgroup() { std::filesystem::create_directories(root); }
  ~a_cgroup() override { std::filesystem::remove_all(root); }

  void file(const std::string& name, const std::string& content) {
    std::filesystem::create_directories((root / name).parent_path());
    std::ofstream(root / name) << content;
  }
  unsigned limit() const { return detail::cgroup_cpu_limit(root.string()); }

  std::filesystem::path root =
      std::filesystem::temp_directory_path() / ("cgroup." + std::to_string(getpid()));
};

TEST_F(a_cgroup, without_a_quota_sets_no_limit) {
  EXPECT_EQ(limit(), 0u);
  file("proc/self/cgroup", "0::/a/b\n");
  EXPECT_EQ(limit(), 0u);
  file("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(limit(), 0u);
}

TEST_F(a_cgroup, allows_its_quota_rounded_up) {
  file("proc/self/cgroup", "0::/a/b\n");
  file("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
  EXPECT_EQ(limit(), 2u);
}

TEST_F(a_cgroup, is_bound_by_its_ancestors_too) {
  file("proc/self/cgroup", "0::/a/b\n");
  file("sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
  file("sys/fs/cgroup/a/cpu.max", "300000 100000\n");
  EXPECT_EQ(limit(), 3u);
}

TEST_F(a_cgroup, of_version_1_has_its_quota_in_two_files) {
  file("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/a\n");
  file("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "50000\n");
  file("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limit(), 1u);
  file("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(limit(), 0u);
}

}  // namespace
}  // namespace async::test
