// Errors of TLS: see tls.h. Serves stage 6.
//
// Numbers: those of tls_errc; from 1000 on, X509_V_ERR_...; from 2^23 on, OpenSSL's own, which has
// the number of its part in the upper bits.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "async/detail/tls_error.h"
#include "async/tls.h"

namespace async {

namespace {

constexpr int first_of_certificates = 1000;
constexpr int first_of_openssl = 1 << 23;

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "TLS"; }
  std::string message(int number) const override {
    if (number == static_cast<int>(tls_errc::truncated)) {
      return "the connection ended without TLS's end";
    }
    if (number >= first_of_openssl) {
      const char* reason = ERR_reason_error_string(static_cast<unsigned long>(number));
      if (reason != nullptr) return reason;
    } else if (number >= first_of_certificates) {
      return std::string("certificate: ") +
             X509_verify_cert_error_string(number - first_of_certificates);
    }
    return "TLS failed";
  }
};

}  // namespace

const std::error_category& tls_category() noexcept {
  static const category only;
  return only;
}

std::error_code detail::take_tls_error(SSL* connection) noexcept {
  const unsigned long oldest = ERR_get_error();
  // What is wrong with a certificate may have been noted by other parts of OpenSSL before.
  bool verify_failed = false;
  for (unsigned long e = oldest; e != 0; e = ERR_get_error()) {
    verify_failed |=
        ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  }
  if (verify_failed && connection != nullptr) {
    const auto wrong = static_cast<int>(SSL_get_verify_result(connection));
    if (wrong != X509_V_OK) return {first_of_certificates + wrong, tls_category()};
  }
  const int reason = ERR_GET_REASON(oldest);
  if (ERR_GET_LIB(oldest) == ERR_LIB_SSL && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return tls_errc::truncated;
  }
  if (ERR_SYSTEM_ERROR(oldest)) return {reason, std::system_category()};
  const auto number = static_cast<int>(ERR_PACK(ERR_GET_LIB(oldest), 0, reason));
  if (number < first_of_openssl) return tls_errc::failed;
  return {number, tls_category()};
}

}  // namespace async
