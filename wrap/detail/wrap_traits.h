// What wrap makes of its arguments' types: the callback, the closure, or what is wrong with them.
// Included by wrap/detail/closure.h, which explains the names to use.
//
// Stage: none (layer 0). Compile time only.
// Invariants: one static_assert speaks for each mistake, and nothing else fails after it.
#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include "wrap/detail/signature.h"

namespace async::detail {

template <class F, class... Bound>
class closure;
template <class Object, class Method, class... Bound>
class method_closure;

// A copy, or, of std::ref(x), a reference to x.
template <class A>
using stored = std::unwrap_ref_decay_t<A>;

// How an argument given as A is kept for a parameter P: as a copy of its own type. But a pointer
// for a parameter of class type is converted at once, since what it points to may be gone at the
// call: of a char array, a std::string keeps the characters.
template <class A, class P, class Class = std::remove_cvref_t<P>>
using kept_for = std::conditional_t<std::is_pointer_v<stored<A>> && std::is_class_v<Class> &&
                                        std::is_convertible_v<stored<A>, Class> &&
                                        std::is_convertible_v<const Class&, P>,
                                    Class, stored<A>>;

// Bound argument number Position, counted from 1, given as Given, for a parameter of type
// Parameter.
template <std::size_t Position, class Given, class Parameter>
struct bound_argument {
  using kept = kept_for<Given, Parameter>;
  static constexpr bool can_keep =
      std::is_constructible_v<kept, Given> || std::is_lvalue_reference_v<kept>;
  static constexpr bool can_pass = std::is_convertible_v<kept&, Parameter>;
  static constexpr bool could_move = std::is_convertible_v<kept, Parameter>;
  static constexpr bool ok = can_keep && can_pass;

  static_assert(can_keep,
                "wrap: a bound argument cannot be copied: std::move it, or bind std::ref of it");
  static_assert(!can_keep || can_pass || !could_move,
                "wrap: a bound argument is kept for every call, so the parameter cannot take it "
                "over: make the parameter a reference (T& or const T&)");
  static_assert(!can_keep || can_pass || could_move,
                "wrap: a bound argument does not convert to the type of its parameter");
};

// Matches the bound arguments with the leading parameters, one after the other.
template <std::size_t Position, class Given, class Parameters, class Kept>
struct bind_leading;
template <std::size_t Position, class Parameters, class Kept>
struct bind_leading<Position, type_list<>, Parameters, Kept> {
  using kept = Kept;
  using rest = Parameters;
  static constexpr bool too_many = false;
  static constexpr bool ok = true;
};
template <std::size_t Position, class Given, class... Givens, class Kept>
struct bind_leading<Position, type_list<Given, Givens...>, type_list<>, Kept> {
  using kept = Kept;
  using rest = type_list<>;
  static constexpr bool too_many = true;
  static constexpr bool ok = false;
};
template <std::size_t Position, class Given, class... Givens, class Parameter, class... Parameters,
          class... Kept>
struct bind_leading<Position, type_list<Given, Givens...>, type_list<Parameter, Parameters...>,
                    type_list<Kept...>>
    : bind_leading<Position + 1, type_list<Givens...>, type_list<Parameters...>,
                   type_list<Kept..., kept_for<Given, Parameter>>> {
  using next = bind_leading<Position + 1, type_list<Givens...>, type_list<Parameters...>,
                            type_list<Kept..., kept_for<Given, Parameter>>>;
  static constexpr bool ok =
      next::too_many ? false : bound_argument<Position, Given, Parameter>::ok && next::ok;
};

template <class F>
struct signature_or_none {
  using type = signature<void>;
};
template <has_signature F>
struct signature_or_none<F> : signature_of<F> {};

// Nothing is bound when something else is wrong already.
template <bool Sound, class Signature, class... Given>
struct bind_to : bind_leading<1, type_list<Given...>, typename Signature::parameters, type_list<>> {
};
template <class Signature, class... Given>
struct bind_to<false, Signature, Given...>
    : bind_leading<1, type_list<>, type_list<>, type_list<>> {};

template <class R, class Rest>
struct callback_from;
template <class R, class... Rest>
struct callback_from<R, type_list<Rest...>> {
  using type = callback<R, Rest...>;
};

// Whether F can be called with the kept arguments, as lvalues, followed by the rest.
template <class F, class Kept, class Rest>
inline constexpr bool invocable_with = false;
template <class F, class... Kept, class... Rest>
inline constexpr bool invocable_with<F, type_list<Kept...>, type_list<Rest...>> =
    std::is_invocable_v<F, Kept&..., Rest...>;

// wrap(function, bound...).
template <class F, class... Bound>
struct wrap_plan {
  using function = stored<F>;
  using target = std::remove_reference_t<function>;
  using shape = typename signature_or_none<target>::type;

