// The look-up threads: see resolver.h. Serves stages 1 to 3.
#include "async/detail/resolver.h"

#include <netdb.h>
#include <pthread.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "async/detail/fork_safe.h"
#include "async/detail/select_loop.h"
#include "mp/detail/cpus.h"

namespace async::detail {

namespace {

int to_errno(int status) noexcept {
  switch (status) {
    case EAI_AGAIN:
      return EAGAIN;
    case EAI_MEMORY:
      return ENOMEM;
    case EAI_SYSTEM:
      return errno;
    default:
      return ENOENT;
  }
}

// Threads inherit the mask of their maker; these are to take no signals.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

 private:
  sigset_t before_;
};

class resolver final : fork_participant {
 public:
  // Never destroyed: a thread may still be in getaddrinfo when the program exits.
  static resolver& instance() {
    static resolver* const all = new resolver;
    return *all;
  }

  void add(std::unique_ptr<look_up> question) {
    const std::lock_guard lock(mutex_);
    if (idle_ <= waiting_.size() && threads_ < most_threads) start_thread();
    waiting_.push_back(*question.release());
    work_.notify_one();
  }

  // Null if it is not waiting.
  std::unique_ptr<look_up> remove(std::uint64_t number) noexcept {
    const std::lock_guard lock(mutex_);
    for (auto before = waiting_.before_begin(), i = waiting_.begin(); i != waiting_.end();
         before = i++) {
      auto& question = static_cast<look_up&>(*i);
      if (question.number() != number) continue;
      waiting_.erase_after(before);
      return std::unique_ptr<look_up>(&question);
    }
    return nullptr;
  }

 private:
  static constexpr std::chrono::seconds patience{10};

  resolver() { join(); }

  void start_thread() {
    ++threads_;
    try {
      const signals_blocked guard;
      std::thread([this] { run(); }).detach();
    } catch (...) {
      --threads_;
      if (threads_ == 0) throw;
    }
  }

  void run() noexcept {
    unpin_this_thread();  // we may have been made by a worker that is bound to its CPU
    pthread_setname_np(pthread_self(), "async-names");
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      const bool found = work_.wait_for(lock, patience, [this] { return !waiting_.empty(); });
      --idle_;
      if (!found) break;
      auto& question = static_cast<look_up&>(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      question.ask();
      loop_for_current_color().hand_over(question);
      lock.lock();
    }
    --threads_;
  }

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork_in_parent() noexcept override { mutex_.unlock(); }
  void after_fork_in_child() noexcept override {
    waiting_.clear();
    threads_ = idle_ = 0;
    // The parent's threads may be waiting in it.
    new (&work_) std::condition_variable;
    mutex_.unlock();
  }

  std::mutex mutex_;
  std::condition_variable work_;

  // Guarded by mutex_.
  boost::intrusive::slist<
      event, boost::intrusive::member_hook<event, decltype(event::ready_hook), &event::ready_hook>,
      boost::intrusive::cache_last<true>>
      waiting_;
  unsigned threads_ = 0;
  unsigned idle_ = 0;
};

}  // namespace

void look_up::ask() noexcept {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host_.c_str(), nullptr, &hints, &found);
  error_ = status == 0 ? 0 : to_errno(status);
  if (status != 0) return;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    addresses_.emplace_back(a->ai_addr, a->ai_addrlen);
  }
  freeaddrinfo(found);
  if (addresses_.empty()) error_ = ENOENT;
}

std::uint64_t look_up::next_number() noexcept {
  static atom<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void resolve(std::unique_ptr<look_up> question) { resolver::instance().add(std::move(question)); }

// The question is freed without the lock.
void abandon(std::uint64_t number) noexcept { resolver::instance().remove(number); }

}  // namespace async::detail
