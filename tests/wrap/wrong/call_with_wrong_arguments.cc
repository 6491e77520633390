// error: use of deleted function .*void async::detail::handle<T>::operator\(\)\(A&& ...\) const
#include "wrap/wrap.h"

void call(async::cbi cb) { cb("seven"); }
