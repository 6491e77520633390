// error: wrap: a bound argument is kept for every call, so .*: make the parameter a reference
#include <string>

#include "wrap/wrap.h"

void consume(std::string&& text);

async::cbv takes_over() { return async::wrap(&consume, std::string("text")); }
