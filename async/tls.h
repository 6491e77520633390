// TLS 1.2 and 1.3 for streams, by OpenSSL (stages 2 and 6).
//
//   auto context = async::tls_context::server({.identity = {"chain.pem", "key.pem"}});
//   async::aios_t io = async::tls_accept(fd, context);            // a server's connection
//
//   auto trusting = async::tls_context::client({});                // the system's authorities
//   async::aios_t io = async::tls_connect(fd, trusting, "example.org");
//
// From there on it is the stream of async/aios.h: the handshake is made when the first read or
// write needs it, and a handshake that fails is the error of that read, or of the writing. An end
// of file that the peer did not announce is the error tls_errc::truncated, since anybody on the way
// can make one. Peers can't renegotiate. options().handshake_limit bounds the handshake.
//
// Thread-safety: a context may be used and reloaded by any thread. Making a context reads files,
// and so may block; nothing else does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "async/aios.h"
#include "mp/color.h"
#include "wrap/refcnt.h"
#include "wrap/where.h"

namespace async {

// Files in PEM's form: the certificate with those that lead to an authority behind it, and its key.
struct tls_identity {
  std::string chain;
  std::string key;
};

// Another identity, for clients that ask for this name: "example.org", or "*.example.org" for all
// names with one label before.
struct tls_named_identity {
  std::string name;
  tls_identity identity;
};

enum class tls_client_certificate : std::uint8_t { none, request, require };

struct tls_server_options {
  tls_identity identity;
  std::vector<tls_named_identity> names = {};
  // Protocols for ALPN, the preferred first. A client that offers others only is refused; one that
  // offers none is not.
  std::vector<std::string> alpn = {};
  // Whether clients are asked for a certificate of an authority in the file `client_authorities`;
  // one that they show has to be valid.
  tls_client_certificate client_certificate = tls_client_certificate::none;
  std::string client_authorities = {};
  bool only_tls13 = false;
};

struct tls_client_options {
  // The file of the authorities that are trusted; the system's if it is empty.
  std::string authorities = {};
  tls_identity identity = {};  // if the server asks for one
  std::vector<std::string> alpn = {};
  bool only_tls13 = false;
};

class tls_context : public refcount {
 public:
  // Both throw std::system_error, whose what() names the file and what is wrong with it.
  static ref<tls_context> server(tls_server_options options);
  static ref<tls_context> client(tls_client_options options);

  // Reads all files again. What is connected stays as it is. A server's sessions can be resumed,
  // unless it asks clients for certificates; then, and with a client's context, all are begun anew,
  // so that nobody stays in whose authority was taken away. If the reading fails, the error and
  // what is wrong are returned, and all is as before.
  std::error_code reload(std::string* what = nullptr);

  class impl;
  // For the library's own use.
  explicit tls_context(std::unique_ptr<impl> made);
  impl& own() const noexcept { return *impl_; }

 private:
  ~tls_context() override;

  const std::unique_ptr<impl> impl_;
};

// A server's or a client's end of a TLS connection over `fd`, a connected socket. All as for
// aios::make. A client resumes the last session with that host and context, if it can.
aios_t tls_accept(int fd, const ref<tls_context>& context,
                  ptr<const aios_options> options = nullptr, color c = color::current(),
                  where site = where::current());
// `host` is the name or numeric address that the server's certificate must be for.
aios_t tls_connect(int fd, const ref<tls_context>& context, const std::string& host,
                   ptr<const aios_options> options = nullptr, color c = color::current(),
                   where site = where::current());

// What the handshake has agreed on.
struct tls_state {
  bool established = false;  // all below is empty if not
  bool resumed = false;
  std::string version;           // "TLSv1.3"
  std::string cipher;            // as OpenSSL names it
  std::string alpn;              // the protocol chosen, if any
  std::string server_name;       // that the client asked for, if any
  std::string peer_subject;      // of the peer's certificate, which is valid: "CN=..." (RFC 2253)
  std::string peer_certificate;  // in DER's form; empty if it showed none
};

// Of a stream of tls_accept or tls_connect; nothing is established on another. As its functions.
tls_state tls_state_of(const aios& stream);

// Errors of this header's own; OpenSSL's and those of certificates have other numbers in the same
// category, and all have a message.
enum class tls_errc { truncated = 1, failed = 2 };
const std::error_category& tls_category() noexcept;
inline std::error_code make_error_code(tls_errc e) noexcept {
  return {static_cast<int>(e), tls_category()};
}

}  // namespace async

template <>
struct std::is_error_code_enum<async::tls_errc> : std::true_type {};
