// What a tls_context has: OpenSSL's contexts, made of files, and a client's sessions. Serves stage
// 2.
//
// Thread-safety: any thread. What is shared is under the mutex; no OpenSSL function that takes time
// is called with it.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/tls.h"
#include "wrap/detail/color_check.h"

namespace async::detail {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const noexcept {
    const unobserved openssl;  // see tls_transport.cc
    Free(object);
  }
};
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;
using ssl_context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_session_ptr = std::unique_ptr<SSL_SESSION, freed_by<SSL_SESSION_free>>;

// One generation: what was read from the files. Does not change; connections hold it.
struct tls_files : refcount {
  ssl_context_ptr first;
  std::map<std::string, ssl_context_ptr, std::less<>> by_name;  // in lower case
  std::string alpn;                                             // as in the protocol
};

}  // namespace async::detail

namespace async {

class tls_context::impl {
 public:
  // Throws std::system_error.
  using reader = std::function<ref<detail::tls_files>()>;
  explicit impl(reader read) : read_(std::move(read)), files_(read_()) {}

  ref<detail::tls_files> files() const {
    const std::lock_guard lock(mutex_);
    return files_;
  }
  void reload();

  // A client's sessions, the last with each host; each is used once. One of a generation that is
  // over, with other authorities perhaps, is not kept.
  void keep_session(const std::string& host, detail::ssl_session_ptr session,
                    const SSL_CTX* made_by);
  detail::ssl_session_ptr take_session(const std::string& host);

 private:
  static constexpr std::size_t most_sessions = 256;

  const reader read_;
  mutable std::mutex mutex_;

  // Guarded by mutex_.
  ref<detail::tls_files> files_;
  std::map<std::string, detail::ssl_session_ptr> sessions_;
};

}  // namespace async
