// error: could not convert .* from .async::wrap<.*>. to .async::cbs.
#include "wrap/wrap.h"

void got(int);

async::cbs number_for_string() { return async::wrap(&got); }
