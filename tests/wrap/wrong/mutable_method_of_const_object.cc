// error: static assertion failed: wrap: the object is const and the method is not
#include "wrap/wrap.h"

struct client {
  void readable();
};

async::cbv of_const(const client* c) { return async::wrap(c, &client::readable); }
