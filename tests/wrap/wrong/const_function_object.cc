// error: static assertion failed: wrap: the function object cannot be called as it is kept
#include <functional>

#include "wrap/wrap.h"

struct counter {
  void operator()();
};

async::cbv of_const(const counter& c) { return async::wrap(std::ref(c)); }
