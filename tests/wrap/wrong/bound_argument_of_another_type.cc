// error: static assertion failed: wrap: a bound argument does not convert to the type of its param
#include <string>

#include "wrap/wrap.h"

void accepted(int fd, int flags);

async::cbi wrong_type(const std::string& name) { return async::wrap(&accepted, name); }
