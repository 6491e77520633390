// An event: something that may become ready, and the callback that is then posted (stages 2 and 3).
// Timers, fd watchers, signal watchers, blocking work, file operations and questions about names
// are events.
//
// The life of a delivery: whoever finds the event ready (the leader, see select_loop.h) puts it on
// a list, and when no lock is held any more posts the list. Each post carries a plain pointer: that
// the event stays alive until delivered() is each kind's own business, and is told there.
//
// To the color checker, whoever registers an event comes before its deliveries: the registrar calls
// happens_before(event), and who ends it happens_after(event).
//
// Thread-safety: color and site never change while there is a delivery to come. The hook belongs to
// the list's owner.
#pragma once

#include <boost/intrusive/slist.hpp>
#include <utility>

#include "mp/color.h"
#include "wrap/callback.h"
#include "wrap/detail/color_check.h"
#include "wrap/refcnt.h"
#include "wrap/where.h"

namespace async::detail {

class event : public refcount {
 public:
  // An event that runs under the color of `callback`, and is known by its call site.
  explicit event(const callback_base& callback) noexcept
      : color_(color_of(callback)), site_(callback.where()) {}
  event(color c, where site) noexcept : color_(std::move(c)), site_(site) {}

  // Queues a delivery, by post_delivery(). No lock may be held.
  virtual void post() = 0;

  const color& its_color() const noexcept { return color_; }
  where site() const noexcept { return site_; }
  // For one that is never posted any more: so that it does not keep the color.
  color take_color() noexcept { return std::exchange(color_, color()); }

  boost::intrusive::slist_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>
      ready_hook;

 private:
  color color_;
  where site_;
};

// Events to be posted, oldest first.
using event_list = boost::intrusive::slist<
    event, boost::intrusive::member_hook<event, decltype(event::ready_hook), &event::ready_hook>,
    boost::intrusive::cache_last<true>, boost::intrusive::constant_time_size<false>>;

// The posted closure, of one word, so that it fits the smallest task. An Event has
//   void deliver()
//       Calls the callback, if it is not cancelled. Under the event's color.
//   const void* bound_object() const noexcept
//       If it has this: what its callback is bound to. While a delivery is to come.
//   void delivered() noexcept
//       The delivery is over, or was dropped because the runtime stopped. May free the event. After
//       a deliver(), even one that threw, it runs under the event's color; else on any thread.
// Invariant: each post is followed by exactly one delivered(), with or without a deliver() before.
template <class Event>
class delivery {
 public:
  explicit delivery(Event* e) noexcept : event_(e) {}
  delivery(delivery&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  ~delivery() {
    if (event_ == nullptr) return;
    happens_before(event_);  // its end, if another color has to see to that
    event_->delivered();
  }
  void operator()() {
    happens_after(event_);  // its registration, and the delivery before
    event_->deliver();
  }
  // For traces, where the kind of event can tell.
  const void* bound_object() const noexcept {
    if constexpr (requires { event_->bound_object(); }) return event_->bound_object();
    return nullptr;
  }

 private:
  Event* event_;
};

template <class Event>
void post_delivery(Event* e) {
  post(e->its_color(), delivery<Event>(e), e->site());
}

// Posts all and empties the list. No lock may be held.
inline void post_all(event_list& events) {
  events.clear_and_dispose([](event* e) { e->post(); });
}

}  // namespace async::detail
