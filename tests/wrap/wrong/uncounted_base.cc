// error: could not convert .d. from .*ref<derived>. to .*ref<base>.
#include "wrap/refcnt.h"

struct base {};
struct derived : base {};

async::ref<base> up(const async::ref<derived>& d) { return d; }
