// What the tests of wrap/ count and watch: objects that tell of their copies, moves and deaths.
//
// Serves no stage of the data flow.
// Thread safety: none; each test uses its own, in one thread.
#pragma once

#include <string>
#include <vector>

namespace async::test {

// How often the probes that share a tally were copied and moved, and how many are alive.
struct tally {
  int copies = 0;
  int moves = 0;
  int alive = 0;
};

// Counts in a tally.
class probe {
 public:
  explicit probe(tally& counts) : counts_(&counts) { counts_->alive++; }
  probe(const probe& other) : counts_(other.counts_) {
    counts_->copies++;
    counts_->alive++;
  }
  probe(probe&& other) noexcept : counts_(other.counts_) {
    counts_->moves++;
    counts_->alive++;
  }
  probe& operator=(const probe&) = delete;
  ~probe() { counts_->alive--; }

 private:
  tally* counts_;
};

// Writes its name down when it dies, unless it was moved from.
class mourned {
 public:
  mourned(std::string name, std::vector<std::string>& deaths) : name_(name), deaths_(&deaths) {}
  mourned(mourned&& other) noexcept : name_(other.name_), deaths_(other.deaths_) {
    other.deaths_ = nullptr;
  }
  mourned& operator=(mourned&&) = delete;
  ~mourned() {
    if (deaths_ != nullptr) deaths_->push_back(name_);
  }

 private:
  std::string name_;
  std::vector<std::string>* deaths_;
};

}  // namespace async::test
