// error: wrap: not a function, nor an object with exactly one operator\(\) \(not overloaded, not a
#include "wrap/wrap.h"

struct visitor {
  void operator()(int);
  void operator()(double);
};

async::cbi overloaded() { return async::wrap(visitor()); }
