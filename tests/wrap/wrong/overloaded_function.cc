// error: no matching function for call to .wrap\(<unresolved overloaded function type>\)
#include "wrap/wrap.h"

void got(int);
void got(double);

async::cbi overloaded() { return async::wrap(&got); }
