// A stream's reads against a model that has all bytes at once: random bytes, cut into random
// pieces, read by random reads. And many streams under many colors at the same time.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/aios.h"
#include "async/tls.h"
#include "tests/async/certificates.h"
#include "tests/async/streams.h"

namespace async::test {
namespace {

enum class kind { line, until, exactly, any, all };

struct step {
  kind what;
  std::size_t limit;
};

// What a read of `text` from `at` on gives, where all has come; moves `at`.
std::string expected(const step& s, const std::string& text, std::size_t& at) {
  const std::string rest = text.substr(at);
  const auto take = [&](std::size_t bytes, std::size_t skip, const char* status) {
    at += bytes + skip;
    return status + rest.substr(0, bytes);
  };
  const std::string delimiter = s.what == kind::line ? "\n" : "ab\n";
  switch (s.what) {
    case kind::line:
    case kind::until: {
      const std::size_t end = rest.find(delimiter);
      const std::size_t found = std::min(end, rest.size());
      std::size_t size = found;
      if (s.what == kind::line && end != rest.npos && size != 0 && rest[size - 1] == '\r') --size;
      if (size > s.limit && (end != rest.npos || size > s.limit + delimiter.size())) {
        return "too_long:" + rest.substr(0, s.limit);
      }
      if (end != rest.npos) return take(size, found - size + delimiter.size(), "done:");
      return take(rest.size(), 0, "eof:");
    }
    case kind::exactly:
      if (rest.size() >= s.limit) return take(s.limit, 0, "done:");
      return take(rest.size(), 0, "eof:");
    case kind::any:
      return "";
    case kind::all:
      break;
  }
  if (rest.size() > s.limit) return "too_long:" + rest.substr(0, s.limit);
  return take(rest.size(), 0, "done:");
}

// Sends `text` in pieces, and reads it by random steps that are compared with the model.
class reader : public refcount {
 public:
  reader(aios_t in, aios_t out, prng random, std::size_t bytes, std::function<void()> done)
      : in_(std::move(in)), out_(std::move(out)), random_(random), done_(std::move(done)) {
    const char letters[] = {'a', 'b', '\r', '\n', 'a', 'b'};
    for (std::size_t i = 0; i < bytes; ++i) {
      text_ += random_() % 50 == 0 ? "ab\n" : std::string(1, letters[random_() % sizeof letters]);
    }
  }
  void start() {
    post(out_->its_color(), [self = mkref(this)] { self->send(); });
    post(in_->its_color(), [self = mkref(this)] { self->next(); });
  }

 private:
  void send() {
    const std::size_t bytes =
        std::min<std::size_t>(text_.size() - sent_, 1 + pieces_() % (pieces_() % 2 ? 3 : 3000));
    out_->write(std::string_view(text_).substr(sent_, bytes));
    sent_ += bytes;
    if (sent_ == text_.size()) return out_->end_output();
    out_->when_written(wrap(mkref(this), &reader::sent));
  }
  void sent(std::error_code failed) {
    EXPECT_FALSE(failed) << failed.message();
    if (!failed) send();
  }

  void next() {
    step_ = {static_cast<kind>(random_() % 4), random_() % 3 ? random_() % 60 : random_() % 3000};
    if (random_() % 500 == 0) step_ = {kind::all, random_() % 100};
    const auto cb = wrap(mkref(this), &reader::got);
    switch (step_.what) {
      case kind::line:
        return in_->read_line(step_.limit, cb);
      case kind::until:
        return in_->read_until("ab\n", step_.limit, cb);
      case kind::exactly:
        return in_->read_exactly(step_.limit, cb);
      case kind::any:
        return in_->read_any(++step_.limit, cb);
      case kind::all:
        return in_->read_all(step_.limit, cb);
    }
  }

  void got(aios_read& r) {
    std::string now = told(r);
    if (step_.what == kind::any) {
      EXPECT_EQ(now, status_name(r.status()) + ':' + text_.substr(at_, r.size()));
      EXPECT_LE(r.size(), step_.limit);
      EXPECT_EQ(r.size() == 0, r.status() == aios_status::eof);
      at_ += r.size();
    } else {
      EXPECT_EQ(now, expected(step_, text_, at_))
          << "kind " << static_cast<int>(step_.what) << ", limit " << step_.limit;
    }
    const bool over = at_ == text_.size() && r.status() == aios_status::eof;
    if (over || testing::Test::HasFailure()) return done_();
    next();
  }

  const aios_t in_, out_;
  prng random_;
  prng pieces_{random_()};
  const std::function<void()> done_;
  std::string text_;
  std::size_t sent_ = 0;  // the sender's
  std::size_t at_ = 0;
  step step_{};
};

class aios_model : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(aios_model);

// Reads of many streams at once, the ends of which are made of an fd each.
template <class MakeIn, class MakeOut>
void compare(int streams, MakeIn make_in, MakeOut make_out, const std::function<void()>& run) {
  prng random = make_prng();
  std::atomic<int> left{streams};
  for (int i = 0; i < streams; ++i) {
    connected pair;
    auto in = make_in(pair.ours);
    auto out = make_out(std::exchange(pair.peer, -1));
    make_ref<reader>(std::move(in), std::move(out), prng(random()), 10'000, [&] {
      if (--left == 0 || testing::Test::HasFailure()) stop();
    })->start();
  }
  run();
}

TEST_P(aios_model, reads_give_what_the_model_gives_under_many_colors) {
  const auto plain = [](int fd) { return aios::make(fd, nullptr, color::fresh()); };
  compare(sanitized ? 20 : 100, plain, plain, [this] { run(); });
}

TEST_P(aios_model, reads_over_tls_give_what_the_model_gives_under_many_colors) {
  certificates files;
  const auto server = tls_context::server({.identity = files.identity("example.org", "server")});
  const auto client = tls_context::client({.authorities = files.authority()});
  compare(
      sanitized ? 4 : 20, [&](int fd) { return tls_accept(fd, server, nullptr, color::fresh()); },
      [&](int fd) { return tls_connect(fd, client, "example.org", nullptr, color::fresh()); },
      [this] { run(); });
}

}  // namespace
}  // namespace async::test
