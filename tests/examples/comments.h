// What the first comment of an example promises.
//
// Serves no stage: the tests of the examples use it. Thread safety: functions without state.
#pragma once

#include <string>
#include <vector>

namespace async::test {

struct example {
  std::string name;
  std::string source;
  std::string comment;  // the first comment, without the slashes
};

// Each program among the examples, by name.
std::vector<example> all_examples();

// What NAME says that it prints: the text behind "Prints:" and the lines below that, up to the next
// empty one, without what stands in parentheses behind it.
std::string promised_output(const std::string& name);

}  // namespace async::test
