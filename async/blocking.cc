// Pools of threads for blocking work: see blocking.h. Serves stages 2 and 3.
#include "async/blocking.h"

#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <new>
#include <thread>

#include "async/detail/blocking_state.h"
#include "async/detail/select_loop.h"
#include "mp/detail/cpus.h"

namespace async {

namespace detail {

namespace {

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

// Ends these jobs without a delivery, and says how many they were. No lock may be held.
std::size_t abandon_all(event_list& jobs) noexcept {
  std::size_t count = 0;
  jobs.clear_and_dispose([&](event* job) {
    static_cast<blocking_job*>(job)->abandon();
    ++count;
  });
  return count;
}

}  // namespace

// A job.

void blocking_job::cancel() noexcept {
  cancelled_.store(true, std::memory_order_relaxed);
  if (pool_->remove(*this)) abandon();
}

void blocking_job::abandon() noexcept {
  drop();
  const color freed = take_color();  // a handle to the job may live on
  release();
}

std::error_code start(blocking_job& job) { return job.pool().start(job); }

void give_handle(blocking_job& job, blocking_t* handle) {
  if (handle != nullptr) *handle = blocking_t(mkref(&job));
}

// The pool.

blocking_state::blocking_state(const blocking_limits& limits) : limits_(limits) { join(); }

blocking_state::~blocking_state() { leave(); }

unsigned blocking_state::threads() const noexcept {
  const std::lock_guard lock(mutex_);
  return threads_;
}

std::error_code blocking_state::start(blocking_job& job) {
  if (limits_.threads == 0) {
    job.retain();
    job.work();
    job.post();
    return {};
  }
  const std::lock_guard lock(mutex_);
  if (idle_ <= waiting_.size() && threads_ < limits_.threads) start_thread();
  if (threads_ == 0 || waiting_.size() >= limits_.waiting + idle_) {
    return {EAGAIN, std::system_category()};
  }
  job.retain();
  waiting_.push_back(job);
  more_.notify_one();
  return {};
}

void blocking_state::start_thread() noexcept {
  try {
    const signals_blocked guard;
    std::thread([self = shared_from_this()] { self->run(); }).detach();
    ++threads_;
    ++idle_;
  } catch (const std::exception&) {}  // then those that there are have to do
}

void blocking_state::run() noexcept {
  unpin_this_thread();  // we may have been made by a worker that is bound to its CPU
  pthread_setname_np(pthread_self(), "async-blocking");
  std::unique_lock lock(mutex_);
  for (;;) {
    more_.wait_for(lock, limits_.patience, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    blocking_job& job = waiting_.front();
    waiting_.pop_front();
    in_work_.push_back(job);
    job.in_work = true;
    --idle_;
    ++running_;
    lock.unlock();
    job.work();
    lock.lock();
    in_work_.erase(in_work_.iterator_to(job));
    job.in_work = false;
    if (dropping_ != 0) {
      dropped_.push_back(job);
    } else {
      lock.unlock();
      loop_for_current_color().hand_over(job);
      lock.lock();
    }
    ++idle_;
    if (--running_ == 0) quiet_.notify_all();
  }
  --idle_;
  --threads_;
}

bool blocking_state::remove(blocking_job& job) noexcept {
  const std::lock_guard lock(mutex_);
  if (!job.pool_hook.is_linked() || job.in_work) return false;
  waiting_.erase(waiting_.iterator_to(job));
  return true;
}

void blocking_state::tell(const std::function<void(const blocking_job&, bool)>& tell) const {
  const std::lock_guard lock(mutex_);
  for (const job_list* jobs : {&in_work_, &waiting_}) {
    for (const blocking_job& job : *jobs) tell(job, jobs == &in_work_);
  }
}

void blocking_state::end() noexcept {
  event_list unbegun;
  std::unique_lock lock(mutex_);
  ending_ = true;
  take_waiting(unbegun);
  more_.notify_all();
  lock.unlock();
  abandon_all(unbegun);
  lock.lock();
  quiet_.wait(lock, [this] { return running_ == 0; });
}

std::size_t blocking_state::drop_all() noexcept {
  event_list unbegun, finished;
  std::unique_lock lock(mutex_);
  take_waiting(unbegun);
  ++dropping_;
  lock.unlock();
  const std::size_t never_begun = abandon_all(unbegun);
  lock.lock();
  quiet_.wait(lock, [this] { return running_ == 0; });
  --dropping_;
  finished.swap(dropped_);
  lock.unlock();
  return never_begun + abandon_all(finished);
}

// From here on remove() does not find them: what is bound to one may cancel another when it is
// destroyed.
void blocking_state::take_waiting(event_list& unbegun) noexcept {
  waiting_.clear_and_dispose([&](blocking_job* job) { unbegun.push_back(*job); });
}

void blocking_state::before_fork() noexcept { mutex_.lock(); }

void blocking_state::after_fork_in_parent() noexcept { mutex_.unlock(); }

// The jobs and the threads are the parent's, which may be waiting in the conditions.
void blocking_state::after_fork_in_child() noexcept {
  waiting_.clear();
  in_work_.clear();
  dropped_.clear();
  threads_ = idle_ = running_ = dropping_ = 0;
  new (&more_) std::condition_variable;
  new (&quiet_) std::condition_variable;
  mutex_.unlock();
}

// Never destroyed: work may still be under way when the program exits.
const std::shared_ptr<blocking_state>& shared_blocking_state() {
  static const auto* const shared =
      new std::shared_ptr<blocking_state>(std::make_shared<blocking_state>(blocking_limits{}));
  return *shared;
}

// What a thread has handed over to a leader that came no more is as what was pending at the stop.
std::size_t drop_shared_blocking_work() noexcept {
  const std::size_t dropped = shared_blocking_state()->drop_all();
  event_list handed_over;
  loop_for_current_color().take_handed_over(handed_over);
  return dropped + abandon_all(handed_over);
}

}  // namespace detail

blocking_pool::blocking_pool(const blocking_limits& limits)
    : state_(std::make_shared<detail::blocking_state>(limits)) {}

blocking_pool::~blocking_pool() { state_->end(); }

unsigned blocking_pool::threads() const noexcept { return state_->threads(); }

void blocking_cancel(const blocking_t& job) noexcept {
  if (job) job.get()->cancel();
}

}  // namespace async
