// See metrics_socket.h.
#include "examples/sfsd/server/metrics_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "async/fd.h"
#include "async/timer.h"
#include "examples/sfsd/base/fd.h"
#include "suio/suio.h"
#include "wrap/refcnt.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

constexpr int most = 8;
constexpr std::chrono::seconds patience{5};

// One who asked. Lives until he has his answer, or his time is over.
class asker final : public async::refcount {
 public:
  asker(int fd, const std::function<std::string()>& text) : fd_(fd), text_(text) { ++alive; }
  ~asker() override { --alive; }

  void begin() {
    const auto self = async::mkref(this);
    timer_ = async::delaycb(patience, async::wrap(self, &asker::end));
    async::fdcb(fd_.get(), async::selread, async::wrap(self, &asker::asked));
  }

  static inline int alive = 0;  // one color

 private:
  // What was asked does not matter, only that something was.
  void asked() {
    char request[4096];
    const ssize_t n = ::recv(fd_.get(), request, sizeof request, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return end();
    if (std::exchange(answered_, true)) return;  // the rest of a long request
    const std::string text = text_();
    out_.print("HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: " +
               std::to_string(text.size()) + "\r\n\r\n" + text);
    write();
  }

  void write() {
    const auto self = async::mkref(this);
    const async::io_result r = out_.output(fd_.get());
    if (r.status == async::io_status::would_block) {
      async::fdcb(fd_.get(), async::selwrite, async::wrap(self, &asker::write));
    } else {
      end();
    }
  }

  void end() {
    const auto self = async::mkref(this);  // the callbacks may hold the last one
    if (!fd_) return;
    async::timecb_remove(timer_);
    async::fdcb(fd_.get(), async::selread, nullptr);
    async::fdcb(fd_.get(), async::selwrite, nullptr);
    fd_ = fd_owner();
  }

  fd_owner fd_;
  const std::function<std::string()>& text_;
  async::suio out_;
  async::timecb_t timer_;
  bool answered_ = false;
};

// Removes a socket at which nobody listens.
void remove_old(const std::string& path) {
  struct stat st;
  if (::lstat(path.c_str(), &st) < 0 || !S_ISSOCK(st.st_mode)) return;
  const fd_owner probe(async::unixsocket_connect(path));
  if (!probe && errno == ECONNREFUSED) ::unlink(path.c_str());
}

}  // namespace

metrics_socket::metrics_socket(std::string path, std::function<std::string()> text)
    : path_(std::move(path)), text_(std::move(text)) {
  remove_old(path_);
  const mode_t before = ::umask(0177);  // a program's start has one thread
  const int fd = async::unixsocket_listen(path_);
  ::umask(before);
  door_ = async::acceptor(fd, async::wrap(this, &metrics_socket::accepted));
  if (!door_) why_not_ = path_ + ": " + system_reason();
}

metrics_socket::~metrics_socket() {
  if (why_not_.empty()) ::unlink(path_.c_str());
}

void metrics_socket::accepted(int fd) {
  if (fd < 0) return;
  if (asker::alive >= most) {
    ::close(fd);
    return;
  }
  async::make_ref<asker>(fd, text_)->begin();
}

}  // namespace sfs
