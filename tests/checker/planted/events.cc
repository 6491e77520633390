// Mistakes with timers, signals, file descriptors and work that blocks: see planted.h.
//
// The callbacks of each mistake run one after the other, as the first one begins what calls the
// second; but the second is not begun by what the first one changes.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>

#include "async/blocking.h"
#include "async/fd.h"
#include "async/signal.h"
#include "async/timer.h"
#include "mp/color.h"
#include "mp/runtime.h"
#include "tests/checker/planted/planted.h"
#include "wrap/wrap.h"

namespace planted {

namespace {

using async::cwrap;
using async::delaycb;
using async::post;
using namespace std::chrono_literals;

// A timer's callback, under another color, counts what its owner counts as well.
void timer_state() {
  static int ticks = 0;
  post(red, [] {  // [timer_state.1]
    const alone here;
    delaycb(1ms, cwrap(blue, [] {  // [timer_state.2]
              const alone here;
              ++ticks;
              async::stop();
            }));
    ++ticks;
  });
}

// The handler of SIGHUP reads the configuration anew, under the default color.
void signal_state() {
  static std::string path = "/etc/motd";
  async::sigcb(SIGHUP, async::wrap([] {  // [signal_state.1]
                 const alone here;
                 path = "/etc/issue";
                 async::stop();
               }));
  post(red, [] {  // [signal_state.2]
    const alone here;
    std::raise(SIGHUP);
    static_cast<void>(path.size());
  });
}

struct log_file {
  int fd;
  long written = 0;
};

// Two colors append to one file, whose length is kept beside it.
void descriptors_state() {
  static log_file log{open("/dev/null", O_WRONLY | O_CLOEXEC)};
  static const auto append = [](const char* line) { log.written += write(log.fd, line, 1); };
  post(red, [] {  // [descriptors_state.1]
    const alone here;
    delaycb(1ms, cwrap(blue, [] {  // [descriptors_state.2]
              const alone here;
              append("b");
              async::stop();
            }));
    append("a");
  });
}

// One color closes what another one still writes to.
void closed_descriptor() {
  static const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  post(red, [] {                    // [closed_descriptor.1]
    delaycb(50ms, cwrap(blue, [] {  // [closed_descriptor.2]
              close(fd);
              async::stop();
            }));
    if (write(fd, "x", 1) != 1) std::abort();
  });
}

// The bytes of a pipe are counted by its reader, and by who asks how many there were.
void readable_state() {
  static int ends[2];
  static long received = 0;
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) std::abort();
  async::fdcb(ends[0], async::selread, cwrap(blue, [] {  // [readable_state.1]
                const alone here;
                char byte;
                received += read(ends[0], &byte, 1);
                async::fdcb(ends[0], async::selread, nullptr);
                async::stop();
              }));
  post(red, [] {  // [readable_state.2]
    const alone here;
    if (write(ends[1], "x", 1) != 1) std::abort();
    static_cast<void>(received > 0);
  });
}

// Blocking work on another thread writes where its color reads, which does not wait for it.
void blocking_work() {
  static int result = 0;
  post(red, [] {  // [blocking_work.1] [blocking_work.2]
    const alone here;
    const auto status = async::blocking(
        [] {
          const alone here;
          result = 1;
        },
        async::wrap([] { async::stop(); }));
    if (status) std::abort();
    static_cast<void>(result == 1);
  });
}

constexpr mistake all[] = {
    {"timer_state", &timer_state},
    {"signal_state", &signal_state},
    {"descriptors_state", &descriptors_state},
    {"closed_descriptor", &closed_descriptor},
    {"readable_state", &readable_state},
    {"blocking_work", &blocking_work},
};

}  // namespace

constinit const std::span<const mistake> mistakes_with_events = all;

}  // namespace planted
