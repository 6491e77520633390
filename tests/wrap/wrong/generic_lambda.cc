// error: wrap: not a function, nor an object with exactly one operator\(\) \(not overloaded, not a
#include "wrap/wrap.h"

async::cbi generic() {
  return async::wrap([](auto) {});
}
