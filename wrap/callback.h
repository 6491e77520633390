// callback<R, Args...>: a function to be called later, with what was bound to it and the line where
// it was made.
//
// Stage: 2 (events keep callbacks), 3 to 5 (they are queued and run).
//
//   void fetch(const std::string& name, async::callback<void, int>::ref done);
//   ...
//   fetch("motd", async::wrap(&got_it, this_client));
//
// A callback is held by callback<...>::ref, or ::ptr where there may be none. Holding it keeps what
// was bound alive; dropping the last handle destroys that, in the thread that drops it. It may be
// called any number of times, `cb(7)` or `(*cb)(7)`. Callbacks are made by wrap (wrap/wrap.h), or
// by deriving from callback.
//
// Who calls a callback keeps a handle to it until the call returns: a callback that drops the last
// handle to itself would otherwise destroy its bound arguments under its own feet.
//
// Thread safety: handles as in wrap/refcnt.h. A call is a plain function call: whether two may be
// made at once is up to the function; colors (mp/color.h) see to it that they are not.
// Invariants: where() never changes.
#pragma once

#include <string>

#include "wrap/refcnt.h"
#include "wrap/where.h"

namespace async {

// What all callbacks have in common.
class callback_base : public refcount {
 public:
  // The line that made this callback; any thread.
  async::where where() const noexcept { return where_; }

  // A mark that mp/ gives to colored callbacks; null for all others. Any thread.
  virtual const void* color_tag() const noexcept { return nullptr; }

  // The object that this callback works on, for traces, which print the address: that whose method
  // it calls, or else what its first bound argument points to if that is of a class; of a callback
  // of a class of its own, itself. Null if there is none. Only for who may call the callback.
  virtual const void* bound_object() const noexcept { return this; }

 protected:
  explicit callback_base(async::where site) noexcept : where_(site) {}

 private:
  async::where where_;
};

// A callback that takes Args and returns R.
template <class R, class... Args>
class callback : public callback_base {
 public:
  using ref = async::ref<callback>;
  using ptr = async::ptr<callback>;

  // Calls the function. An argument given by value is moved on to it, not copied again.
  virtual R operator()(Args... arguments) = 0;

 protected:
  explicit callback(async::where site = async::where::current()) noexcept : callback_base(site) {}
};

using cbv = callback<void>::ref;
using cbi = callback<void, int>::ref;
using cbs = callback<void, std::string>::ref;
using cbb = callback<void, bool>::ref;

}  // namespace async
