// See channel.h.
#include "examples/sfsd/client/channel.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <system_error>

namespace sfs {
namespace {

using clock = std::chrono::steady_clock;

bool send_all(int fd, const_bytes data) noexcept {
  while (!data.empty()) {
    const ssize_t n = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data = data.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

constexpr const char* no_answer = "the server does not answer";

// Waits for the server, and says once that it is slow.
class patience {
 public:
  explicit patience(const client_options& o) noexcept : options_(o) {}
  // False if it takes too long.
  bool wait(int fd, short events) {
    pollfd p{fd, events, 0};
    auto left = std::chrono::milliseconds(options_.timeout);
    if (options_.silent && !said_ && options_.slow_after < left) {
      if (ready(p, options_.slow_after)) return true;
      said_ = true;
      options_.silent();
      left -= options_.slow_after;
    }
    return ready(p, left);
  }

 private:
  // A signal that does not end us makes it wait anew.
  static bool ready(pollfd& p, std::chrono::milliseconds limit) noexcept {
    int n;
    do {
      n = ::poll(&p, 1, static_cast<int>(limit.count()));
    } while (n < 0 && errno == EINTR);
    return n > 0;
  }

  const client_options& options_;
  bool said_ = false;
};

// Empty, or why there is no connection. The socket blocks afterwards, for no longer than that.
std::string connect(int fd, const addrinfo& to, const client_options& o, patience& p) {
  const timeval limit{static_cast<time_t>(o.timeout.count()), 0};
  const int on = 1;
  int error = 0;
  socklen_t size = sizeof error;
  if (fd < 0 || ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
      (::connect(fd, to.ai_addr, to.ai_addrlen) < 0 && errno != EINPROGRESS))
    return system_reason();
  if (!p.wait(fd, POLLOUT)) return no_answer;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return system_reason();
  if (error != 0) return std::generic_category().message(error);
  return ::fcntl(fd, F_SETFL, 0) < 0 ? system_reason() : std::string();
}

outcome<fd_owner> connect_to(const server_location& where, const client_options& o, patience& p) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const std::string port = std::to_string(where.port);
  if (const int error = ::getaddrinfo(where.host.c_str(), port.c_str(), &hints, &found))
    return failure{::gai_strerror(error)};
  const std::unique_ptr<addrinfo, freed_by<::freeaddrinfo>> list(found);
  std::string why;
  for (const addrinfo* a = found; a; a = a->ai_next) {
    const int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    fd_owner fd(::socket(a->ai_family, kind, a->ai_protocol));
    why = connect(fd.get(), *a, o, p);
    if (why.empty()) return fd;
  }
  return failure{why};
}

// Receives into the inbox. Empty, or why nothing came.
std::string receive_some(int fd, inbox& in) {
  const bytes space = in.space();
  ssize_t n;
  do {
    n = ::recv(fd, space.data(), space.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return no_answer;
  if (n < 0) return system_reason();
  if (n == 0) return "the connection was cut off";
  in.received(static_cast<std::size_t>(n));
  return {};
}

}  // namespace

outcome<fd_owner> connect_to(const server_location& where, const client_options& options) {
  patience p(options);
  return connect_to(where, options, p);
}

outcome<std::unique_ptr<client_channel>> client_channel::connect(const self_certifying_path& server,
                                                                 const client_options& options) {
  patience p(options);
  auto socket = connect_to(options.instead.value_or(server.location), options, p);
  if (!socket && options.instead && options.instead->text != server.location.text)
    return failure{options.instead->text + ": " + socket.why()};
  if (!socket) return socket.as_failure();
  const client_settings settings(server, options.suites);
  handshake h(settings);
  inbox in(max_reply);
  while (true) {
    const std::string output = h.take_output();
    const bool sent = send_all(socket->get(), as_bytes(output));
    if (h.failed()) return failure{h.why()};
    if (!sent) return failure{system_reason()};
    if (h.done()) break;
    if (in.unopened().empty()) {
      const bool slow = !p.wait(socket->get(), POLLIN);
      const std::string why = slow ? no_answer : receive_some(socket->get(), in);
      if (!why.empty()) return failure{why + " (during the handshake)"};
    }
    in.consume(h.feed(in.unopened()));
  }
  session_secrets s = h.take_secrets();
  return std::unique_ptr<client_channel>(new client_channel(
      std::move(*socket), std::move(in), std::move(s), {server.location.text, server.id, s.id, 0}));
}

client_channel::client_channel(fd_owner socket, inbox received, session_secrets secrets,
                               login_statement statement)
    : socket_(std::move(socket)),
      inbox_(std::move(received)),
      sender_(secrets.suite, std::move(secrets.client_to_server), clock::now()),
      suite_(secrets.suite),
      statement_(std::move(statement)) {
  inbox_.open_with(receiver(suite_, std::move(secrets.server_to_client)));
}

// A ratchet record goes out before, if one is due.
std::string client_channel::send_frame(record_type type, const_bytes payload) {
  if (sender_.ratchet_due(payload.size(), clock::now())) {
    std::uint8_t turn[record_overhead];
    sender_.ratchet(turn, clock::now());
    if (!send_all(socket_.get(), turn)) return system_reason();
  }
  frame_.resize(payload.size() + record_overhead);
  std::copy(payload.begin(), payload.end(), frame_.begin() + record_header_size);
  sender_.seal(type, frame_);
  return send_all(socket_.get(), frame_) ? std::string() : system_reason();
}

std::string client_channel::send(const_bytes messages) {
  while (!messages.empty()) {
    const const_bytes part = messages.first(std::min(messages.size(), record_max_payload));
    if (std::string why = send_frame(record_type::data, part); !why.empty()) return why;
    messages = messages.subspan(part.size());
  }
  return {};
}

outcome<const_bytes> client_channel::receive() {
  const_bytes message;
  while (true) {
    switch (inbox_.next(message)) {
      case inbox::got::message:
        return message;
      case inbox::got::closed:
        return failure{"the server has ended the connection"};
      case inbox::got::failed:
        return failure{"what came was forged or damaged on its way"};
      case inbox::got::more:
        if (std::string why = receive_some(socket_.get(), inbox_); !why.empty())
          return failure{std::move(why)};
    }
  }
}

void client_channel::close() {
  send_frame(record_type::close, {});
  ::shutdown(socket_.get(), SHUT_WR);
}

void client_channel::hang_up() noexcept { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace sfs
