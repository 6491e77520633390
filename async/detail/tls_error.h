// OpenSSL's errors as std::error_code. Serves stage 6.
//
// Thread-safety: any thread; OpenSSL keeps a queue of errors for each.
#pragma once

#include <openssl/ssl.h>

#include <system_error>

namespace async::detail {

// The oldest error in the thread's queue, which is then empty; or what is wrong with the
// certificate of `connection`'s peer, if that is among them.
std::error_code take_tls_error(SSL* connection = nullptr) noexcept;

}  // namespace async::detail
