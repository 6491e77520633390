// A cheap client for an HTTPS server: asks for a file over and over on several connections and lets
// the kernel throw the replies away, as sfsload does, so that the server is what is measured. That
// works because all replies have one length on the wire, which is found out by a reply that is
// decrypted and compared with the file. Serves bench/sfs_peers and bench/answer_papers.
//
// Thread safety: one thread.
// Invariant: `depth` requests are under way on each connection except while new ones are being
// sent.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/err.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/load/usage.h"

namespace {

constexpr const char* help = R"(usage: tls_load [OPTION...] PORT PATH FILE

Asks an HTTPS server on this machine for PATH, which is the same as FILE, over and over, and
prints what it found as JSON.

  --connections N     (default 8)
  --seconds S         to measure (default 5)
  --warmup S          before that (default 1)
  --request BYTES     of the file in each request (default 0: all of it)
  --workers N         divide the connections equally among so many of the server's processes, which
                      say who they are in a header, X-Worker (default 1: do not)
  --suite NAME        the cipher suite (default TLS_AES_128_GCM_SHA256)
  --server-pid LIST   also report these processes' CPU time and run delay
)";

using steady = std::chrono::steady_clock;

SSL_CTX* context() {
  static SSL_CTX* const made = [] {
    SSL_CTX* c = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
    return c;
  }();
  return made;
}

struct ssl_free {
  void operator()(SSL* s) const noexcept { SSL_free(s); }
};

class connection {
 public:
  explicit connection(std::uint16_t port);

  int fd() const noexcept { return fd_.get(); }
  void ask(std::string_view request);
  // The headers of the reply; what has already come of the body is put into `body`.
  std::string take_headers(std::string& body);
  // Reads the reply's body and compares it.
  void compare(std::string body, std::string_view content);
  // How many bytes have come on the wire.
  std::uint64_t came() const noexcept { return BIO_number_read(SSL_get_rbio(ssl_.get())); }
  // Throws away what has come and returns how much that was.
  std::size_t discard();

  std::uint64_t asked = 0, received = 0;

 private:
  static constexpr std::size_t most_at_once = 1 << 20;
  std::string read_some();

  sfs::fd_owner fd_;
  std::unique_ptr<SSL, ssl_free> ssl_;
};

connection::connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd(), reinterpret_cast<sockaddr*>(&to), sizeof to) < 0)
    async::fatal("cannot connect");
  ssl_.reset(SSL_new(context()));
  SSL_set_fd(ssl_.get(), fd());
  if (SSL_connect(ssl_.get()) != 1) async::fatal("the handshake failed");
}

void connection::ask(std::string_view request) {
  if (SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())) <= 0)
    async::fatal("cannot write");
}

std::string connection::read_some() {
  std::string got(16384, '\0');
  const int n = SSL_read(ssl_.get(), got.data(), static_cast<int>(got.size()));
  if (n <= 0) async::fatal("the server has closed the connection");
  got.resize(static_cast<std::size_t>(n));
  return got;
}

std::string connection::take_headers(std::string& body) {
  std::string got;
  std::size_t end;
  while ((end = got.find("\r\n\r\n")) == got.npos) got += read_some();
  body = got.substr(end + 4);
  got.resize(end + 2);
  return got;
}

void connection::compare(std::string body, std::string_view content) {
  while (true) {
    if (!content.starts_with(body)) async::fatal("the reply is not the file");
    content.remove_prefix(body.size());
    if (content.empty()) return;
    body = read_some();
  }
}

std::size_t connection::discard() {
  const ssize_t n = ::recv(fd(), nullptr, most_at_once, MSG_TRUNC | MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) async::fatal("the server has closed the connection");
  received += static_cast<std::uint64_t>(n);
  return static_cast<std::size_t>(n);
}

class load {
 public:
  load(sfs::command_line& line);
  void connect();
  void run();
  void print() const;

 private:
  std::string request(std::uint64_t offset) const;
  std::unique_ptr<connection> connect_to_one_of_few();
  void measure_reply();
  void ask_more(connection& c);
  void serve_until(steady::time_point end);
  std::uint64_t received() const;

  std::uint16_t port_;
  std::string path_, content_;
  std::size_t connections_, size_, workers_;
  std::uint64_t seconds_, warmup_;
  std::vector<std::string> pids_;
  std::string head_;               // the request for the headers only
  std::vector<std::string> asks_;  // the requests, one after the other and again
  std::uint64_t depth_, reply_ = 0;
  std::map<std::string, std::size_t> of_worker_;
  std::vector<std::unique_ptr<connection>> all_;
  sfs::fd_owner poll_{::epoll_create1(EPOLL_CLOEXEC)};
  double elapsed_ = 0, bytes_ = 0;
  sfs::cpu_usage server_;
};

