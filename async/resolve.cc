// Names: see resolve.h. Serves stages 1 to 3.
#include "async/resolve.h"

#include <cerrno>
#include <memory>
#include <mutex>

#include "async/detail/resolver.h"

namespace async {

namespace {

// One question of the program's. cancel() comes from any thread, and the lock is there for it. The
// callback is called by whoever takes it, without the lock.
class request : public refcount {
 public:
  virtual void answered(detail::look_up& answer) = 0;
  virtual void cancel() = 0;

  std::uint64_t number = 0;  // written once, before any other thread knows of it
};

template <class Answer>
class typed_request final : public request {
 public:
  explicit typed_request(typename callback<void, Answer>::ref cb) : callback_(std::move(cb)) {}

  void answered(detail::look_up& answer) override {
    const auto cb = take();
    if (!cb) return;
    errno = answer.error;
    if constexpr (std::is_same_v<Answer, std::string>) {
      cb(std::move(answer.name));
    } else {
      cb(std::move(answer.addresses));
    }
  }

  void cancel() override {
    if (take()) detail::abandon(number);
  }

 private:
  typename callback<void, Answer>::ptr take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(callback_, nullptr);
  }

  std::mutex mutex_;
  typename callback<void, Answer>::ptr callback_;  // null: called or cancelled; guarded by mutex_
};

class request_look_up final : public detail::look_up {
 public:
  template <class What>
  request_look_up(const callback_base& cb, What&& what, ref<request> asker)
      : look_up(color_of(cb), cb.where(), std::forward<What>(what)), asker_(std::move(asker)) {
    asker_->number = number();
  }

  void deliver() override { asker_->answered(*this); }

 private:
  const ref<request> asker_;
};

template <class Answer, class What>
dnsreq_t ask(What&& what, typename callback<void, Answer>::ref cb) {
  const auto asker = make_ref<typed_request<Answer>>(cb);
  detail::resolve(std::make_unique<request_look_up>(*cb, std::forward<What>(what), asker));
  return dnsreq_t(asker);
}

}  // namespace

dnsreq_t dns_hostbyname(std::string name, callback<void, std::vector<address>>::ref cb) {
  return ask<std::vector<address>>(std::move(name), std::move(cb));
}

dnsreq_t dns_hostbyaddr(const address& of, callback<void, std::string>::ref cb) {
  return ask<std::string>(of, std::move(cb));
}

void dnsreq_cancel(const dnsreq_t& question) {
  if (question) static_cast<request&>(*question.get()).cancel();
}

void dns_configure(const dns_options& options) { detail::configure_resolver(options); }

}  // namespace async
