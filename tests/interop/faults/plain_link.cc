// See link.h: plain NFS over TCP.
#include <sys/socket.h>

#include <map>

#include "async/err.h"
#include "async/fd.h"
#include "async/net.h"
#include "examples/sfsd/client/calls.h"
#include "tests/interop/faults/link.h"

namespace sfs::faults {
namespace {

class a_plain_link final : public nfs_link {
 public:
  explicit a_plain_link(server_location where) : where_(std::move(where)) { connect(); }

  eventual<answer> call(std::uint32_t program, std::uint32_t procedure,
                        std::vector<std::uint8_t> arguments,
                        std::vector<std::uint8_t> data) override {
    const std::uint32_t xid = ++last_xid_;
    waiting& w = waiting_[xid];
    const std::size_t header = record_mark_size + rpc_call_size(0);
    w.message.resize(header);
    w.message.insert(w.message.end(), arguments.begin(), arguments.end());
    w.message.insert(w.message.end(), data.begin(), data.end());
    w.message.resize((w.message.size() + 3) & ~std::size_t{3});
    const auto size = static_cast<std::uint32_t>(w.message.size() - record_mark_size);
    store_be32(w.message.data(), last_fragment | size);
    write_call(w.message.data() + record_mark_size, xid, program, version_of(program), procedure);
    if (socket_) send(w);
    return w.later;
  }
  void cut() override {
    if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
  }
  bool is_up() const override { return static_cast<bool>(socket_); }
  unsigned restarts() const override { return 0; }

 private:
  struct waiting {
    std::vector<std::uint8_t> message;
    unsigned sent = 0;
    eventual<answer> later{};
  };

  void connect() {
    async::tcpconnect(where_.host, where_.port, async::wrap([this](int fd) { connected(fd); }));
  }
  void connected(int fd) {
    socket_ = fd_owner(fd);
    in_.clear();
    out_.clear();
    if (fd < 0 || async::fdcb(fd, async::selread, async::wrap([this] { readable(); })))
      return lost();
    async::tcp_nodelay(fd);
    for (auto& [xid, w] : waiting_) send(w);
  }
  void lost() {
    if (socket_) {
      async::fdcb(socket_.get(), async::selread, nullptr);
      async::fdcb(socket_.get(), async::selwrite, nullptr);
    }
    socket_ = fd_owner();
    async::delaycb(std::chrono::milliseconds(30), async::wrap([this] { connect(); }));
  }

  void send(waiting& w) {
    ++w.sent;
    out_.copy(w.message.data(), w.message.size());
    write();
  }
  void write() {
    const async::io_result r = out_.output(socket_.get());
    if (r.status == async::io_status::error) return out_.clear();  // reading will tell
    async::callback<void>::ptr cb;
    if (r.status == async::io_status::would_block) cb = async::wrap([this] { write(); });
    async::fdcb(socket_.get(), async::selwrite, cb);
  }

  void readable() {
    const async::io_result r = in_.input(socket_.get());
    if (r.status == async::io_status::would_block) return;
    while (in_.resid() >= record_mark_size) {
      std::uint8_t mark[record_mark_size];
      in_.copyout(mark, sizeof mark);
      const std::size_t size = load_be32(mark) & ~last_fragment;
      if (in_.resid() < record_mark_size + size) break;
      in_.rembytes(record_mark_size);
      std::vector<std::uint8_t> message(size);
      in_.copyout(message.data(), size);
      in_.rembytes(size);
      answered(message);
    }
    if (r.status != async::io_status::done) lost();
  }
  void answered(const_bytes message) {
    const auto r = parse_reply(message);
    const auto found = r ? waiting_.find(r->xid) : waiting_.end();
    if (found == waiting_.end()) async::fatal("the gateway answered what it was not asked");
    const auto w = std::move(waiting_.extract(found).mapped());
    answer a;
    a.results.assign(r->results.begin(), r->results.end());
    a.repeated = w.sent > 1;
    a.failed = r->denied || r->status != rpc_accept::success;
    if (a.failed) a.why = "refused by RPC";
    w.later.set(std::move(a));
  }

  server_location where_;
  fd_owner socket_;
  std::map<std::uint32_t, waiting> waiting_;
  std::uint32_t last_xid_ = 0;
  async::suio in_, out_;
};

}  // namespace

std::unique_ptr<nfs_link> plain_link(const server_location& where) {
  return std::make_unique<a_plain_link>(where);
}

}  // namespace sfs::faults