  static constexpr bool is_function = !std::is_member_pointer_v<target>;
  static constexpr bool has_one_shape = !is_function || has_signature<target>;
  using bind = bind_to<is_function && has_one_shape, shape, Bound...>;
  static constexpr bool can_call =
      !bind::ok || invocable_with<function&, typename bind::kept, typename bind::rest>;
  static constexpr bool ok = is_function && has_one_shape && bind::ok && can_call;

  static_assert(is_function, "wrap: a method comes after its object: wrap(object, &C::method)");
  static_assert(has_one_shape,
                "wrap: not a function, nor an object with exactly one operator() (not overloaded, "
                "not a template: write out the types of a lambda's parameters)");
  static_assert(!bind::too_many, "wrap: more arguments are bound than the function has parameters");
  static_assert(!is_function || !has_one_shape || can_call,
                "wrap: the function object cannot be called as it is kept (is it const?)");

  using callback_type =
      std::conditional_t<ok,
                         typename callback_from<typename shape::result, typename bind::rest>::type,
                         callback<void>>;
  template <class Kept>
  struct closure_from;
  template <class... Kept>
  struct closure_from<type_list<Kept...>> {
    using type = closure<function, Kept...>;
  };
  using closure_type =
      std::conditional_t<ok, typename closure_from<typename bind::kept>::type, void>;
};

// What a method may be called on, if Object is what is kept of wrap's first argument: what a
// pointer or handle points to, or the object of a std::ref. Else void.
template <class Object>
struct pointee {
  using type = void;
};
template <class Object>
  requires requires(Object& object) { *object; }
struct pointee<Object> {
  using type = std::remove_reference_t<decltype(*std::declval<Object&>())>;
};
template <class Object>
struct pointee<Object&> {
  using type = Object;
};

template <class Target, class Method>
inline constexpr bool has_method = false;
template <class Target, class M, class C>
inline constexpr bool has_method<Target, M C::*> =
    std::is_convertible_v<const volatile Target*, const volatile C*>;

// wrap(object, &C::method, bound...): a method follows; and if the first argument is itself a
// function, it is one that has this method (a ref to a function object with a further method).
template <class F, class M>
concept method_form =
    std::is_member_function_pointer_v<std::decay_t<M>> && !std::is_member_pointer_v<stored<F>> &&
    (!has_signature<std::remove_reference_t<stored<F>>> ||
     has_method<typename pointee<stored<F>>::type, std::decay_t<M>>);

template <class Method, class Target, class Parameters>
inline constexpr bool invocable_on = false;
template <class Method, class Target, class... P>
inline constexpr bool invocable_on<Method, Target, type_list<P...>> =
    std::is_invocable_v<Method, Target&, P...>;

template <class F, class M, class... Bound>
  requires method_form<F, M>
struct wrap_plan<F, M, Bound...> {
  using object = stored<F>;
  using method = std::decay_t<M>;
  using target = typename pointee<object>::type;
  using shape = typename signature_of<method>::type;

  static constexpr bool has_target = std::is_class_v<target> || std::is_union_v<target>;
  static constexpr bool related = !has_target || has_method<target, method>;
  static constexpr bool sound = has_target && related;
  static constexpr bool can_call =
      !sound ||
      invocable_on<method, std::conditional_t<sound, target, int>, typename shape::parameters>;
  using bind = bind_to<sound && can_call, shape, Bound...>;
  static constexpr bool ok = sound && can_call && bind::ok;

  static_assert(has_target,
                "wrap: the object of a method is given as a pointer, ref, ptr or std::ref(object)");
  static_assert(related, "wrap: the method belongs to another class than the object");
  static_assert(can_call,
                "wrap: the object is const and the method is not (or it needs an rvalue)");
  static_assert(!bind::too_many, "wrap: more arguments are bound than the method has parameters");

  using callback_type =
      std::conditional_t<ok,
                         typename callback_from<typename shape::result, typename bind::rest>::type,
                         callback<void>>;
  template <class Kept>
  struct closure_from;
  template <class... Kept>
  struct closure_from<type_list<Kept...>> {
    using type = method_closure<object, method, Kept...>;
  };
  using closure_type =
      std::conditional_t<ok, typename closure_from<typename bind::kept>::type, void>;
};

}  // namespace async::detail
