// A c-ares channel: see dns_channel.h. Serves stages 1 to 3.
#include "async/detail/dns_channel.h"

#include <sys/time.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "async/fd.h"

namespace async::detail {

namespace {

constexpr std::size_t most_addresses = 64;

int to_errno(int status) noexcept {
  switch (status) {
    case ARES_SUCCESS:
      return 0;
    case ARES_ENOMEM:
      return ENOMEM;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
    case ARES_EBADFAMILY:
    case ARES_ENONAME:
      return ENOENT;
    default:
      return EAGAIN;
  }
}

void use_servers(ares_channel channel, const std::vector<address>& servers) {
  std::vector<ares_addr_port_node> nodes(servers.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
    nodes[i].family = servers[i].family();
    nodes[i].udp_port = nodes[i].tcp_port = servers[i].port();
    if (servers[i].family() == AF_INET6) {
      const auto& a = reinterpret_cast<const sockaddr_in6&>(*servers[i].get());
      std::memcpy(&nodes[i].addr.addr6, &a.sin6_addr, sizeof a.sin6_addr);
    } else {
      nodes[i].addr.addr4 = reinterpret_cast<const sockaddr_in&>(*servers[i].get()).sin_addr;
    }
  }
  if (!nodes.empty()) ares_set_servers_ports(channel, nodes.data());
}

}  // namespace

dns_channel::dns_channel(owner& its_owner, const color& its_color, const dns_options& options)
    : owner_(its_owner), color_(its_color) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  ares_options how{};
  int given = ARES_OPT_SOCK_STATE_CB;
  how.sock_state_cb = &dns_channel::watch;
  how.sock_state_cb_data = this;
  if (options.timeout.count() > 0) {
    how.timeout = static_cast<int>(options.timeout.count());
    given |= ARES_OPT_TIMEOUTMS;
  }
  if (options.tries > 0) {
    how.tries = options.tries;
    given |= ARES_OPT_TRIES;
  }
  status_ = library != ARES_SUCCESS ? library : ares_init_options(&channel_, &how, given);
  if (status_ == ARES_SUCCESS) use_servers(channel_, options.servers);
}

// Bound to the timer's callback. If a stop destroys that unrun, the timer is set again.
class dns_channel::patience : public refcount {
 public:
  explicit patience(dns_channel& of) noexcept : of_(&of) { of.its_ = this; }
  ~patience() override {
    if (of_ != nullptr) leave()->set_timer();
  }
  void end() { leave()->ready(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }
  dns_channel* leave() noexcept {
    of_->its_ = nullptr;
    return std::exchange(of_, nullptr);
  }

 private:
  dns_channel* of_;
};

dns_channel::~dns_channel() {
  remove_timer();
  if (status_ == ARES_SUCCESS) ares_destroy(channel_);
}

void dns_channel::ask(std::unique_ptr<look_up> question) {
  ++asked_;
  const look_up::subject& what = question->what;
  auto a = std::make_unique<asking>(asking{*this, std::move(question)});
  if (status_ != ARES_SUCCESS) return end(std::move(a), status_);
  if (const auto* name = std::get_if<std::string>(&what)) {
    if (name->empty() || name->find('\0') != std::string::npos) {
      return end(std::move(a), ARES_ENOTFOUND);
    }
    if (address numeric; numeric.parse(*name, 0)) {
      a->question->addresses.push_back(numeric);
      return end(std::move(a), ARES_SUCCESS);
    }
    ares_addrinfo_hints hints{};
    hints.ai_socktype = SOCK_STREAM;  // else each address comes once for each type
    ares_getaddrinfo(channel_, name->c_str(), nullptr, &hints, &got_addresses, a.release());
  } else {
    const address& of = std::get<address>(what);
    ares_getnameinfo(channel_, of.get(), of.size(), ARES_NI_LOOKUPHOST | ARES_NI_NAMEREQD,
                     &got_name, a.release());
  }
  set_timer();
}

void dns_channel::abandon() {
  if (++abandoned_ < asked_) return;
  ares_cancel(channel_);
  set_timer();
}

void dns_channel::got_addresses(void* argument, int status, int, ares_addrinfo* found) {
  std::unique_ptr<asking> a(static_cast<asking*>(argument));
  if (status == ARES_SUCCESS) {
    std::vector<address>& addresses = a->question->addresses;
    for (const auto* n = found->nodes; n != nullptr && addresses.size() < most_addresses;
         n = n->ai_next) {
      if (n->ai_family != AF_INET && n->ai_family != AF_INET6) continue;
      addresses.emplace_back(n->ai_addr, n->ai_addrlen);
      addresses.back().set_port(0);
    }
    if (addresses.empty()) status = ARES_ENODATA;
  }
  if (found != nullptr) ares_freeaddrinfo(found);
  dns_channel& channel = a->channel;
  channel.end(std::move(a), status);
}

void dns_channel::got_name(void* argument, int status, int, char* node, char*) {
  std::unique_ptr<asking> a(static_cast<asking*>(argument));
  if (status == ARES_SUCCESS) {
    if (node != nullptr) {
      a->question->name = node;
    } else {
      status = ARES_ENODATA;
    }
  }
  dns_channel& channel = a->channel;
  channel.end(std::move(a), status);
}

void dns_channel::end(std::unique_ptr<asking> a, int status) {
  --asked_;
  if (a->question->abandoned) {
    --abandoned_;
    return owner_.dropped(*this, std::move(a->question));
  }
  a->question->error = to_errno(status);
  owner_.answered(*this, std::move(a->question));
}

// c-ares has made a socket, wants to be told of something else, or is about to close it (then of
// nothing).
void dns_channel::watch(void* self, int fd, int readable, int writable) {
  auto& channel = *static_cast<dns_channel*>(self);
  const auto told = [&](selop op, int of, int readable_fd, int writable_fd) {
    // If it fails, the question's time runs out.
    (void)fdcb(fd, op,
               of != 0 ? callback<void>::ptr(cwrap(channel.color_, &channel, &dns_channel::ready,
                                                   readable_fd, writable_fd))
                       : nullptr);
  };
  told(selread, readable, fd, ARES_SOCKET_BAD);
  told(selwrite, writable, ARES_SOCKET_BAD, fd);
}

void dns_channel::ready(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  set_timer();
}

void dns_channel::set_timer() {
  remove_timer();
  timeval left;
  if (ares_timeout(channel_, nullptr, &left) == nullptr) return;
  timer_ = delaycb(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec),
                   cwrap(color_, make_ref<patience>(*this), &patience::end));
}

void dns_channel::remove_timer() {
  if (its_ != nullptr) its_->leave();
  timecb_remove(std::exchange(timer_, nullptr));
}

}  // namespace async::detail
