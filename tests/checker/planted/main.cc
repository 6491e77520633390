// usage: planted NAME CPUS
// Makes the mistake of that name, on so many CPUs; without arguments, lists all names.
//
// Serves no stage.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "async/main.h"
#include "tests/checker/planted/planted.h"

int main(int argc, char** argv) {
  for (const auto& all : {planted::mistakes_in_memory, planted::mistakes_with_events}) {
    for (const planted::mistake& m : all) {
      if (argc < 3) {
        std::puts(m.name);
      } else if (std::string_view(argv[1]) == m.name) {
        m.plant();
        async::amain({.cpus = static_cast<unsigned>(std::atoi(argv[2]))});
        return 0;
      }
    }
  }
  return argc < 3 ? 0 : 2;
}
