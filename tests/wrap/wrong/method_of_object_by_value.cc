// error: static assertion failed: wrap: the object of a method is given as a pointer, ref, ptr or
#include "wrap/wrap.h"

struct client {
  void readable();
};

async::cbv by_value(client& c) { return async::wrap(c, &client::readable); }
