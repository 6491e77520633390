// Streams over TLS: see tls.h and transport.h. Serves stage 6.
//
// OpenSSL reads from and writes to the socket itself, through a BIO that takes a bounded amount
// for each read() and never raises SIGPIPE: so ciphertext is not copied on its way. A record that
// the socket does not take stays in OpenSSL's buffer, and its plaintext in the stream's queue until
// it is sent.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "async/detail/aios_access.h"
#include "async/detail/tls_context_impl.h"
#include "async/detail/tls_error.h"
#include "async/detail/transport.h"
#include "async/tls.h"
#include "suio/detail/io.h"
#include "wrap/detail/color_check.h"

namespace async {
namespace detail {
namespace {

constexpr std::size_t record = 16 * 1024;
constexpr std::size_t bytes_per_read = 64 * 1024;

class tls_transport final : public transport {
 public:
  // A client's has the name of the host.
  tls_transport(const ref<tls_context>& context, std::string host);

  io_result read(int fd, suio& to, std::size_t most) override;
  io_result write(int fd, suio& from, std::size_t most) override;
  io_result end(int fd, bool closed) override;
  void close(int fd) noexcept override;
  bool waits_for_peer() const noexcept override { return in_handshake_ && waits_; }
  bool has_output() const noexcept override { return in_handshake_ && !waits_; }
  bool in_handshake() const noexcept override { return in_handshake_; }
  void release() noexcept override { delete this; }

  SSL* connection() const noexcept { return ssl_.get(); }

 private:
  ~tls_transport() override = default;

  static const BIO_METHOD* method();
  static int receive(BIO* bio, char* to, int size);
  static int send(BIO* bio, const char* from, int size);
  static long control(BIO* bio, int what, long, void*);

  void use(int fd, std::size_t budget = 0) noexcept;
  bool shake_hands(io_result& result);
  io_status outcome(int returned) noexcept;
  void start_client();

  // With whom sessions are kept; the context lives as long as this.
  std::pair<tls_context*, std::string> whose_;
  const ref<tls_context> context_;
  const ref<tls_files> files_;
  ssl_ptr ssl_;
  std::error_code error_;   // of the last outcome(), if that was one
  std::size_t budget_ = 0;  // bytes that may be received until the next use()
  int fd_ = -1;
  int send_flags_ = MSG_NOSIGNAL;
  int errno_ = 0;  // of the last failed system call
  bool in_handshake_ = true;
  bool waits_;  // in the handshake: for the peer
};

tls_transport::tls_transport(const ref<tls_context>& context, std::string host)
    : whose_(context.get(), std::move(host)),
      context_(context),
      files_(context->own().files()),
      ssl_(SSL_new(files_->first.get())),
      waits_(whose_.second.empty()) {
  BIO* const bio = ssl_ ? BIO_new(method()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (whose_.second.empty()) {
    SSL_set_accept_state(ssl_.get());
  } else {
    start_client();
  }
}

void tls_transport::start_client() {
  const unobserved openssl;
  SSL* const s = ssl_.get();
  const char* const host = whose_.second.c_str();
  SSL_set_app_data(s, &whose_);
  SSL_set_connect_state(s);
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s), host) != 1) {
    SSL_set_hostflags(s, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(s, host) != 1 || SSL_set_tlsext_host_name(s, host) != 1) {
      throw std::bad_alloc();
    }
  }
  ERR_clear_error();
  if (const ssl_session_ptr session = context_->own().take_session(whose_.second)) {
    SSL_set_session(s, session.get());
  }
}

// --- OpenSSL's way to the socket ---

const BIO_METHOD* tls_transport::method() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (m == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(m, &tls_transport::receive);
    BIO_meth_set_write(m, &tls_transport::send);
    BIO_meth_set_ctrl(m, &tls_transport::control);
    return m;
  }();
  return made;
}

