// error: static assertion failed: wrap: not a function, nor an object with exactly one operator\(\)
#include "wrap/wrap.h"

async::cbv number() { return async::wrap(7); }
