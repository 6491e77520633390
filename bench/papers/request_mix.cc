// Reading the list of files; see request_mix.h.

#include "bench/papers/request_mix.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "async/err.h"

namespace papers {

namespace {

constexpr std::uint32_t most_turns = 1'000'000;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) async::fatal("cannot read %s", path.c_str());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

request_mix::request_mix(const std::string& directory, const std::string& list) {
  std::ifstream lines(list);
  if (!lines) async::fatal("cannot read %s", list.c_str());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::uint32_t weight = 0;
    std::string name;
    words >> weight >> name;
    if (!words || weight == 0 || weight > most_turns)
      async::fatal("%s: wrong: %s", list.c_str(), line.c_str());
    order_.insert(order_.end(), weight, static_cast<std::uint32_t>(files_.size()));
    files_.push_back({"GET /" + name + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
                      content_of(directory + "/" + name)});
  }
  if (files_.empty()) async::fatal("%s is empty", list.c_str());
  std::shuffle(order_.begin(), order_.end(), std::mt19937(1));  // the same for every server
}

}  // namespace papers
