// error: static assertion failed: mkref: the class must derive from async::refcount
#include "wrap/refcnt.h"

struct table {};

void hold(table* t) { async::mkref(t); }
