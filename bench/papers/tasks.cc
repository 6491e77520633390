// The files that tasks read, and how long they are measured; see tasks.h.

#include "bench/papers/tasks.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "async/err.h"

namespace papers {

cached_files::cached_files(const std::string& directory) {
  const std::string content(block, 'x');
  for (std::size_t i = 0; i < count; ++i) {
    std::string path = directory + "/tasks-XXXXXX";
    fds_.push_back(::mkostemp(path.data(), O_CLOEXEC));
    if (fds_.back() < 0)
      async::fatal("cannot make a file in %s: %s", directory.c_str(), std::strerror(errno));
    ::unlink(path.c_str());
    if (::write(fds_.back(), content.data(), block) != block)
      async::fatal("cannot write a file in %s: %s", directory.c_str(), std::strerror(errno));
  }
}

cached_files::~cached_files() {
  for (const int fd : fds_) ::close(fd);
}

void cached_files::read(std::size_t n) const {
  // What is read is thrown away, so all threads of a CPU may share a buffer.
  static char buffers[256][block];
  const auto cpu = static_cast<unsigned>(::sched_getcpu()) % std::size(buffers);
  if (::pread(fds_[n % count], buffers[cpu], block, 0) != block)
    async::fatal("cannot read the file: %s", std::strerror(errno));
}

double measure_phases(const task_load& load, std::atomic<phase>& now) {
  const auto sleep = [](double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  };
  sleep(load.warmup_s);
  const std::int64_t began = now_ns();
  now.store(phase::measuring);
  sleep(load.seconds);
  now.store(phase::over);
  return static_cast<double>(now_ns() - began) * 1e-9;
}

double resident_bytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  while (rollup >> word)
    if (word == "Rss:") {
      double kib = 0;
      rollup >> kib;
      return kib * 1024;
    }
  return 0;
}

}  // namespace papers
