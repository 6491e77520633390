// error: no match for call to .\(async::callback<void, int>\) \(const char \[6\]\).
#include "wrap/wrap.h"

void call(async::cbi cb) { (*cb)("seven"); }
