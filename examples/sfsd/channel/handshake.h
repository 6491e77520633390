// The handshake: TLS 1.3 by libssl over memory, until both sides have the same fresh secrets and
// the client knows that the server holds the key that HOSTID names. Bytes in, bytes out; no socket.
// Then TLS is dropped and the record layer (record.h) goes on with keys from TLS's exporter.
//
// What is fixed: TLS 1.3 only, X25519 only, an Ed25519 certificate, no tickets, no resumption, no
// early data, no authority. The suite of the record layer is agreed on as an ALPN protocol, in the
// client's order of preference among what the server allows. TLS authenticates that choice with
// everything else that was said, and its name is hashed into the keys, so nobody in between can
// lower it.
//
// The secrets: SSL_export_keying_material("EXPORTER-sfs-channel-v1", context = HOSTID's 32 bytes)
// gives 96 bytes: client to server, server to client, session id.
//
// Thread safety: one handshake is used by one thread (or color) at a time; a *_settings object is
// constant and shared by all its handshakes.
// Invariants: at most `handshake_max_input` bytes are ever taken in; after done() or failed()
// nothing more is. The secrets can be taken only once, and only when done.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/secret.h"
#include "examples/sfsd/channel/hostid.h"
#include "examples/sfsd/channel/keys.h"
#include "examples/sfsd/channel/suite.h"

namespace sfs {

inline constexpr std::size_t handshake_max_input = 16 * 1024;

// What a finished handshake leaves.
struct session_secrets {
  sfs::suite suite = suite::aes_128_gcm;
  secret32 client_to_server, server_to_client;
  std::array<std::uint8_t, 32> id{};  // not secret; both sides have it, no other session does
};

// What the 96 bytes are that TLS's exporter gives.
session_secrets secrets_of(suite agreed, const secret<96>& exported) noexcept;

class server_settings {
 public:
  // The server's key and what suites it allows.
  server_settings(const server_key& key, std::vector<suite> allowed);
  server_settings(const server_settings&) = delete;  // libssl has been told where it is
  server_settings& operator=(const server_settings&) = delete;

  SSL_CTX* context() const noexcept { return context_.get(); }
  const hostid& id() const noexcept { return id_; }
  const std::string& location() const noexcept { return location_; }
  std::optional<suite> choose(const_bytes offered) const noexcept;

 private:
  ssl_context context_;
  hostid id_;
  std::string location_;
  std::vector<suite> allowed_;
};

class client_settings {
 public:
  // The server that is expected, and the suites that the client takes, best first.
  client_settings(const self_certifying_path& server, const std::vector<suite>& wanted);
  client_settings(const client_settings&) = delete;  // libssl has been told where it is
  client_settings& operator=(const client_settings&) = delete;

  SSL_CTX* context() const noexcept { return context_.get(); }
  const hostid& id() const noexcept { return id_; }
  bool is_expected(X509* certificate) const;

 private:
  ssl_context context_;
  hostid id_;
  std::string location_;
};

class handshake {
 public:
  // The settings must outlive the handshake. A client has output at once.
  explicit handshake(const server_settings& settings);
  explicit handshake(const client_settings& settings);

  // Takes in what the other side sent and returns how many of the bytes it used: all of them until
  // it is done or has failed. What is left after done() belongs to the record layer.
  std::size_t feed(const_bytes input);

  // What must be sent now, also after a failure (an alert) and after done(). Moves it out.
  std::string take_output();

  bool done() const noexcept { return state_ == state::done; }
  bool failed() const noexcept { return state_ == state::failed; }
  const std::string& why() const noexcept { return why_; }
  // A client's: it failed because the server's key is not the one that the HOSTID names.
  bool wrong_key() const noexcept { return wrong_key_; }

  // Only if done(), and once.
  session_secrets take_secrets() { return std::move(*secrets_); }

 private:
  enum class state : std::uint8_t { going, done, failed };
  handshake(SSL_CTX* context, const hostid& id);
  std::size_t take_record_part(const_bytes input);
  void advance();
  void finish();
  void fail(std::string why);

  state state_ = state::going;
  hostid id_;
  ssl_owner ssl_;
  BIO* in_ = nullptr;   // owned by ssl_
  BIO* out_ = nullptr;  // owned by ssl_
  std::size_t taken_ = 0;
  // libssl gets whole TLS records, so that it never takes what comes after the handshake.
  std::array<std::uint8_t, 5> record_header_{};
  std::size_t header_filled_ = 0;
  std::size_t record_left_ = 0;
  bool wrong_key_ = false;
  std::string why_;
  std::optional<session_secrets> secrets_;
};

}  // namespace sfs
