// error: refcounted<T>: finalize\(\) would never be called; derive T from async::refcount
#include "wrap/refcnt.h"

struct pooled {
  void finalize();
};

async::ref<pooled> make() { return async::make_ref<pooled>(); }
