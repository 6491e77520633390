// See agent_server.h.
#include "examples/sfsd/users/agent_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "async/err.h"
#include "async/fd.h"
#include "async/timer.h"
#include "examples/sfsd/users/agent.h"
#include "examples/sfsd/users/agent_protocol.h"
#include "suio/suio.h"
#include "wrap/wrap.h"

namespace sfs {

// Lives as long as one of its callbacks is registered.
class agent_server::client : public async::refcount {
 public:
  client(async::ref<agent_server> owner, int fd) : owner_(std::move(owner)), fd_(fd) {
    ++owner_->clients_;
  }
  ~client() override { --owner_->clients_; }

  void begin() {
    timer_ =
        async::delaycb(owner_->time_for_client_, async::wrap(async::mkref(this), &client::hang_up));
    read_on();
  }

 private:
  void read_on() {
    const auto cb = async::wrap(async::mkref(this), &client::readable);
    if (async::fdcb(fd_.get(), async::selread, cb)) hang_up();
  }

  void readable() {
    // What is here is no whole question, so there is room for the rest of one.
    std::uint8_t part[4 + max_agent_question];
    const ssize_t n = ::recv(fd_.get(), part, sizeof part - in_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return hang_up();
    in_.insert(in_.end(), part, part + n);
    answer_some();
  }

  // Answers the questions that are here, until the client does not take an answer.
  void answer_some() {
    while (out_.empty()) {
      std::size_t used = 0;
      const auto message = next_agent_message(in_, max_agent_question, used);
      if (!message) return hang_up();
      if (used == 0) return;
      const auto question = decode_question(*message);
      if (!question) return hang_up();
      in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(used));
      out_.print(encode(answer(*question, owner_->keys_)));
      if (out_.output(fd_.get()).status == async::io_status::error) return hang_up();
    }
    async::fdcb(fd_.get(), async::selread, nullptr);
    const auto cb = async::wrap(async::mkref(this), &client::writable);
    if (async::fdcb(fd_.get(), async::selwrite, cb)) hang_up();
  }

  void writable() {
    if (out_.output(fd_.get()).status == async::io_status::error) return hang_up();
    if (!out_.empty()) return;
    async::fdcb(fd_.get(), async::selwrite, nullptr);
    read_on();
    answer_some();
  }

  void hang_up() {
    const auto self = async::mkref(this);  // the callbacks that are cleared may hold the last one
    if (!fd_) return;
    async::fdcb(fd_.get(), async::selread, nullptr);
    async::fdcb(fd_.get(), async::selwrite, nullptr);
    async::timecb_remove(timer_);
    fd_ = fd_owner();
  }

  async::ref<agent_server> owner_;
  fd_owner fd_;
  std::vector<std::uint8_t> in_;
  async::suio out_;
  async::timecb_t timer_;
};

outcome<fd_owner> listen_for_clients(const std::string& path) {
  const mode_t before = ::umask(0177);
  fd_owner fd{async::unixsocket_listen(path)};
  if (!fd && errno == EADDRINUSE) {
    struct stat st;
    const bool is_ours =
        ::lstat(path.c_str(), &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == ::geteuid();
    const fd_owner other{async::unixsocket_connect(path)};
    if (!other && errno == ECONNREFUSED && is_ours && ::unlink(path.c_str()) == 0)
      fd = fd_owner(async::unixsocket_listen(path));
    else
      errno = EADDRINUSE;
  }
  const int error = errno;
  ::umask(before);
  errno = error;
  if (fd) return fd;
  if (error == EADDRINUSE) return failure{path + ": an agent is there already, or something else"};
  return failure{path + ": " + system_reason()};
}

std::string agent_server::serve(fd_owner listening) {
  door_ = async::acceptor(listening.release(),
                          async::wrap(async::mkref(this), &agent_server::accepted));
  return door_ ? std::string() : system_reason();
}

void agent_server::accepted(int fd) {
  if (fd < 0) return async::warn("accepting no more: %s", system_reason().c_str());
  const auto user = peer_user(fd);
  if (!user || (*user != ::geteuid() && *user != 0) || clients_ == max_clients) {
    ::close(fd);
    return;
  }
  async::make_ref<client>(async::mkref(this), fd)->begin();
}

void agent_server::end() {
  door_ = async::acceptor();
  keys_.clear();
}

}  // namespace sfs
