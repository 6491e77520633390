// Names: from a host's name to its addresses, and back (stages 1 to 3). What tcpconnect() uses.
//
//   void found(std::vector<async::address> all) {
//     if (all.empty()) return async::warn("no address: %s", strerror(errno));
//     ...
//   }
//   auto question = async::dns_hostbyname("example.org", async::wrap(&found));
//   async::dnsreq_cancel(question);
//
// The questions are c-ares': it reads /etc/hosts and asks the name servers of /etc/resolv.conf, by
// UDP, and by TCP where an answer is too long for that, with the search domains, number of tries
// and time limits that stand there. When that file is changed, it is read again. There are no
// threads: its sockets and timers are events like others, under a color of their own. Answers come
// from the network: c-ares checks their form, and that a name found for an address has nothing in
// it that a host's name may not have; and of a host's addresses at most 64 are given.
//
// At most 50 questions are asked at once; further ones wait for their turn, in order.
//
// Thread-safety: everything here may be called from any thread and any color, with or without a
// runtime (in a uniprocessor build: from the thread of the runtime), and does not block.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "async/address.h"
#include "wrap/callback.h"
#include "wrap/refcnt.h"

namespace async {

// A question about a name, or none; one counted pointer. Dropping it changes nothing.
class dnsreq_t {
 public:
  dnsreq_t() noexcept = default;
  dnsreq_t(std::nullptr_t) noexcept {}
  // Whether it stands for a question, be that asked or answered.
  explicit operator bool() const noexcept { return static_cast<bool>(request_); }

  // For the library's own use.
  explicit dnsreq_t(ptr<refcount> request) noexcept : request_(std::move(request)) {}
  refcount* get() const noexcept { return request_.get(); }

 private:
  ptr<refcount> request_;
};

// Calls cb once, under its color and never from within this call, with the addresses of a host, of
// both families, the one to be tried first (RFC 6724) in front; their port is 0. A numeric address
// is its own. If there are none, errno is ENOENT: there is no such host, or it has no address;
// EAGAIN: no name server has answered, or they had no answer; or ENOMEM.
dnsreq_t dns_hostbyname(std::string name, callback<void, std::vector<address>>::ref cb);

// The same with the name of a host that has this address. If there is none, it is "", and errno
// as above. Whoever owns the address says what its name is: ask for the addresses of that name
// before believing it.
dnsreq_t dns_hostbyaddr(const address& of, callback<void, std::string>::ref cb);

// Gives up. From cb's own color: cb is not called any more, and it is destroyed by this call. From
// another color it may be running or about to. Does nothing if cb has been called, or it was
// cancelled before, or it is none.
void dnsreq_cancel(const dnsreq_t& question);

struct dns_options {
  // Whom to ask, in this order; a port of 0 is the usual one. Empty: those of /etc/resolv.conf.
  std::vector<address> servers{};
  // How long to wait for a server's first answer; longer with each try. 0: as resolv.conf says.
  std::chrono::milliseconds timeout{0};
  // How often to try each server. 0: as resolv.conf says.
  int tries = 0;
};

// How questions are asked from now on; those that are under way go on as they were asked.
void dns_configure(const dns_options& options);

}  // namespace async
