// error: static assertion failed: wrap: the method belongs to another class than the object
#include "wrap/wrap.h"

struct client : async::refcount {};
struct server : async::refcount {
  void readable();
};

async::cbv unrelated(async::ref<client> c) { return async::wrap(c, &server::readable); }
