// error: wrap: a bound argument is kept for every call, so .*: make the parameter a reference
#include <memory>

#include "wrap/wrap.h"

void consume(std::unique_ptr<int> owned, int n);

async::cbi takes_over() { return async::wrap(&consume, std::make_unique<int>(1)); }
