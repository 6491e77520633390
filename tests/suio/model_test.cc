// Random operations on a few suios, side by side with a naive model: a vector of bytes, each with
// the owner that must live as long as it, and a list of marks.
//
// Serves stage 6 (output).
#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/suio/fake_kernel.h"
#include "tests/suio/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

constexpr int no_owner = -1;

struct model {
  std::string bytes;
  std::vector<int> owners;                         // of bytes, one for one
  std::vector<std::pair<std::size_t, int>> marks;  // bytes before it, its number

  void append(const std::string& more, int owner) {
    bytes += more;
    owners.resize(bytes.size(), owner);
  }
  // Cuts off the first n bytes with their marks.
  model cut(std::size_t n) {
    model front;
    front.bytes = bytes.substr(0, n);
    bytes.erase(0, n);
    const auto end = owners.begin() + static_cast<std::ptrdiff_t>(n);
    front.owners.assign(owners.begin(), end);
    owners.erase(owners.begin(), end);
    auto later = std::find_if(marks.begin(), marks.end(), [&](auto& m) { return m.first > n; });
    front.marks.assign(marks.begin(), later);
    marks.erase(marks.begin(), later);
    for (auto& mark : marks) mark.first -= n;
    return front;
  }
  void append(model&& other) {
    for (auto& [before, number] : other.marks) marks.emplace_back(before + bytes.size(), number);
    bytes += other.bytes;
    owners.insert(owners.end(), other.owners.begin(), other.owners.end());
  }
};

class trial {
 public:
  explicit trial(std::mt19937_64& random) : random_(random), kernel_(random) {
    kernel_.interrupts = kernel_.would_blocks = kernel_.errors = 10;
  }

  void step() {
    const std::size_t i = below(suios_.size());
    const std::size_t j = (i + 1 + below(suios_.size() - 1)) % suios_.size();
    put(i);
    if (below(3) == 0) move(i, j);
    if (below(2) == 0) remove(i);
    if (below(3) == 0) look(i);
    for (std::size_t k : {i, j}) {
      ASSERT_EQ(contents(suios_[k]), models_[k].bytes);
      expect_consistent(suios_[k]);
    }
    ASSERT_EQ(called_, expected_);
    ASSERT_EQ(dropped_, expected_dropped_);
  }

  void check_owners() {
    std::set<int> needed;
    for (const model& m : models_) needed.insert(m.owners.begin(), m.owners.end());
    needed.erase(no_owner);
    ASSERT_EQ(alive_, needed);
  }

 private:
  // Tells when it dies uncalled.
  struct marker {
    trial* in;
    int number;
    bool called = false;
    marker(trial* in, int number) : in(in), number(number) {}
    marker(marker&& other) noexcept : in(std::exchange(other.in, nullptr)), number(other.number) {}
    ~marker() {
      if (in != nullptr && !called) in->dropped_.insert(number);
    }
  };

  std::size_t below(std::size_t n) { return random_() % n; }
  std::size_t some_size() { return below(4) == 0 ? below(5000) : below(100); }
  std::string some_bytes() { return pattern(some_size(), below(89)); }

  void put(std::size_t i) {
    suio& s = suios_[i];
    model& m = models_[i];
    std::string bytes = some_bytes();
    switch (below(7)) {
      case 0: {
        m.append(bytes, no_owner);
        s.print(std::move(bytes));
        break;
      }
      case 1: {
        m.append(bytes, next_);
        alive_.insert(next_);
        print_owned(s, make_owner(bytes, [this, n = next_] { alive_.erase(n); }));
        ++next_;
        break;
      }
      case 2:
        m.append(bytes, no_owner);
        EXPECT_TRUE(s.format("%s", bytes.c_str()));
        break;
      case 3: {
        kernel_.to_give += bytes;
        std::string giving = kernel_.to_give;
        io_result r = kernel_.input(s, below(2) == 0 ? below(10000) : suio::all);
        m.append(giving.substr(0, r.bytes), no_owner);
        break;
      }
      case 4: {
        const int number = next_++;
        (m.bytes.empty() ? expected_.push_back(number)
                         : m.marks.push_back({m.bytes.size(), number}));
        s.iovcb(wrap([this, mark = marker(this, number)]() mutable {
          mark.called = true;
          called_.push_back(mark.number);
        }));
        break;
      }
      default:
        m.append(bytes, no_owner);
        s.copy(bytes);
    }
  }

  void move(std::size_t i, std::size_t j) {
    std::size_t n = below(models_[j].bytes.size() + 1);
    switch (below(4)) {
      case 0:
        n = models_[j].bytes.size();
        suios_[i].take(suios_[j]);
        break;
      case 1: {
        drop(i);
        n = models_[j].bytes.size();
        suios_[i] = std::move(suios_[j]);
        break;
      }
      default:
        suios_[i].take(suios_[j], n);
    }
    models_[i].append(models_[j].cut(n));
  }

  void remove(std::size_t i) {
    const std::size_t n = below(models_[i].bytes.size() + 1);
    switch (below(20)) {
      case 0:
        drop(i);
        suios_[i].clear();
        break;
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
        removed(i, n);
        suios_[i].rembytes(n);
        break;
      default: {
        kernel_.taken.clear();
        io_result r = kernel_.output(suios_[i], below(2) == 0 ? n : suio::all);
        ASSERT_EQ(kernel_.taken, models_[i].bytes.substr(0, r.bytes));
        removed(i, r.bytes);
      }
    }
  }

  void look(std::size_t i) {
    const std::string& bytes = models_[i].bytes;
    const std::size_t offset = below(bytes.size() + 10);
    std::string part(below(bytes.size() + 10), '\0');
    part.resize(suios_[i].copyout(part.data(), part.size(), offset));
    ASSERT_EQ(part, bytes.substr(std::min(offset, bytes.size()), part.size()));
    const std::size_t n = below(bytes.size() + 1);
    if (n != 0 && below(4) == 0) {
      const void* const before = suios_[i].iov()[0].iov_base;
      const char* const front = suios_[i].pullup(n);
      ASSERT_EQ(std::string(front, n), bytes.substr(0, n));
      // What was joined is a copy, which needs no owner.
      if (front != before) std::fill_n(models_[i].owners.begin(), n, no_owner);
    }
  }

  void removed(std::size_t i, std::size_t n) {
    for (auto& [before, number] : models_[i].cut(n).marks) expected_.push_back(number);
  }
  void drop(std::size_t i) {
    for (auto& [before, number] : models_[i].marks) expected_dropped_.insert(number);
    models_[i] = {};
  }

  std::mt19937_64& random_;
  fake_kernel kernel_;
  int next_ = 0;
  std::set<int> alive_;  // owners
  std::vector<int> called_, expected_;
  std::set<int> dropped_, expected_dropped_;
  std::array<model, 3> models_;
  std::array<suio, 3> suios_;  // the first to be destroyed: what they hold uses the above
};

TEST(suio_model, random_operations_do_what_a_string_and_a_list_of_marks_would) {
  auto random = make_prng(4);
  for (int round = 0; round < 40; ++round) {
    trial t(random);
    for (int step = 0; step < 200; ++step) {
      t.step();
      if (step % 8 == 0) t.check_owners();
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace async::test
