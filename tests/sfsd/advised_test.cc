// What color-advisor says of the server as it was before it had colors.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>

#include "tests/sfsd/repository.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

class environment_variable {
 public:
  environment_variable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~environment_variable() { ::unsetenv(name_); }

 private:
  const char* const name_;
};

// Where a round goes on to seal what was served: FILE:LINE.
std::string where_sealing_begins() {
  std::ifstream source(repository() / "examples/sfsd/server/connection_calls.cc");
  int number = 1;
  for (std::string line; std::getline(source, line); ++number)
    if (has(line, "run(colors_.crypto, &connection::seal_replies);") && has(line, "// [crypto]"))
      return "connection_calls.cc:" + std::to_string(number);
  return "nowhere";
}

TEST(the_uncolored_server, has_sealing_named_first_by_the_advisor) {
  const auto advisor = async::test::build_dir() / "tools/color-advisor";
  if (async::test::sanitized || !exists(advisor)) GTEST_SKIP() << "sealing is not what takes time";
  const scratch_directory scratch;
  const std::string trace = scratch.path() / "trace.json";
  std::optional<running_server> server;
  {
    const environment_variable traced("ASYNC_TRACE", trace);
    const environment_variable no_vectors("OPENSSL_ia32cap", "0:0");
    server.emplace(std::vector<std::string>{"--cpus=1", "--parallel=none"});
  }
  const finished load =
      run_program({"sfsload", "--connect=" + server->place().text, "--suite=chacha20-poly1305",
                   "--size=8192", "--bytes=10000000", "--warmup=0", "--connections=8",
                   server->path().text() + "/data", server->scratch().path() / "export/data"});
  ASSERT_EQ(load.status, 0) << load.errors;
  ASSERT_EQ(server->stop().status, 0);
  const finished f = child_process({advisor, "--arrivals=closed", "--wake-delay=5000",
                                    "--wake-call=2000", "--hand-over=300", "--cpus=2", trace})
                         .finish();
  ASSERT_EQ(f.status, 0) << f.errors;
  const std::string title = "Hot sites, by CPU time\n";
  const std::size_t first = f.output.find(title) + title.size();
  const std::string hottest = f.output.substr(first, f.output.find('\n', first) - first);
  EXPECT_TRUE(has(hottest, where_sealing_begins() + " ")) << f.output;
  EXPECT_TRUE(has(f.output, "1. color " + where_sealing_begins() + " ")) << f.output;
}

}  // namespace
}  // namespace sfs::test
