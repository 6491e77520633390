// error: .virtual async::refcount::~refcount\(\). is protected within this context
#include "wrap/refcnt.h"

void destroy(async::refcount* r) { delete r; }
