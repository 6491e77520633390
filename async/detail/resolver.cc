// The resolver: see resolver.h. Serves stages 1 to 3.
#include "async/detail/resolver.h"

#include <sys/stat.h>

#include <deque>
#include <mutex>
#include <unordered_map>
#include <variant>
#include <vector>

#include "async/detail/dns_channel.h"
#include "async/detail/fork_safe.h"

namespace async::detail {

namespace {

// Tells whether a file was changed.
class file_version {
 public:
  static file_version of(const char* path) noexcept {
    file_version v;
    if (stat(path, &v.seen_) != 0) v.seen_ = {};
    return v;
  }
  friend bool operator==(const file_version& a, const file_version& b) noexcept {
    return a.seen_.st_dev == b.seen_.st_dev && a.seen_.st_ino == b.seen_.st_ino &&
           a.seen_.st_size == b.seen_.st_size && a.seen_.st_mtim.tv_sec == b.seen_.st_mtim.tv_sec &&
           a.seen_.st_mtim.tv_nsec == b.seen_.st_mtim.tv_nsec;
  }

 private:
  struct stat seen_ {};
};

// Everything but take_in() is called under its own color.
class resolver final : public dns_channel::owner {
 public:
  // A question, the number of one that nobody wants to be answered any more, or the options from
  // now on.
  using message = std::variant<std::unique_ptr<look_up>, std::uint64_t, dns_options>;

  // Any thread. A stop may destroy what is posted, so the message itself is kept here.
  void take_in(message m) {
    {
      const std::lock_guard lock(mutex_);
      inbox_.push_back(std::move(m));
    }
    look_later();
  }

 private:
  static constexpr std::size_t most_asked = 50;  // a burst of more is lost in sockets' buffers

  struct asked {
    dns_channel* channel;
    look_up* question;
  };

  // Bound to the callback that looks what there is to do. If a stop destroys that unrun, a timer
  // does it in the next amain().
  class reminder : public refcount {
   public:
    explicit reminder(resolver& r) noexcept : resolver_(r) {}
    ~reminder() override {
      if (!came_) delaycb(std::chrono::nanoseconds(0), resolver_.looking());
    }
    void come() {
      came_ = true;
      resolver_.look();
    }

   private:
    resolver& resolver_;
    bool came_ = false;
  };

  cbv looking() { return cwrap(color_, make_ref<reminder>(*this), &reminder::come); }

  // Any thread.
  void look_later() { cpucb(looking()); }

  void look() {
    free_retired();
    read_inbox();
    ask_waiting();
  }

  void read_inbox() {
    std::vector<message> messages;
    {
      const std::lock_guard lock(mutex_);
      messages.swap(inbox_);
    }
    for (message& m : messages) std::visit([&](auto& it) { obey(it); }, m);
  }

  void obey(std::unique_ptr<look_up>& question) { waiting_.push_back(std::move(question)); }

  void obey(dns_options& options) {
    options_ = std::move(options);
    retire();
  }

  void obey(std::uint64_t number) {
    const auto place = asked_.find(number);
    if (place == asked_.end()) {
      std::erase_if(waiting_, [&](const auto& question) { return question->number() == number; });
      return;
    }
    const auto [channel, question] = place->second;
    asked_.erase(place);
    question->abandoned = true;
    channel->abandon();
    // c-ares can't forget one question alone. One channel holds only so many of no use.
    if (channel == current_.get() && channel->abandoned() >= most_asked) retire();
  }

  void ask_waiting() {
    while (!waiting_.empty() && asked_.size() < most_asked) {
      auto question = std::move(waiting_.front());
      waiting_.pop_front();
      dns_channel& channel = current();
      asked_.emplace(question->number(), asked{&channel, question.get()});
      channel.ask(std::move(question));  // may be answered at once
    }
  }

  dns_channel& current() {
    const file_version now = file_version::of("/etc/resolv.conf");
    if (current_ && !(now == configuration_)) retire();
    configuration_ = now;
    if (!current_) current_ = std::make_unique<dns_channel>(*this, color_, options_);
    return *current_;
  }

  // The channel answers what it was asked, and no more.
  void retire() {
    if (current_) retired_.push_back(std::move(current_));
    free_retired();
  }

  void free_retired() {
    std::erase_if(retired_, [](const auto& channel) { return channel->asked() == 0; });
  }

  void answered(dns_channel& from, std::unique_ptr<look_up> question) override {
    asked_.erase(question->number());
    question.release()->post();
    over(from);
  }

  void dropped(dns_channel& from, std::unique_ptr<look_up>) override { over(from); }

  // Posted, since the channel is in the middle of it.
  void over(dns_channel& from) {
    if (!waiting_.empty() || &from != current_.get()) look_later();
  }

  const color color_ = color::fresh();
  dns_options options_;
  file_version configuration_;
  std::unique_ptr<dns_channel> current_;
  std::vector<std::unique_ptr<dns_channel>> retired_;
  std::unordered_map<std::uint64_t, asked> asked_;  // by the question's number; none given up
  std::deque<std::unique_ptr<look_up>> waiting_;
  std::mutex mutex_;
  std::vector<message> inbox_;  // guarded by mutex_
};

// The resolver of this process: a forked child makes its own, since a worker that is not there may
// hold the color of the parent's.
class process_resolver final : fork_participant {
 public:
  static resolver& instance() {
    static process_resolver* const it = new process_resolver;
    const std::lock_guard lock(it->mutex_);
    if (it->resolver_ == nullptr) it->resolver_ = new resolver;  // never destroyed
    return *it->resolver_;
  }

 private:
  process_resolver() { join(); }

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork_in_parent() noexcept override { mutex_.unlock(); }
  void after_fork_in_child() noexcept override {
    parents_ = resolver_;
    resolver_ = nullptr;
    mutex_.unlock();
  }

  std::mutex mutex_;
  resolver* resolver_ = nullptr;  // guarded by mutex_
  resolver* parents_ = nullptr;
};

}  // namespace

std::uint64_t look_up::next_number() noexcept {
  static atom<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void resolve(std::unique_ptr<look_up> question) {
  process_resolver::instance().take_in(std::move(question));
}

void abandon(std::uint64_t number) { process_resolver::instance().take_in(number); }

void configure_resolver(const dns_options& options) {
  process_resolver::instance().take_in(options);
}

}  // namespace async::detail
