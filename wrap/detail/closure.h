// closure: a function and its bound arguments, in one object. It is all that wrap adds to a
// callback, and is here for whoever makes callbacks of another kind (mp/'s colored ones).
//
// From the types of wrap's arguments, as forwarding references deduce them (`template <class F,
// class... Bound> ... (F&& f, Bound&&... bound)`), get
//
//   callback_of_t<F, Bound...>   callback<R, Rest...>, where Rest is what is left to be passed
//   closure_of_t<F, Bound...>    a class, neither copied nor moved, with
//                                  closure(where site, F&& f, Bound&&... bound);
//                                  R operator()(Rest&&...);
//                                  const void* bound_object() const;   as callback_base says
//   can_wrap<F, Bound...>        false after a static_assert has said what is wrong with the types;
//                                then callback_of_t is callback<void>, and closure_of_t is void
//
// and derive the callback, as bound_callback in wrap/wrap.h does:
//
//   template <class Callback, class Closure> class my_callback;
//   template <class R, class... Rest, class Closure>
//   class my_callback<callback<R, Rest...>, Closure> final : public callback<R, Rest...> {
//     Closure closure_;
//     R operator()(Rest... rest) override { return closure_(std::forward<Rest>(rest)...); }
//   };
//
// Stage: 2 and 5 (it is made with the callback and run by the call).
// Thread safety: none of its own; that of the function called.
// Invariants: bound arguments are constructed in the order given, after the function, and destroyed
// in the reverse order, the function last. They are passed as lvalues.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "wrap/detail/misuse.h"
#include "wrap/detail/signature.h"
#include "wrap/detail/wrap_traits.h"
#include "wrap/where.h"

namespace async::detail {

// One bound value or reference. The position tells equal types apart.
template <std::size_t Position, class T>
struct slot {
  T value;
};
// An empty one takes no room. (The attribute on others would let the next slot into their tail
// padding, which who gets a reference to the value may overwrite.)
template <std::size_t Position, class T>
  requires std::is_empty_v<T>
struct slot<Position, T> {
  [[no_unique_address]] T value;
};

// True for a null pointer, handle or the like; things without a null are never null.
template <class T>
constexpr bool is_null(const T& value) noexcept {
  if constexpr (std::is_pointer_v<T> || std::is_member_pointer_v<T> || handle_type<T>) {
    return value == nullptr;
  } else {
    return false;
  }
}

template <class T>
concept tells_its_object = requires(const T& value) {
  { value.bound_object() } -> std::convertible_to<const void*>;
};

// The address of an object that a trace tells apart from others: those of classes.
template <class T>
const void* address_of_class(const T* object) noexcept {
  if constexpr (tells_its_object<std::remove_cv_t<T>>) {
    return object == nullptr ? nullptr : object->bound_object();
  } else if constexpr (std::is_class_v<T>) {
    return const_cast<const std::remove_cv_t<T>*>(object);
  } else {
    return nullptr;
  }
}

// The object that a kept value stands for: what a pointer or handle points to, what std::ref
// refers to, and of a callback that which it is bound to. Null for all else.
template <class Kept>
const void* object_behind(const std::remove_reference_t<Kept>& value) noexcept {
  using kept = std::remove_cv_t<std::remove_reference_t<Kept>>;
  if constexpr (handle_type<kept>) {
    return address_of_class(value.get());
  } else if constexpr (std::is_pointer_v<kept>) {
    if constexpr (std::is_object_v<std::remove_pointer_t<kept>>) {
      return address_of_class(value);
    } else {
      return nullptr;
    }
  } else if constexpr (std::is_lvalue_reference_v<Kept> || tells_its_object<kept>) {
    return address_of_class(std::addressof(value));
  } else {
    return nullptr;
  }
}

// The slots are bases, so that the order of construction is certain and small ones are packed.
template <class Positions, class F, class... Bound>
class closure_slots;
template <std::size_t... I, class F, class... Bound>
class closure_slots<std::index_sequence<I...>, F, Bound...> : slot<0, F>, slot<I + 1, Bound>... {
 public:
  template <class F2, class... Bound2>
  explicit closure_slots(F2&& f, Bound2&&... bound)
      : slot<0, F>{std::forward<F2>(f)}, slot<I + 1, Bound>{std::forward<Bound2>(bound)}... {}
  closure_slots(const closure_slots&) = delete;
  closure_slots& operator=(const closure_slots&) = delete;

