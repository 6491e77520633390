// TLS's contexts: see tls.h. Serves stage 2.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "async/detail/tls_context_impl.h"
#include "async/detail/tls_error.h"
#include "async/tls.h"

namespace async {

using detail::ssl_context_ptr;
using detail::tls_files;

namespace {

[[noreturn]] void refuse(const std::string& what) {
  std::error_code error = detail::take_tls_error();
  if (!error) error = tls_errc::failed;
  throw std::system_error(error, what);
}

ssl_context_ptr new_context(const SSL_METHOD* method, bool only_tls13) {
  ERR_clear_error();
  ssl_context_ptr made(SSL_CTX_new(method));
  if (!made) refuse("TLS");
  SSL_CTX* const c = made.get();
  SSL_CTX_set_min_proto_version(c, only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // The write's bytes may lie elsewhere when it is tried again; buffers go while they are empty.
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(c, 1);
  return made;
}

void use_identity(SSL_CTX* c, const tls_identity& identity) {
  if (SSL_CTX_use_certificate_chain_file(c, identity.chain.c_str()) != 1) refuse(identity.chain);
  if (SSL_CTX_use_PrivateKey_file(c, identity.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(c) != 1) {
    refuse(identity.key);
  }
}

std::string protocol_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) refuse("ALPN: a protocol's name has 1 to 255 bytes");
    list += static_cast<char>(name.size());
    list += name;
  }
  return list;
}

std::string lower(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

// The context for the name that the client asks for; the first, if there is none.
SSL_CTX* context_for(const tls_files& files, const std::string& name) {
  auto found = files.by_name.find(name);
  if (found == files.by_name.end()) {
    const std::size_t dot = name.find('.');
    if (dot != std::string::npos) found = files.by_name.find('*' + name.substr(dot));
  }
  return found == files.by_name.end() ? nullptr : found->second.get();
}

int choose_identity(SSL* connection, int*, void* files) {
  const char* const name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  if (SSL_CTX* c = context_for(*static_cast<const tls_files*>(files), lower(name))) {
    SSL_set_SSL_CTX(connection, c);
  }
  return SSL_TLSEXT_ERR_OK;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void* files) {
  const std::string& ours = static_cast<const tls_files*>(files)->alpn;
  unsigned char* picked;
  if (SSL_select_next_proto(&picked, size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = picked;
  return SSL_TLSEXT_ERR_OK;
}

ssl_context_ptr server_context(const tls_server_options& o, const tls_identity& identity,
                               tls_files& files) {
  ssl_context_ptr made = new_context(TLS_server_method(), o.only_tls13);
  SSL_CTX* const c = made.get();
  use_identity(c, identity);
  static constexpr unsigned char resumed_with_us[] = "libasync-mp";
  SSL_CTX_set_session_id_context(c, resumed_with_us, sizeof resumed_with_us - 1);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);  // tickets need no memory here
  SSL_CTX_set_tlsext_servername_callback(c, &choose_identity);
  SSL_CTX_set_tlsext_servername_arg(c, &files);
  if (!files.alpn.empty()) SSL_CTX_set_alpn_select_cb(c, &choose_protocol, &files);
  if (o.client_certificate != tls_client_certificate::none) {
    const char* const file = o.client_authorities.c_str();
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(file);
    if (names == nullptr || SSL_CTX_load_verify_locations(c, file, nullptr) != 1) refuse(file);
    SSL_CTX_set_client_CA_list(c, names);
    const bool required = o.client_certificate == tls_client_certificate::require;
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
  }
  return made;
}

ref<tls_files> read_server(const tls_server_options& o) {
  auto files = make_ref<tls_files>();
  files->alpn = protocol_list(o.alpn);
  files->first = server_context(o, o.identity, *files);
  for (const tls_named_identity& named : o.names) {
    files->by_name[lower(named.name)] = server_context(o, named.identity, *files);
  }
  return files;
}

// OpenSSL has a session for us to keep: with whom is the connection's own data.
int keep_session(SSL* connection, SSL_SESSION* session) {
  const auto* const whose =
      static_cast<const std::pair<tls_context*, std::string>*>(SSL_get_app_data(connection));
  if (whose == nullptr) return 0;
  whose->first->own().keep_session(whose->second, detail::ssl_session_ptr(session),
                                   SSL_get_SSL_CTX(connection));
  return 1;  // it is ours now
}

ref<tls_files> read_client(const tls_client_options& o) {
  auto files = make_ref<tls_files>();
  files->alpn = protocol_list(o.alpn);
  files->first = new_context(TLS_client_method(), o.only_tls13);
  SSL_CTX* const c = files->first.get();
  const bool found = o.authorities.empty()
                         ? SSL_CTX_set_default_verify_paths(c) == 1
                         : SSL_CTX_load_verify_locations(c, o.authorities.c_str(), nullptr) == 1;
  if (!found) refuse(o.authorities.empty() ? "the system's authorities" : o.authorities);
  if (!o.identity.chain.empty()) use_identity(c, o.identity);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(c, &keep_session);
  if (!files->alpn.empty()) {
    SSL_CTX_set_alpn_protos(c, reinterpret_cast<const unsigned char*>(files->alpn.data()),
                            static_cast<unsigned>(files->alpn.size()));
  }
  return files;
}

// So that the tickets of the last generation are still good. But where clients show certificates,
// these are not looked at again when a session is resumed: so there nobody resumes one whom the
// authorities of now might refuse.
void take_ticket_keys(SSL_CTX* from, SSL_CTX* to) {
  if (SSL_CTX_get_verify_mode(to) != SSL_VERIFY_NONE) return;
  unsigned char keys[80];
  if (SSL_CTX_get_tlsext_ticket_keys(from, keys, sizeof keys) == 1) {
    SSL_CTX_set_tlsext_ticket_keys(to, keys, sizeof keys);
  }
  OPENSSL_cleanse(keys, sizeof keys);
}

}  // namespace

void tls_context::impl::reload() {
  const ref<tls_files> fresh = read_();
  const ref<tls_files> old = files();
  take_ticket_keys(old->first.get(), fresh->first.get());
  std::map<std::string, detail::ssl_session_ptr> forgotten;  // with no lock held
  const std::lock_guard lock(mutex_);
  files_ = fresh;
  forgotten.swap(sessions_);
}

void tls_context::impl::keep_session(const std::string& host, detail::ssl_session_ptr session,
                                     const SSL_CTX* made_by) {
  const std::lock_guard lock(mutex_);
  if (made_by != files_->first.get()) return;
  if (sessions_.size() >= most_sessions && !sessions_.contains(host)) {
    sessions_.erase(sessions_.begin());
  }
  sessions_[host] = std::move(session);
}

detail::ssl_session_ptr tls_context::impl::take_session(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(host);
  if (found == sessions_.end()) return nullptr;
  detail::ssl_session_ptr session = std::move(found->second);
  sessions_.erase(found);
  return session;
}

tls_context::tls_context(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
tls_context::~tls_context() = default;

ref<tls_context> tls_context::server(tls_server_options options) {
  return make_ref<tls_context>(
      std::make_unique<impl>([o = std::move(options)] { return read_server(o); }));
}

ref<tls_context> tls_context::client(tls_client_options options) {
  return make_ref<tls_context>(
      std::make_unique<impl>([o = std::move(options)] { return read_client(o); }));
}

std::error_code tls_context::reload(std::string* what) {
  try {
    impl_->reload();
  } catch (const std::system_error& failed) {
    if (what != nullptr) *what = failed.what();
    return failed.code();
  }
  return {};
}

}  // namespace async
