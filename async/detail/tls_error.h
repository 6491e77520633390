// OpenSSL's errors as std::error_code. Serves stage 6.
//
// Thread-safety: any thread; OpenSSL keeps a queue of errors for each.
#pragma once

#include <openssl/ssl.h>

#include <system_error>

namespace async::detail {

// The oldest error in the thread's queue, which is then empty; of `connection`'s peer's
// certificate, if that is what is wrong.
std::error_code take_tls_error(SSL* connection = nullptr) noexcept;

}  // namespace async::detail
