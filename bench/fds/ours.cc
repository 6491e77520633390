// The loads of the fds benchmarks on the library (stages 1 to 5), as a program would be written:
// fdcb with a wrapped method, and amain.

#include <unistd.h>

#include <atomic>
#include <deque>
#include <stdexcept>

#include "async/aios.h"
#include "async/fd.h"
#include "async/main.h"
#include "bench/fds/pipe_ring.h"
#include "bench/fds/servers.h"
#include "mp/color.h"

namespace bench {
namespace {

void must(std::error_code failed) {
  if (failed) throw std::system_error(failed, "fdcb");
}

class ours_connection : public connection {
 public:
  ours_connection(int fd, const work* compute, const async::color& color,
                  std::atomic<std::size_t>& open)
      : connection(fd, compute), open_(open) {
    must(async::fdcb(fd, async::selread, async::cwrap(color, this, &ours_connection::readable)));
  }

 private:
  void readable() {
    if (serve()) return;
    async::fdcb(fd(), async::selread, nullptr);
    close(fd());
    if (open_.fetch_sub(1) == 1) async::stop();
  }

  std::atomic<std::size_t>& open_;
};

// The same on a buffered stream.
class stream_connection : public async::refcount {
 public:
  stream_connection(int fd, const work* compute, const async::color& color,
                    std::atomic<std::size_t>& open)
      : stream_(async::aios::make(fd, nullptr, color)), compute_(compute), open_(open) {}

  void next() {
    stream_->read_exactly(message_size, async::wrap(mkref(this), &stream_connection::got));
  }

 private:
  void got(async::aios_read& request) {
    if (!request) {
      stream_->close();
      if (open_.fetch_sub(1) == 1) async::stop();
      return;
    }
    if (compute_ != nullptr) (*compute_)();
    stream_->write(request.text());
    next();
  }

  const async::aios_t stream_;
  const work* compute_;
  std::atomic<std::size_t>& open_;
};

}  // namespace

void serve_on_streams(const std::vector<int>& fds, const work* compute, unsigned cpus) {
  std::atomic<std::size_t> open{fds.size()};
  for (const int fd : fds)
    async::make_ref<stream_connection>(fd, compute,
                                       cpus > 1 ? async::color::fresh() : async::color(), open)
        ->next();
  async::amain(async::runtime_options{.cpus = cpus});
}

void serve_on_ours(const std::vector<int>& fds, const work* compute, unsigned cpus) {
  std::atomic<std::size_t> open{fds.size()};
  std::deque<ours_connection> connections;
  for (const int fd : fds)
    connections.emplace_back(fd, compute, cpus > 1 ? async::color::fresh() : async::color(), open);
  async::amain(async::runtime_options{.cpus = cpus});
}

void pass_round_on_ours(pipe_ring& ring) {
  for (std::size_t i = 0; i < ring.size(); i++)
    must(async::fdcb(ring.read_end(i), async::selread, async::wrap([&ring, i] {
                       if (ring.pass_on(i)) async::stop();
                     })));
  async::amain(async::runtime_options{.cpus = 1});
  for (std::size_t i = 0; i < ring.size(); i++)
    must(async::fdcb(ring.read_end(i), async::selread, nullptr));
}

}  // namespace bench
