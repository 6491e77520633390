// error: could not convert .* from .async::ptr<int>. to .async::ref<int>.
#include "wrap/refcnt.h"

async::ref<int> perhaps(async::ptr<int> p) { return p; }
