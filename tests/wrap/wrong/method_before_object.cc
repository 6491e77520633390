// error: static assertion failed: wrap: a method comes after its object: wrap\(object, &C::method\)
#include "wrap/wrap.h"

struct client {
  void readable();
};

async::cbv swapped(client* c) { return async::wrap(&client::readable, c); }
