// The workers of one program, and who tells them what to do: a script, in lines on standard input,
// each of which is answered by one line when it is done.
//
//     progress [N]   waits until every work of every worker has made N more steps (default 2)
//     check          compares every ledger with what there is
//     lose           waits until the server is gone, and then destroys what nobody has acknowledged
//                    as stable, as the end of its machine might do
//     fail           while the disk fails: waits until everybody has been told so, destroys the
//     same,
//                    and waits until everybody has been told so again
//     cut            breaks half of the connections
//     full           waits until every worker is out of room
//     room           lets them remove their older logs
//     count          says what has happened so far
//     finish         lets them come to an end, checks, and ends the program
//
// Serves stages 1, 2 and 5 of test programs. Thread safety: one color (the default color).
// Invariant: lines are carried out one after the other.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/interop/faults/eventual.h"
#include "tests/interop/faults/worker.h"

namespace sfs::faults {

class crew {
 public:
  crew(std::vector<std::unique_ptr<worker>> workers, std::uint64_t seed);

  // Sets them to work and listens to standard input; the program ends by itself.
  void begin();

 private:
  void readable();
  eventual<done> obey();
  eventual<std::string> next_line();
  eventual<std::string> carry_out(std::string line);
  eventual<std::string> see_progress(std::uint64_t steps);
  eventual<std::string> lose();
  eventual<std::string> fail();
  eventual<bool> see_errors();
  // Waits for it; false when that takes too long.
  eventual<bool> until(std::function<bool(worker&)> all_of_them);
  std::string check();
  std::string count() const;
  eventual<std::string> finish();
  void cut();
  void say(const std::string& line);

  std::vector<std::unique_ptr<worker>> workers_;
  std::minstd_rand random_;
  std::string input_;
  std::deque<std::string> lines_;
  std::unique_ptr<eventual<std::string>> listener_;
  std::uint64_t wrong_ = 0;
};

}  // namespace sfs::faults