int tls_transport::receive(BIO* bio, char* to, int size) {
  auto& self = *static_cast<tls_transport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t wanted = std::min(static_cast<std::size_t>(size), self.budget_);
  ssize_t got = -1;
  errno = EAGAIN;
  if (wanted != 0) {
    do got = ::recv(self.fd_, to, wanted, 0);
    while (got < 0 && errno == EINTR);
  }
  if (got >= 0) {
    // Less than asked for: there is no more now, and no need to ask.
    self.budget_ = static_cast<std::size_t>(got) < wanted ? 0 : self.budget_ - wanted;
    if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(got);
  }
  self.budget_ = 0;
  self.errno_ = errno;
  if (errno == EAGAIN) BIO_set_retry_read(bio);
  return -1;
}

int tls_transport::send(BIO* bio, const char* from, int size) {
  auto& self = *static_cast<tls_transport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t sent;
  do sent = ::send(self.fd_, from, static_cast<std::size_t>(size), self.send_flags_);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    self.errno_ = errno;
    if (errno == EAGAIN) BIO_set_retry_write(bio);
  }
  return static_cast<int>(sent);
}

long tls_transport::control(BIO* bio, int what, long, void*) {
  if (what == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return what == BIO_CTRL_FLUSH ? 1 : 0;
}

// OpenSSL keeps things for each thread and for all of a context, which to the color checker would
// be shared by the colors of the streams: so it is not looked at.
void tls_transport::use(int fd, std::size_t budget) noexcept {
  const unobserved openssl;
  fd_ = fd;
  budget_ = budget;
  send_flags_ = MSG_NOSIGNAL;
  errno_ = 0;
  ERR_clear_error();
}

// --- The stream's side ---

// What a call of OpenSSL that did not succeed means.
io_status tls_transport::outcome(int returned) noexcept {
  const unobserved openssl;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_ZERO_RETURN:
      return io_status::eof;
    case SSL_ERROR_WANT_READ:
      waits_ = true;
      return io_status::would_block;
    case SSL_ERROR_WANT_WRITE:
      waits_ = false;
      return io_status::would_block;
    case SSL_ERROR_SYSCALL:
      error_ = tls_errc::truncated;
      if (errno_ != 0) error_ = {errno_, std::generic_category()};
      break;
    default:
      error_ = take_tls_error(ssl_.get());
  }
  ERR_clear_error();
  // What was to be read is only an alert now, and nothing can be written.
  in_handshake_ = false;
  return io_status::error;
}

// Whether data can flow; `result` says why not.
bool tls_transport::shake_hands(io_result& result) {
  if (error_) {
    result.status = io_status::error;
    result.error = error_;
    return false;
  }
  if (!in_handshake_) return true;
  const unobserved openssl;
  const int returned = SSL_do_handshake(ssl_.get());
  if (returned == 1) {
    in_handshake_ = false;
    return true;
  }
  result.status = outcome(returned);
  result.error = error_;
  return false;
}

io_result tls_transport::read(int fd, suio& to, std::size_t most) {
  use(fd, bytes_per_read);
  io_result result;
  if (!shake_hands(result)) return result;
  // Until OpenSSL has nothing left: what it keeps would not make the fd readable.
  for (;;) {
    io_status why = io_status::done;
    const io_result part =
        io_access::input(to, most - result.bytes, [&](const iovec* space, int count) -> ssize_t {
          const unobserved openssl;
          std::size_t got = 0;
          for (int i = 0; i < count; ++i) {
            auto* const data = static_cast<char*>(space[i].iov_base);
            for (std::size_t at = 0; at < space[i].iov_len;) {
              std::size_t n = 0;
              const int returned = SSL_read_ex(ssl_.get(), data + at, space[i].iov_len - at, &n);
              if (returned != 1) {
                why = outcome(returned);
                errno = EAGAIN;
                return got != 0 ? static_cast<ssize_t>(got) : -1;
              }
              at += n;
              got += n;
            }
          }
          return static_cast<ssize_t>(got);
        });
    result.bytes += part.bytes;
    if (why == io_status::done) continue;
    result.status = why == io_status::would_block && result.bytes != 0 ? io_status::done : why;
    result.error = error_;
    return result;
  }
}

