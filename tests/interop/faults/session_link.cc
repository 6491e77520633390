// See link.h.
#include <fcntl.h>
#include <sys/socket.h>

#include "async/net.h"
#include "tests/interop/faults/link.h"
#include "wrap/wrap.h"

namespace sfs::faults {
namespace {

class a_session_link final : public nfs_link {
 public:
  a_session_link(const self_certifying_path& server, session_options o) {
    const server_location where = o.instead.value_or(server.location);
    login_ = o.logins.empty() ? 0 : 1;
    // A second descriptor of the socket, to break the connection with.
    o.connect = [this, where](async::callback<void, int>::ref cb) {
      async::tcpconnect(where.host, where.port, async::wrap([this, cb](int fd) {
                          socket_ = fd_owner(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
                          cb(fd);
                        }));
    };
    o.first_pause = std::chrono::milliseconds(20);
    o.longest_pause = std::chrono::milliseconds(500);
    o.leases = false;
    o.events.lost = async::wrap([this](const std::string&) { socket_ = fd_owner(); });
    o.events.restarted = async::wrap([this] { ++restarts_; });
    session_ = async::make_ref<session>(server, std::move(o));
    session_->begin();
  }
  ~a_session_link() override { session_->end(); }

  eventual<answer> call(std::uint32_t program, std::uint32_t procedure,
                        std::vector<std::uint8_t> arguments,
                        std::vector<std::uint8_t> data) override {
    eventual<answer> later;
    session_call c{program, procedure, std::move(arguments), {}, login_};
    c.data.print(std::move(data));
    const bool taken = session_->call(std::move(c), async::wrap([later](const call_reply& r) {
                                        answer a;
                                        a.results.assign(r.results.begin(), r.results.end());
                                        a.failed = r.what != call_reply::kind::results;
                                        if (a.failed)
                                          a.why = r.why.empty() ? "refused by RPC" : r.why;
                                        later.set(std::move(a));
                                      }));
    if (!taken) later.set({.results = {}, .failed = true, .why = "the session's queue is full"});
    return later;
  }
  void cut() override {
    if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
  }
  bool is_up() const override { return static_cast<bool>(socket_); }
  unsigned restarts() const override { return restarts_; }

 private:
  async::ptr<session> session_;
  fd_owner socket_;
  unsigned login_ = 0, restarts_ = 0;
};

}  // namespace

std::unique_ptr<nfs_link> session_link(const self_certifying_path& server, session_options o) {
  return std::make_unique<a_session_link>(server, std::move(o));
}

}  // namespace sfs::faults