  auto& function() noexcept { return static_cast<slot<0, F>&>(*this).value; }

  template <class... Rest>
  decltype(auto) call(Rest&&... rest) {
    return function()(static_cast<slot<I + 1, Bound>&>(*this).value...,
                      std::forward<Rest>(rest)...);
  }

  const void* bound_object() const noexcept {
    const void* const known = object_behind<F>(static_cast<const slot<0, F>&>(*this).value);
    if (known != nullptr) return known;
    if constexpr (sizeof...(Bound) != 0) {
      using first = std::tuple_element_t<0, std::tuple<Bound...>>;
      return object_behind<first>(static_cast<const slot<1, first>&>(*this).value);
    } else {
      return nullptr;
    }
  }
};

template <class F, class... Bound>
class closure {
 public:
  // Aborts, naming `site`, if the function is null.
  template <class F2, class... Bound2>
  explicit closure(where site, F2&& f, Bound2&&... bound)
      : slots_(std::forward<F2>(f), std::forward<Bound2>(bound)...) {
    if (is_null(slots_.function())) [[unlikely]] {
      misuse(site, "wrap: the function is null");
    }
  }

  template <class... Rest>
  decltype(auto) operator()(Rest&&... rest) {
    return slots_.call(std::forward<Rest>(rest)...);
  }

  const void* bound_object() const noexcept { return slots_.bound_object(); }

 private:
  closure_slots<std::index_sequence_for<Bound...>, F, Bound...> slots_;
};

// The object that a method is called on: what `pointer` points to, or, after std::ref, itself.
template <class Object>
decltype(auto) target_of(std::remove_reference_t<Object>& pointer) {
  if constexpr (std::is_lvalue_reference_v<Object>) {
    return (pointer);
  } else {
    return *pointer;
  }
}

// A method and its object, which is kept as it was given: a ref or ptr keeps it alive.
template <class Object, class Method>
class method_call {
 public:
  template <class Object2>
  method_call(where site, Object2&& object, Method method)
      : object_(std::forward<Object2>(object)), method_(method) {
    if (is_null(object_)) [[unlikely]] {
      misuse(site, "wrap: the object of the method is null");
    }
    if (is_null(method_)) [[unlikely]] {
      misuse(site, "wrap: the method is null");
    }
  }

  template <class... A>
  decltype(auto) operator()(A&&... arguments) {
    return (target_of<Object>(object_).*method_)(std::forward<A>(arguments)...);
  }

  const void* bound_object() const noexcept {
    auto& object = const_cast<method_call*>(this)->object_;
    const volatile void* const at = std::addressof(target_of<Object>(object));
    return const_cast<const void*>(at);
  }

 private:
  Object object_;
  Method method_;
};

template <class Object, class Method, class... Bound>
class method_closure : public closure<method_call<Object, Method>, Bound...> {
  using base = closure<method_call<Object, Method>, Bound...>;

 public:
  template <class Object2, class... Bound2>
  method_closure(where site, Object2&& object, Method method, Bound2&&... bound)
      : base(site, method_call<Object, Method>(site, std::forward<Object2>(object), method),
             std::forward<Bound2>(bound)...) {}
};

template <class F, class... Bound>
using callback_of_t = typename wrap_plan<F, Bound...>::callback_type;
template <class F, class... Bound>
using closure_of_t = typename wrap_plan<F, Bound...>::closure_type;
template <class F, class... Bound>
inline constexpr bool can_wrap = wrap_plan<F, Bound...>::ok;

}  // namespace async::detail
