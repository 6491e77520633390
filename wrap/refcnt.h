// Reference counts: objects that live as long as somebody holds them.
//
// Stage: none (layer 0). Callbacks, buffers and connections of all stages are held by these.
//
//   class conn : public async::refcount {           // counted itself: the count is in the object
//     async::ptr<conn> next_;
//     void start() { fdcb(fd_, selread, wrap(mkref(this), &conn::readable)); }
//   };
//   async::ref<conn> c = async::make_ref<conn>(fd);
//
//   async::ref<table> t = new async::refcounted<table>(17);   // `table` knows nothing of counts
//   async::ref<int> n = async::make_ref<int>(3);              // nor does int
//
// ref<T> always holds an object, ptr<T> may be null. Both are one pointer wide. A ref converts to
// a ptr, and a handle to a handle of a base class, as raw pointers would; the base has to be
// counted itself (a ref<refcounted-only class> converts to ref<refcount>, and to const). A ptr
// becomes a ref only when written out, `ref<T>(p)`, which aborts if it is null.
//
// When the last handle goes, the virtual finalize() is called, once; it deletes the object unless
// the class overrides it (to keep the object in a pool, say, or to hand it to another color).
//
// Thread safety: the count is atomic. Different handles to one object may be copied, moved and
// dropped by different threads at the same time; one handle, like an int, may not be written by one
// thread while another uses it. What a thread did with the object before it dropped its handle is
// seen by finalize().
//
// Invariants: the count is the number of handles. A new object's count is 0 and nobody owns it
// until the first handle is made; handles that its constructor makes of `this` must not all be gone
// when the constructor returns. Once 0, the count belongs to finalize().
//
// A moved-from ptr is null. A moved-from ref is hollow: it may only be destroyed or assigned to
// (debug builds assert this).
//
// A long list linked by ptr is destroyed recursively; take it apart with `p = p->next`.
#pragma once

#include <cassert>
#include <cstddef>
#include <functional>
#include <utility>

#include "wrap/detail/count.h"
#include "wrap/detail/handle.h"
#include "wrap/detail/misuse.h"
#include "wrap/where.h"

namespace async {

// A counted pointer that is never null. For thread safety see above.
template <class T>
class ref : public detail::handle<T> {
  using base = detail::handle<T>;

 public:
  using ptr = async::ptr<T>;

  // Shares the object of `other`. Never fails.
  ref(const ref& other) noexcept = default;
  // Takes over the object of `other`, which becomes hollow.
  ref(ref&& other) noexcept = default;

  template <detail::converts_to_handle<T> U>
  ref(const ref<U>& other) noexcept : base(detail::upcast<T>(other.get())) {}
  template <detail::converts_to_handle<T> U>
  ref(ref<U>&& other) noexcept
      : base(detail::upcast<T>(detail::handle_access::detach(other)), detail::adopt) {}

  // The first or another handle of an object; `object` must not be null.
  template <detail::same_or_converts<T> U>
  ref(refcounted<U>* object) noexcept : base(detail::upcast<T>(detail::payload_of(object))) {}

  // Aborts, naming the caller's line, if `other` is null.
  template <detail::same_or_converts<T> U>
  explicit ref(const async::ptr<U>& other, where site = where::current())
      : base(detail::upcast<T>(detail::require(other.get(), site))) {}
  template <detail::same_or_converts<T> U>
  explicit ref(async::ptr<U>&& other, where site = where::current())
      : base(detail::upcast<T>(detail::require(detail::handle_access::detach(other), site)),
             detail::adopt) {}

  ref(std::nullptr_t) = delete;  // a ref is never null: use a ptr

  // Takes the new object before letting go of the old one, which is the last thing done: so
  // `r = r->next` is safe, as are self-assignment and self-move.
  ref& operator=(const ref& other) noexcept = default;
  ref& operator=(ref&& other) noexcept = default;

 private:
  friend detail::handle_access;
  explicit ref(T* object) noexcept : base(object) {}
  ref(T* object, detail::adopt_t) noexcept : base(object, detail::adopt) {}
};

// A counted pointer that may be null. For thread safety see above.
template <class T>
class ptr : public detail::handle<T> {
  using base = detail::handle<T>;

 public:
  using ref = async::ref<T>;

  ptr() noexcept = default;
  ptr(std::nullptr_t) noexcept {}

  // Shares the object of `other`, if any. Never fails.
  ptr(const ptr& other) noexcept = default;
  // Takes over the object of `other`, which becomes null.
  ptr(ptr&& other) noexcept = default;

  template <detail::converts_to_handle<T> U>
  ptr(const ptr<U>& other) noexcept : base(detail::upcast<T>(other.get())) {}
  template <detail::converts_to_handle<T> U>
  ptr(ptr<U>&& other) noexcept
      : base(detail::upcast<T>(detail::handle_access::detach(other)), detail::adopt) {}

  template <detail::same_or_converts<T> U>
  ptr(const async::ref<U>& other) noexcept : base(detail::upcast<T>(other.get())) {}
  template <detail::same_or_converts<T> U>
  ptr(async::ref<U>&& other) noexcept
      : base(detail::upcast<T>(detail::handle_access::detach(other)), detail::adopt) {}

  // The first or another handle of an object, or null.
  template <detail::same_or_converts<T> U>
  ptr(refcounted<U>* object) noexcept : base(detail::upcast<T>(detail::payload_of(object))) {}

  // Takes the new object before letting go of the old one, which is the last thing done: so
  // `p = p->next` is safe, as are self-assignment and self-move.
  ptr& operator=(const ptr& other) noexcept = default;
  ptr& operator=(ptr&& other) noexcept = default;

  explicit operator bool() const noexcept { return this->get() != nullptr; }

 private:
  friend detail::handle_access;
  explicit ptr(T* object) noexcept : base(object) {}
  ptr(T* object, detail::adopt_t) noexcept : base(object, detail::adopt) {}
};

// Another handle, or the first, of an object whose class derives from refcount; typically
// mkref(this). `object` must not be null. Any thread that may use *object.
template <class T>
ref<T> mkref(T* object) noexcept {
  static_assert(detail::counted<T>,
                "mkref: the class must derive from async::refcount; of other classes make "
                "a refcounted<T>, or use make_ref<T>(...)");
  assert(object != nullptr);
  return detail::handle_access::share<ref<T>>(object);
}

// Makes a T, or a refcounted<T> if T does not derive from refcount, and its first handle. Throws
// what the constructor or operator new throw. Costs no atomic read-modify-write.
template <class T, class... A>
ref<T> make_ref(A&&... arguments) {
  if constexpr (detail::counted<T>) {
    T* object = new T(std::forward<A>(arguments)...);
    detail::count_of(object)->retain_new();
    return detail::handle_access::take<ref<T>>(object);
  } else {
    auto* object = new refcounted<T>(std::forward<A>(arguments)...);
    detail::count_of(object)->retain_new();
    return detail::handle_access::take<ref<T>>(detail::payload_of(object));
  }
}

}  // namespace async

// Handles hash as their pointers do.
template <class T>
struct std::hash<async::ref<T>> {
  std::size_t operator()(const async::ref<T>& r) const noexcept { return std::hash<T*>()(r.get()); }
};
template <class T>
struct std::hash<async::ptr<T>> {
  std::size_t operator()(const async::ptr<T>& p) const noexcept { return std::hash<T*>()(p.get()); }
};
