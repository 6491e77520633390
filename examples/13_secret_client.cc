// Teaches: names and addresses, and the client's side of TLS.
//
// dns_hostbyname() finds a host's addresses and dns_hostbyaddr() the name of one, both without
// waiting. Then the program connects, and TLS checks that the certificate is for this host and of
// an authority that is trusted. What it prints goes to aout(), a stream: it never blocks, and
// when_written() tells when the program may end.
//
// Run:     build/release/examples/13_secret_client HOST PORT TEXT [AUTHORITIES]
//          (a server: 10_streams with a certificate; AUTHORITIES: if not the system's)
// Prints:  the host's addresses, each with its name; what TLS has agreed on; the server's answer.
//          Or, on standard error and with exit status 1, why there is none
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "async/async.h"

namespace {

struct question : async::refcount {
  explicit question(char** argv)
      : host(argv[1]),
        port(std::atoi(argv[2])),
        text(argv[3]),
        trusting(async::tls_context::client({.authorities = argv[4] ? argv[4] : ""})) {}

  void found(std::vector<async::address> addresses) {
    if (addresses.empty()) async::fatal("%s: %s", host.c_str(), std::strerror(errno));
    for (const async::address& each : addresses) {
      async::dns_hostbyaddr(each, async::wrap(mkref(this), &question::named, each));
      ++unanswered;
    }
    async::tcpconnect(host, port, async::wrap(mkref(this), &question::connected));
  }

  void named(const async::address& which, std::string name) {
    async::aout()->format("address %s is %s\n", which.text().c_str(),
                          name.empty() ? std::strerror(errno) : name.c_str());
    one_answered();
  }
  void connected(int fd) {
    if (fd < 0) async::fatal("%s: %s", host.c_str(), std::strerror(errno));
    io = async::tls_connect(fd, trusting, host);
    io->write(text + '\n');
    io->end_output();
    io->read_all(1'000'000, async::wrap(mkref(this), &question::answered));
  }

  void answered(async::aios_read& all) {
    if (!all) async::fatal("%s: %s", host.c_str(), all.error().message().c_str());
    const async::tls_state state = async::tls_state_of(*io);
    async::aout()->format("%s with %s\n", state.version.c_str(), state.peer_subject.c_str());
    async::aout()->write(all.text());
    one_answered();
  }
  void one_answered() {
    if (--unanswered > 0) return;
    async::aout()->when_written(async::wrap([](std::error_code) { async::stop(); }));
  }

  const std::string host;
  const int port;
  const std::string text;
  const async::ref<async::tls_context> trusting;
  async::ptr<async::aios> io;
  int unanswered = 1;
};

}  // namespace

int main(int argc, char** argv) {
  async::setprogname(argv[0]);
  if (argc < 4) async::fatal("usage: 13_secret_client HOST PORT TEXT [AUTHORITIES]");
  const auto one = async::make_ref<question>(argv);
  async::dns_hostbyname(one->host, async::wrap(one, &question::found));
  async::amain();
}
