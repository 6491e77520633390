// The fuzzer's function, on what the fuzzer has kept, and on that damaged at random.
#include "tests/httpd/fuzz_targets.h"
#include "tests/httpd/support.h"

namespace httpd::test {
namespace {

std::vector<std::string> corpus() {
  std::vector<std::string> all;
  for (const auto& f :
       std::filesystem::directory_iterator(repository() / "tests/httpd/corpus/http"))
    all.push_back(text_of_file(f.path()));
  std::ranges::sort(all);
  return all;
}

TEST(damaged_input, that_the_fuzzer_kept_breaks_nothing) {
  const auto all = corpus();
  EXPECT_GT(all.size(), 10u);
  for (const std::string& input : all) {
    SCOPED_TRACE(input);
    fuzz_http(input);
  }
}

TEST(damaged_input, to_the_path_of_a_request_breaks_nothing) {
  auto random = async::test::make_prng();
  const auto all = corpus();
  constexpr std::string_view pieces[] = {"\r\n",
                                         "\n",
                                         "\r",
                                         " ",
                                         ":",
                                         "%2e",
                                         "/",
                                         "..",
                                         ",",
                                         "-",
                                         "\"",
                                         "\r\n\r\n",
                                         "Content-Length: 1\r\n",
                                         "\t"};
  for (int i = 0; i < 20'000; ++i) {
    std::string input = all[random() % all.size()];
    for (int n = 1 + static_cast<int>(random() % 4); n > 0 && !input.empty(); --n) {
      const std::size_t at = random() % input.size();
      switch (random() % 4) {
        case 0:
          input[at] = static_cast<char>(random());
          break;
        case 1:
          input.insert(at, pieces[random() % std::size(pieces)]);
          break;
        case 2:
          input.erase(at, 1 + random() % 8);
          break;
        default:
          input.append(input, at, 200);
      }
    }
    SCOPED_TRACE(input);
    fuzz_http(input);
  }
}

}  // namespace
}  // namespace httpd::test
