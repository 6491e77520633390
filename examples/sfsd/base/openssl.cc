// See openssl.h.
#include "examples/sfsd/base/openssl.h"

#include <openssl/err.h>

#include <cstdio>
#include <cstdlib>

namespace sfs {

std::string openssl_reason() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "error " + std::to_string(code);
}

void openssl_broken(const char* doing) noexcept {
  std::fprintf(stderr, "sfs: OpenSSL failed while %s: ", doing);
  ERR_print_errors_fp(stderr);
  std::fputc('\n', stderr);
  std::abort();
}

}  // namespace sfs
