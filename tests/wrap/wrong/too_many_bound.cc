// error: static assertion failed: wrap: more arguments are bound than the function has parameters
#include "wrap/wrap.h"

void accepted(int fd);

async::cbv too_many() { return async::wrap(&accepted, 1, 2); }
