// signature_of<F>: the parameters and the result of a function, of a method, of an object with one
// operator(), or of a handle to one.
//
// Stage: none (layer 0). Compile time only.
#pragma once

#include <type_traits>

#include "wrap/callback.h"

namespace async::detail {

template <class... T>
struct type_list {};

template <class R, class... A>
struct signature {
  using result = R;
  using parameters = type_list<A...>;
};

// Of a function type, with what may follow the parameters of a method.
template <class F>
struct function_signature {};
template <class R, class... A, bool N>
struct function_signature<R(A...) noexcept(N)> {
  using type = signature<R, A...>;
};
template <class R, class... A, bool N>
struct function_signature<R(A...) const noexcept(N)> {
  using type = signature<R, A...>;
};
template <class R, class... A, bool N>
struct function_signature<R(A...)& noexcept(N)> {
  using type = signature<R, A...>;
};
template <class R, class... A, bool N>
struct function_signature<R(A...) const& noexcept(N)> {
  using type = signature<R, A...>;
};
template <class R, class... A, bool N>
struct function_signature<R(A...)&& noexcept(N)> {
  using type = signature<R, A...>;
};
template <class R, class... A, bool N>
struct function_signature<R(A...) const&& noexcept(N)> {
  using type = signature<R, A...>;
};

template <class M>
struct member_signature {};
template <class M, class C>
struct member_signature<M C::*> : function_signature<M> {
  using class_type = C;
};

template <class F>
concept handle_type = requires {
  typename F::element_type;
}
&&std::is_base_of_v<handle<typename F::element_type>, F>;

template <class F>
struct signature_of {};
template <class F>
  requires std::is_function_v<F>
struct signature_of<F> : function_signature<F> {
};
template <class F>
struct signature_of<F*> : function_signature<F> {};
template <class M, class C>
struct signature_of<M C::*> : member_signature<M C::*> {};
template <class F>
  requires(std::is_class_v<F>&& requires { &F::operator(); })
struct signature_of<F> : member_signature<decltype(&F::operator())> {};
template <handle_type F>
struct signature_of<F> : signature_of<typename F::element_type> {};

template <class F>
concept has_signature = requires {
  typename signature_of<F>::type;
};

}  // namespace async::detail
