// error: static assertion failed: wrap: the object of a method is given as a pointer, ref, ptr or
#include "wrap/wrap.h"

struct client {
  void readable();
};

async::cbv of_null() { return async::wrap(nullptr, &client::readable); }
