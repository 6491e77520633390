// error: use of deleted function .async::ref<T>::ref\(std::nullptr_t\)
#include "wrap/refcnt.h"

async::ref<int> nothing() { return nullptr; }