load::load(sfs::command_line& line)
    : connections_(line.number("--connections", 8, 1, 1000)),
      size_(line.number("--request", 0, 1, 1 << 20)),
      workers_(line.number("--workers", 1, 1, 64)),
      seconds_(line.number("--seconds", 5, 1, 60)),
      warmup_(line.number("--warmup", 1, 0, 60)) {
  const std::string suite = line.value_or("--suite", "TLS_AES_128_GCM_SHA256");
  if (SSL_CTX_set_ciphersuites(context(), suite.c_str()) != 1)
    sfs::command_line::wrong("--suite " + suite + ": OpenSSL does not know it");
  const std::string pids = line.value_or("--server-pid", "");
  for (std::size_t at = 0; at < pids.size();) {
    const std::size_t comma = std::min(pids.find(',', at), pids.size());
    pids_.push_back(pids.substr(at, comma - at));
    at = comma + 1;
  }
  const auto words = line.rest(3);
  if (words.size() != 3) sfs::command_line::wrong("say PORT, PATH and FILE");
  port_ = static_cast<std::uint16_t>(std::strtoul(words[0].c_str(), nullptr, 10));
  path_ = words[1];
  std::ifstream file(words[2], std::ios::binary);
  content_.assign(std::istreambuf_iterator<char>(file), {});
  depth_ = size_ ? 32 : 2;
  head_ = "HEAD " + path_ + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  // Where numbers have the same number of digits, replies have the same length.
  const std::uint64_t from = content_.size() / 2, to = content_.size() - size_;
  for (std::uint64_t at = from; size_ && at < to; at += size_) asks_.push_back(request(at));
  if (!size_) asks_.push_back(request(0));
  if (content_.empty() || asks_.empty()) async::fatal("FILE is not there or too small");
}

std::string load::request(std::uint64_t offset) const {
  std::string text = "GET " + path_ + " HTTP/1.1\r\nHost: localhost\r\n";
  if (size_)
    text += "Range: bytes=" + std::to_string(offset) + "-" + std::to_string(offset + size_ - 1) +
            "\r\n";
  return text + "\r\n";
}

// The kernel chooses which of the server's processes gets a connection: connects until it is one
// that has not yet its share.
std::unique_ptr<connection> load::connect_to_one_of_few() {
  const std::size_t share = (connections_ + workers_ - 1) / workers_;
  for (int tries = 0; tries < 1000; ++tries) {
    auto c = std::make_unique<connection>(port_);
    c->ask(head_);
    std::string none;
    const std::string headers = c->take_headers(none);
    const std::size_t at = headers.find("X-Worker: ");
    const std::string worker =
        at == headers.npos ? "" : headers.substr(at, headers.find("\r\n", at) - at);
    if (workers_ > 1 && of_worker_[worker] >= share) continue;
    ++of_worker_[worker];
    return c;
  }
  async::fatal("the server does not divide its connections");
}

// How long a reply is on the wire: asks twice on one connection, so that session tickets, which
// come once, have come before.
void load::measure_reply() {
  connection c(port_);
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t before = c.came();
    c.ask(asks_[0]);
    std::string body;
    c.take_headers(body);
    const std::string_view all = content_;
    c.compare(std::move(body), size_ ? all.substr(content_.size() / 2, size_) : all);
    reply_ = c.came() - before;
  }
}

void load::connect() {
  measure_reply();
  while (all_.size() < connections_) {
    auto c = connect_to_one_of_few();
    const int low_water = 128 * 1024;
    ::setsockopt(c->fd(), SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = c.get();
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, c->fd(), &event);
    all_.push_back(std::move(c));
  }
}

void load::ask_more(connection& c) {
  const std::uint64_t under_way = c.asked - c.received / reply_;
  if (under_way > depth_ / 2) return;
  std::string many;
  for (const std::uint64_t end = c.asked + depth_ - under_way; c.asked < end; ++c.asked)
    many += asks_[c.asked % asks_.size()];
  c.ask(many);
}

void load::serve_until(steady::time_point end) {
  epoll_event events[64];
  while (steady::now() < end) {
    const int n = ::epoll_wait(poll_.get(), events, std::size(events), 100);
    for (int i = 0; i < n; ++i) {
      auto& c = *static_cast<connection*>(events[i].data.ptr);
      while (c.discard() > 0) {}
      ask_more(c);
    }
  }
}

std::uint64_t load::received() const {
  std::uint64_t sum = 0;
  for (const auto& c : all_) sum += c->received;
  return sum;
}

void load::run() {
  for (auto& c : all_) ask_more(*c);
  serve_until(steady::now() + std::chrono::seconds(warmup_));
  const sfs::cpu_usage before = sfs::usage_of(pids_);
  const std::uint64_t had = received();
  const auto began = steady::now();
  serve_until(began + std::chrono::seconds(seconds_));
  elapsed_ = std::chrono::duration<double>(steady::now() - began).count();
  const sfs::cpu_usage after = sfs::usage_of(pids_);
  server_ = {after.cpu_s - before.cpu_s, after.delay_s - before.delay_s};
  const double payload = static_cast<double>(size_ ? size_ : content_.size());
  bytes_ = static_cast<double>(received() - had) * payload / static_cast<double>(reply_);
}

void load::print() const {
  std::printf(
      "{\"seconds\": %.3f, \"bytes\": %.0f, \"server_cpu_s\": %.3f, \"server_delay_s\": %.3f}\n",
      elapsed_, bytes_, server_.cpu_s, server_.delay_s);
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  load l(line);
  l.connect();
  l.run();
  l.print();
  sfs::command_line::finish_output();
}