// Receives nothing, in the handshake either: data behind its end would be left in OpenSSL, where
// nobody waits for it. Only read() takes what comes.
io_result tls_transport::write(int fd, suio& from, std::size_t most) {
  use(fd);
  io_result result;
  if (!shake_hands(result)) return result;
  result = io_access::output(from, most, [&](const iovec* ranges, int count) -> ssize_t {
    // Small ranges share a record; a large one is written from where it is.
    static thread_local std::array<char, record> joined;
    const void* data = ranges[0].iov_base;
    std::size_t size = std::min(ranges[0].iov_len, record);
    if (size < record && count > 1) {
      size = 0;
      for (int i = 0; i < count && size < record; ++i) {
        const std::size_t part = std::min(ranges[i].iov_len, record - size);
        std::memcpy(joined.data() + size, ranges[i].iov_base, part);
        size += part;
      }
      data = joined.data();
    }
    send_flags_ = MSG_NOSIGNAL | (size < from.resid() ? MSG_MORE : 0);
    const unobserved openssl;
    std::size_t written = 0;
    const int returned = SSL_write_ex(ssl_.get(), data, size, &written);
    if (returned == 1) return static_cast<ssize_t>(written);
    const io_status why = outcome(returned);
    errno = why == io_status::would_block ? EAGAIN : EIO;
    return -1;
  });
  if (result.status == io_status::error && error_) result.error = error_;
  return result;
}

io_result tls_transport::end(int fd, bool closed) {
  use(fd);
  io_result result;
  if (!in_handshake_ && !error_) {
    const unobserved openssl;
    const int returned = SSL_shutdown(ssl_.get());
    if (returned < 0 && outcome(returned) == io_status::would_block) {
      result.status = io_status::would_block;
      return result;
    }
  }
  if (!closed) ::shutdown(fd, SHUT_WR);
  return result;
}

void tls_transport::close(int fd) noexcept {
  use(fd);
  const unobserved openssl;
  if (!in_handshake_ && !error_) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

aios_t over_tls(int fd, const ref<tls_context>& context, std::string host,
                ptr<const aios_options> options, color c, where site) {
  auto* const over = new tls_transport(context, std::move(host));
  return aios_access::make(fd, fd, *over, std::move(options), std::move(c), site);
}

}  // namespace
}  // namespace detail

aios_t tls_accept(int fd, const ref<tls_context>& context, ptr<const aios_options> options, color c,
                  where site) {
  return detail::over_tls(fd, context, "", std::move(options), std::move(c), site);
}

aios_t tls_connect(int fd, const ref<tls_context>& context, const std::string& host,
                   ptr<const aios_options> options, color c, where site) {
  if (host.empty()) detail::misuse(site, "tls_connect: there is no host's name to be checked");
  return detail::over_tls(fd, context, host, std::move(options), std::move(c), site);
}

tls_state tls_state_of(const aios& stream) {
  tls_state state;
  const auto* const over =
      dynamic_cast<const detail::tls_transport*>(&detail::aios_access::transport_of(stream));
  if (over == nullptr || SSL_is_init_finished(over->connection()) == 0) return state;
  SSL* const s = over->connection();
  state.established = true;
  state.resumed = SSL_session_reused(s) == 1;
  state.version = SSL_get_version(s);
  state.cipher = SSL_get_cipher_name(s);
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(s, &alpn, &alpn_size);
  if (alpn_size != 0) state.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  if (const char* name = SSL_get_servername(s, TLSEXT_NAMETYPE_host_name)) state.server_name = name;
  const X509* const peer = SSL_get0_peer_certificate(s);
  if (peer == nullptr) return state;
  const std::unique_ptr<BIO, detail::freed_by<BIO_free>> text(BIO_new(BIO_s_mem()));
  if (text) {
    X509_NAME_print_ex(text.get(), X509_get_subject_name(peer), 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    if (size > 0) state.peer_subject.assign(data, static_cast<std::size_t>(size));
  }
  unsigned char* der = nullptr;
  if (const int size = i2d_X509(peer, &der); size > 0) {
    state.peer_certificate.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }
  return state;
}

}  // namespace async
