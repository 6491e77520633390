// The clients; see http_client.h.

#include "bench/papers/http_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "async/err.h"

namespace papers {

namespace {

constexpr std::uint64_t compare_every = 64;
constexpr std::size_t buffer_size = 64 * 1024;
constexpr std::size_t discarded_at_once = std::size_t{1} << 20;
constexpr timeval patience{.tv_sec = 10, .tv_usec = 0};  // while connecting

// Closing then leaves no port waiting for its time to be over.
void close_at_once(int fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::string worker_in(std::string_view head) {
  constexpr std::string_view field = "X-Worker: ";
  const std::size_t at = head.find(field);
  if (at == head.npos) return {};
  return std::string(head.substr(at, head.find("\r\n", at) - at));
}

}  // namespace

http_clients::http_clients(const client_options& options, const request_mix& mix)
    : options_(options),
      mix_(mix),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      all_(options.clients),
      buffer_(buffer_size, '\0') {
  if (!poll_) async::fatal("epoll: %s", sfs::system_reason().c_str());
  for (std::size_t i = 0; i < all_.size(); ++i) all_[i].turn = (options.first + i) * 7919;
}

void http_clients::connect() {
  for (connection& c : all_) {
    if (!open_at_its_share(c)) {
      ++counts_.refused;
      continue;
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = &c;
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, c.fd.get(), &event);
  }
}

bool http_clients::open(connection& c) {
  c.fd = sfs::fd_owner(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!c.fd) async::fatal("socket: %s", sfs::system_reason().c_str());
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(options_.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(c.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Requests need no pacing, which would cost the client timers.
  ::setsockopt(c.fd.get(), IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
  for (const int limit : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(c.fd.get(), SOL_SOCKET, limit, &patience, sizeof patience);
  close_at_once(c.fd.get());
  c.head.clear();
  c.in_body = false;
  return ::connect(c.fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
}

// The kernel chooses which of the server's processes gets a connection.
bool http_clients::open_at_its_share(connection& c) {
  const std::size_t share = (options_.clients + options_.workers - 1) / options_.workers;
  for (std::size_t tries = 0; tries < 1000; ++tries) {
    std::string worker;
    if (!open(c) || !ask_once(c, worker)) return false;
    std::size_t& has = of_worker_[worker];
    if (options_.workers > 1 && has >= share) continue;
    ++has;
    return true;
  }
  async::fatal("the server does not divide its connections among its processes");
}

// A request, and all of its reply.
bool http_clients::ask_once(connection& c, std::string& worker) {
  const wanted_file& file = mix_.at(c.turn);
  if (::send(c.fd.get(), file.request.data(), file.request.size(), MSG_NOSIGNAL) < 0) return false;
  std::string got;
  reply_head head;
  reply_head::result result = reply_head::result::incomplete;
  while (result == reply_head::result::incomplete || got.size() < head.size()) {
    const ssize_t n = ::recv(c.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (n <= 0) return false;
    got.append(buffer_, 0, static_cast<std::size_t>(n));
    if (result == reply_head::result::incomplete) result = read_head(got, head);
    if (result == reply_head::result::wrong) break;
  }
  if (result == reply_head::result::wrong || head.status != 200 ||
      std::string_view(got).substr(head.head) != file.content) {
    wrong();
    return false;
  }
  worker = worker_in(std::string_view(got).substr(0, head.head));
  return true;
}

bool http_clients::ask(connection& c) {
  const std::string& request = mix_.at(c.turn).request;
  c.asked = now_;
  c.compares = ++asked_ % compare_every == 0;
  const ssize_t sent =
      ::send(c.fd.get(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(request.size());
}

// After something went wrong. A connection that cannot be made again stays closed.
void http_clients::reopen(connection& c) {
  std::string worker;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = &c;
  if (!open(c) || !ask_once(c, worker) ||
      ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, c.fd.get(), &event) < 0 || !ask(c)) {
    ++counts_.refused;
    c.fd = {};
  }
}

http_clients::progress http_clients::wrong() {
  ++counts_.wrong;
  return progress::broken;
}

// When recv() has returned `n`, which is not more than 0.
http_clients::progress http_clients::nothing_came(ssize_t n) {
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return progress::waits;
  ++counts_.closed;
  return progress::broken;
}

bool http_clients::is_next_of_body(const connection& c, std::string_view bytes) const {
  const std::string_view content = mix_.at(c.turn).content;
  return content.substr(content.size() - c.left, bytes.size()) == bytes;
}

http_clients::progress http_clients::take_head(connection& c) {
  const ssize_t n = ::recv(c.fd.get(), buffer_.data(), longest_head, MSG_DONTWAIT);
  if (n <= 0) return nothing_came(n);
  std::string_view got(buffer_.data(), static_cast<std::size_t>(n));
  if (!c.head.empty()) got = c.head.append(got);
  reply_head head;
  switch (read_head(got, head)) {
    case reply_head::result::wrong:
      return wrong();
    case reply_head::result::incomplete:
      if (c.head.empty()) c.head = got;
      return progress::waits;
    case reply_head::result::complete:
      break;
  }
  if (head.status != 200 || head.body != mix_.at(c.turn).content.size() || head.closes ||
      got.size() > head.size())
    return wrong();
  c.left = head.body;
  const std::string_view bytes = got.substr(head.head);
  if (c.compares && !is_next_of_body(c, bytes)) return wrong();
  c.left -= bytes.size();
  c.in_body = true;
  c.head.clear();
  return progress::complete;
}

http_clients::progress http_clients::take_body(connection& c) {
  while (c.left > 0) {
    const std::size_t most = std::min(c.left, c.compares ? buffer_size : discarded_at_once);
    const ssize_t n = ::recv(c.fd.get(), c.compares ? buffer_.data() : nullptr, most,
                             MSG_DONTWAIT | (c.compares ? 0 : MSG_TRUNC));
    if (n <= 0) return nothing_came(n);
    const auto came = static_cast<std::size_t>(n);
    if (c.compares && !is_next_of_body(c, {buffer_.data(), came})) return wrong();
    c.left -= came;
  }
  return progress::complete;
}

http_clients::progress http_clients::take(connection& c) {
  if (!c.in_body) {
    const progress head = take_head(c);
    if (head != progress::complete) return head;
  }
  return take_body(c);
}

void http_clients::complete(connection& c) {
  c.in_body = false;
  if (counting_) {
    const auto waited = now_ - c.asked;
    ++counts_.replies;
    ++c.served;
    counts_.compared += c.compares;
    counts_.bytes += mix_.at(c.turn).content.size();
    counts_.waited += waited;
    counts_.longest = std::max(counts_.longest, waited);
  }
  ++c.turn;
}

void http_clients::readable(connection& c) {
  switch (take(c)) {
    case progress::waits:
      return;
    case progress::complete:
      complete(c);
      if (ask(c)) return;
      ++counts_.closed;
      [[fallthrough]];
    case progress::broken:
      reopen(c);
  }
}

void http_clients::run(const std::atomic<phase>& now) {
  epoll_event events[256];
  now_ = steady::now();
  for (connection& c : all_) {
    if (c.fd && !ask(c)) ++counts_.closed;
  }
  for (;;) {
    const int n = ::epoll_wait(poll_.get(), events, std::size(events), 20);
    now_ = steady::now();
    const phase current = now.load();
    if (current == phase::over) break;
    counting_ = current == phase::measuring;
    for (int i = 0; i < n; ++i) readable(*static_cast<connection*>(events[i].data.ptr));
  }
  // Who still waits has waited so long.
  for (const connection& c : all_) {
    if (c.fd) counts_.longest = std::max(counts_.longest, now_ - c.asked);
  }
}

std::vector<std::uint64_t> http_clients::served() const {
  std::vector<std::uint64_t> of_each;
  for (const connection& c : all_) of_each.push_back(c.served);
  return of_each;
}

}  // namespace papers
