// What the server tells of itself: Prometheus' text format, at a Unix socket and on SIGUSR1.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <limits>
#include <map>
#include <regex>
#include <sstream>

#include "async/net.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

// The values by name and labels. Fails at what is not of the format, and at a family without its
// type.
std::map<std::string, double> parse(const std::string& text) {
  static const std::regex sample(
      R"(([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? ([0-9.e+-]+))");
  static const std::regex comment(R"(# (HELP|TYPE) ([a-z_]+) .+)");
  std::map<std::string, double> values;
  std::string family;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch m;
    if (std::regex_match(line, m, comment)) {
      family = m[2];
    } else if (std::regex_match(line, m, sample)) {
      EXPECT_TRUE(m[1].str().starts_with(family)) << line << " is not of " << family;
      EXPECT_TRUE(values.emplace(m[1].str() + m[2].str(), std::stod(m[4])).second) << line;
    } else {
      ADD_FAILURE() << "not of the format: " << line;
    }
  }
  return values;
}

class the_metrics : public testing::Test {
 protected:
  std::string socket() const { return scratch.path() / "metrics"; }

  // The answer's body.
  std::string ask() {
    const fd_owner fd(async::unixsocket_connect(socket()));
    EXPECT_TRUE(fd);
    ::fcntl(fd.get(), F_SETFL, 0);  // it is to be waited for
    const std::string_view request = "GET /metrics HTTP/1.0\r\n\r\n";
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    char part[4096];
    for (ssize_t n; (n = ::recv(fd.get(), part, sizeof part, 0)) > 0;)
      answer.append(part, static_cast<std::size_t>(n));
    const std::size_t head = answer.find("\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n")) << answer.substr(0, 100);
    EXPECT_TRUE(has(answer, "Content-Length: " + std::to_string(answer.size() - head - 4)));
    return answer.substr(head + 4);
  }

  scratch_directory scratch;
  running_server server{{"--metrics", socket()}};
};

TEST_F(the_metrics, count_clients_operations_and_bytes) {
  const auto before = parse(ask());
  EXPECT_EQ(before.at("sfs_clients"), 0);
  EXPECT_EQ(before.at(R"(sfs_operations_total{program="nfs",procedure="READ"})"), 0);
  ASSERT_TRUE(server.serves());
  const auto after = parse(ask());
  EXPECT_EQ(after.at("sfs_connections_total"), 1);
  EXPECT_EQ(after.at(R"(sfs_operations_total{program="nfs",procedure="LOOKUP"})"), 1);
  const double reads = after.at(R"(sfs_operations_total{program="nfs",procedure="READ"})");
  EXPECT_GE(reads, static_cast<double>(server.content().size()) / 65536);
  EXPECT_GE(after.at(R"(sfs_bytes_total{direction="sent"})"),
            static_cast<double>(server.content().size()));
  EXPECT_GT(after.at(R"(sfs_bytes_total{direction="received"})"), reads * 40);
  EXPECT_GE(after.at("sfs_uptime_seconds"), before.at("sfs_uptime_seconds"));
}

TEST_F(the_metrics, have_a_histogram_of_the_latency) {
  ASSERT_TRUE(server.serves());
  const auto values = parse(ask());
  std::map<double, double> buckets;  // by their bounds
  for (const auto& [name, value] : values) {
    constexpr std::string_view begin = "sfs_batch_seconds_bucket{le=\"";
    if (!name.starts_with(begin)) continue;
    const std::string bound = name.substr(begin.size(), name.size() - begin.size() - 2);
    buckets[bound == "+Inf" ? std::numeric_limits<double>::infinity() : std::stod(bound)] = value;
  }
  ASSERT_GT(buckets.size(), 8u);
  double below = 0;
  for (const auto& [bound, count] : buckets) {
    EXPECT_GE(count, below) << bound;
    below = count;
  }
  EXPECT_EQ(below, values.at("sfs_batch_seconds_count"));
  EXPECT_GT(below, 0);
  EXPECT_GT(values.at("sfs_batch_seconds_sum"), 0);
}

TEST_F(the_metrics, tell_the_cpu_time_of_each_color_of_work) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(server.serves());
  const auto values = parse(ask());
  for (const char* color : {"crypto", "io", "files", "tables", "disk"})
    EXPECT_EQ(values.count(std::string("sfs_cpu_seconds_total{color=\"") + color + "\"}"), 1u)
        << color;
  EXPECT_GT(values.at(R"(sfs_cpu_seconds_total{color="crypto"})"), 0);
}

TEST_F(the_metrics, are_told_to_the_servers_owner_alone) {
  struct stat st {};
  ASSERT_EQ(::stat(socket().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_EQ(server.stop().status, 0);
  EXPECT_FALSE(std::filesystem::exists(socket())) << "left behind";
}

// One who asks nothing, and some who do not listen, keep nobody from asking.
TEST_F(the_metrics, are_told_beside_who_says_nothing) {
  const fd_owner silent(async::unixsocket_connect(socket()));
  EXPECT_FALSE(parse(ask()).empty());
}

TEST_F(the_metrics, are_written_to_standard_error_on_sigusr1) {
  ASSERT_TRUE(server.serves());
  ::kill(server.pid(), SIGUSR1);
  ASSERT_TRUE(server.serves());  // so the signal has been looked after
  std::istringstream lines(server.stop().errors);
  std::string text;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("# ") || line.starts_with("sfs_")) text += line + '\n';
  EXPECT_GE(parse(text).at("sfs_connections_total"), 1);
}

}  // namespace
}  // namespace sfs::test
