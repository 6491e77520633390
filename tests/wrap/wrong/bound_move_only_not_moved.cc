// error: static assertion failed: wrap: a bound argument cannot be copied: std::move it
#include <memory>

#include "wrap/wrap.h"

void look(const std::unique_ptr<int>& owned);

async::cbv copies(std::unique_ptr<int> owned) { return async::wrap(&look, owned); }
