// See handshake.h.
#include "examples/sfsd/channel/handshake.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace sfs {
namespace {

constexpr std::size_t max_tls_record = 16384 + 256;
constexpr std::string_view exporter_label = "EXPORTER-sfs-channel-v1";

ssl_context make_context(const SSL_METHOD* method) {
  ssl_context c{SSL_CTX_new(method)};
  if (!c || SSL_CTX_set_min_proto_version(c.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(c.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set1_groups_list(c.get(), "X25519") != 1 ||
      SSL_CTX_set1_sigalgs_list(c.get(), "ed25519") != 1)
    openssl_broken("preparing TLS");
  SSL_CTX_set_session_cache_mode(c.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(c.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_options(c.get(), SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  SSL_CTX_set_quiet_shutdown(c.get(), 1);
  return c;
}

// ALPN's list of names: each after a byte that gives its length.
std::string protocol_list(const std::vector<suite>& suites) {
  std::string list;
  for (suite s : suites) {
    const std::string name = protocol_name(s);
    list += static_cast<char>(name.size());
    list += name;
  }
  return list;
}

std::optional<suite> suite_of_protocol(std::string_view name) {
  for (suite s : all_suites)
    if (protocol_name(s) == name) return s;
  return std::nullopt;
}

int on_protocols(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned in_size, void* settings) {
  const auto chosen = static_cast<const server_settings*>(settings)->choose({in, in_size});
  if (!chosen) return SSL_TLSEXT_ERR_ALERT_FATAL;
  // The answer must point into memory that stays: the client's own list has the name.
  const std::string name = protocol_name(*chosen);
  const auto* at = std::search(in, in + in_size, name.begin(), name.end());
  *out = at;
  *out_size = static_cast<unsigned char>(name.size());
  return SSL_TLSEXT_ERR_OK;
}

int on_certificate(X509_STORE_CTX* store, void* settings) {
  const auto* client = static_cast<const client_settings*>(settings);
  const bool good = client->is_expected(X509_STORE_CTX_get0_cert(store));
  X509_STORE_CTX_set_error(store, good ? X509_V_OK : X509_V_ERR_HOSTNAME_MISMATCH);
  return good;
}

}  // namespace

session_secrets secrets_of(suite agreed, const secret<96>& exported) noexcept {
  session_secrets s;
  s.suite = agreed;
  const const_bytes all = exported.span();
  std::copy_n(all.begin(), 32, s.client_to_server.span().begin());
  std::copy_n(all.begin() + 32, 32, s.server_to_client.span().begin());
  std::copy_n(all.begin() + 64, 32, s.id.begin());
  return s;
}

server_settings::server_settings(const server_key& key, std::vector<suite> allowed)
    : context_(make_context(TLS_server_method())),
      id_(key.id()),
      location_(key.location().text),
      allowed_(std::move(allowed)) {
  if (SSL_CTX_use_certificate(context_.get(), self_signed(key.pkey()).get()) != 1 ||
      SSL_CTX_use_PrivateKey(context_.get(), key.pkey()) != 1 ||
      SSL_CTX_set_num_tickets(context_.get(), 0) != 1)
    openssl_broken("giving TLS the server's key");
  SSL_CTX_set_alpn_select_cb(context_.get(), on_protocols, this);
}

std::optional<suite> server_settings::choose(const_bytes offered) const noexcept {
  while (!offered.empty()) {
    const std::size_t size = offered[0];
    if (size + 1 > offered.size()) return std::nullopt;
    const std::string_view name{reinterpret_cast<const char*>(offered.data()) + 1, size};
    const auto found = suite_of_protocol(name);
    if (found && std::find(allowed_.begin(), allowed_.end(), *found) != allowed_.end())
      return found;
    offered = offered.subspan(size + 1);
  }
  return std::nullopt;
}

client_settings::client_settings(const self_certifying_path& server,
                                 const std::vector<suite>& wanted)
    : context_(make_context(TLS_client_method())), id_(server.id), location_(server.location.text) {
  const std::string list = protocol_list(wanted);
  if (SSL_CTX_set_alpn_protos(context_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                              static_cast<unsigned>(list.size())) != 0)
    openssl_broken("offering suites");
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context_.get(), on_certificate, this);
}

bool client_settings::is_expected(X509* certificate) const {
  EVP_PKEY* key = certificate ? X509_get0_pubkey(certificate) : nullptr;
  if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) return false;
  return hostid::of(location_, subject_public_key_info(key)) == id_;
}

handshake::handshake(SSL_CTX* context, const hostid& id)
    : id_(id), ssl_(SSL_new(context)), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  if (!ssl_ || !in_ || !out_) openssl_broken("beginning a handshake");
  SSL_set_bio(ssl_.get(), in_, out_);
}

handshake::handshake(const server_settings& settings)
    : handshake(settings.context(), settings.id()) {
  SSL_set_accept_state(ssl_.get());
}

handshake::handshake(const client_settings& settings)
    : handshake(settings.context(), settings.id()) {
  SSL_set_connect_state(ssl_.get());
  advance();
}

std::size_t handshake::feed(const_bytes input) {
  std::size_t used = 0;
  while (used < input.size() && state_ == state::going) {
    const std::size_t n = take_record_part(input.subspan(used));
    used += n;
    taken_ += n;
    if (state_ == state::going && taken_ > handshake_max_input) fail("the handshake is too long");
    if (state_ == state::going && header_filled_ == 0) advance();
  }
  return used;
}

// Gives libssl what of the input belongs to the present TLS record; header_filled_ is 0 after its
// end.
std::size_t handshake::take_record_part(const_bytes input) {
  std::size_t n = 0;
  while (header_filled_ < record_header_.size() && n < input.size()) {
    record_header_[header_filled_++] = input[n++];
    if (header_filled_ < record_header_.size()) continue;
    record_left_ = std::size_t{record_header_[3]} << 8 | record_header_[4];
    const bool is_tls =
        record_header_[0] >= 20 && record_header_[0] <= 23 && record_header_[1] == 3;
    if (!is_tls || record_left_ == 0 || record_left_ > max_tls_record) {
      fail("this is not TLS");
      return n;
    }
  }
  const std::size_t body = std::min(record_left_, input.size() - n);
  if (BIO_write(in_, input.data(), static_cast<int>(n + body)) != static_cast<int>(n + body))
    openssl_broken("buffering a handshake");
  record_left_ -= body;
  if (header_filled_ == record_header_.size() && record_left_ == 0) header_filled_ = 0;
  return n + body;
}

void handshake::advance() {
  ERR_clear_error();
  const int status = SSL_do_handshake(ssl_.get());
  if (status == 1) return finish();
  if (SSL_get_error(ssl_.get(), status) == SSL_ERROR_WANT_READ) return;
  wrong_key_ = SSL_get_verify_result(ssl_.get()) != X509_V_OK;
  if (wrong_key_) {
    return fail(
        "the server's key is not the one that the HOSTID names: it is an impostor, or LOCATION is "
        "written otherwise than where the HOSTID was made (--connect goes elsewhere)");
  }
  fail("the handshake failed: " + openssl_reason());
}

void handshake::finish() {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  const auto agreed = suite_of_protocol({reinterpret_cast<const char*>(name), size});
  if (!agreed) return fail("no suite was agreed on");
  secret<96> exported;
  if (SSL_export_keying_material(ssl_.get(), exported.span().data(), exported.span().size(),
                                 exporter_label.data(), exporter_label.size(), id_.digest.data(),
                                 id_.digest.size(), 1) != 1)
    return fail("no keys came out of the handshake: " + openssl_reason());
  secrets_ = secrets_of(*agreed, exported);
  state_ = state::done;
}

void handshake::fail(std::string why) {
  why_ = std::move(why);
  state_ = state::failed;
}

std::string handshake::take_output() {
  char* begin = nullptr;
  const auto size = BIO_get_mem_data(out_, &begin);
  std::string output(begin, static_cast<std::size_t>(size));
  (void)BIO_reset(out_);
  return output;
}

}  // namespace sfs
