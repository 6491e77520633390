// error: static assertion failed: wrap: more arguments are bound than the method has parameters
#include "wrap/wrap.h"

struct client {
  void readable(int fd);
};

async::cbv too_many(client* c) { return async::wrap(c, &client::readable, 1, 2); }
