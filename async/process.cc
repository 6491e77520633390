// Starting programs: see process.h. Serves stage 2.
//
// posix_spawn(3) makes a child that shares our memory until it execs, which is both fast and what
// lets it report the error of a failed exec at once.
#include "async/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <span>
#include <system_error>
#include <utility>

#include "mp/detail/cpus.h"
#include "mp/runtime.h"

namespace async {

namespace {

void check(int error) {
  if (error != 0) throw std::system_error(error, std::system_category());
}

void check_open(int fd) { check(fcntl(fd, F_GETFD) >= 0 ? 0 : errno); }

class unique_fd {
 public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) : fd_(fd) {
    if (fd < 0) check(errno);
  }
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

class file_actions {
 public:
  file_actions() { check(posix_spawn_file_actions_init(&actions_)); }
  ~file_actions() { posix_spawn_file_actions_destroy(&actions_); }
  file_actions(const file_actions&) = delete;
  file_actions& operator=(const file_actions&) = delete;

  void give(int fd, int as) { check(posix_spawn_file_actions_adddup2(&actions_, fd, as)); }
  void close_from(int fd) { check(posix_spawn_file_actions_addclosefrom_np(&actions_, fd)); }
  void work_in(const std::string& directory) {
    check(posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()));
  }
  const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class attributes {
 public:
  explicit attributes(child_group group) {
    check(posix_spawnattr_init(&attributes_));
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (group == child_group::own) flags |= POSIX_SPAWN_SETPGROUP;  // to the child's pid
    if (group == child_group::session) flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
  }
  ~attributes() { posix_spawnattr_destroy(&attributes_); }
  attributes(const attributes&) = delete;
  attributes& operator=(const attributes&) = delete;

  const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// What execve(2) takes: pointers to the strings, which must live.
class string_array {
 public:
  void add(const std::string& s) {
    if (s.find('\0') != std::string::npos) check(EINVAL);
    pointers_.insert(pointers_.end() - 1, const_cast<char*>(s.c_str()));
  }
  char* const* get() const noexcept { return pointers_.data(); }

 private:
  std::vector<char*> pointers_{nullptr};
};

// The fds of a child that is to be started: sources of ours, which the child gets as 0, 1, 2...
//
// A dup2() to its place must not hit a source that is still needed. So each source is first copied
// to behind all places, for us; such copies are closed on exec.
class child_fds {
 public:
  explicit child_fds(std::size_t count) : first_free_(static_cast<int>(count)) {}

  void add(int fd) { copies_.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, first_free_)); }
  // Returns our end.
  unique_fd add(const child_fd& what, int as) {
    switch (what.number()) {
      case child_fd::inherit:
        add(as);
        return {};
      case child_fd::null:
        add(unique_fd(open("/dev/null", O_RDWR | O_CLOEXEC)).get());
        return {};
      case child_fd::pipe:
        return add_pipe(as == STDIN_FILENO);
      default:
        add(what.number());
        return {};
    }
  }
  void tell(file_actions& actions) const {
    for (int as = 0; const unique_fd& fd : copies_) actions.give(fd.get(), as++);
    actions.close_from(first_free_);
  }

 private:
  unique_fd add_pipe(bool child_reads) {
    int ends[2];
    check(pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno);
    unique_fd reading(ends[0]), writing(ends[1]);
    unique_fd& ours = child_reads ? writing : reading;
    check(fcntl(ours.get(), F_SETFL, O_NONBLOCK) == 0 ? 0 : errno);  // of this end alone
    add((child_reads ? reading : writing).get());
    return std::move(ours);
  }

  const int first_free_;
  std::vector<unique_fd> copies_;
};

spawned start(const spawn_options& options) {
  string_array arguments, environment;
  arguments.add(options.program);
  for (const std::string& s : options.arguments) arguments.add(s);
  if (options.environment) {
    for (const std::string& s : *options.environment) environment.add(s);
  }
  if (options.directory.find('\0') != std::string::npos) check(EINVAL);

  // Before any fd of our own gets the number of one that is not open.
  for (int as = 0; const child_fd& given : {options.in, options.out, options.err}) {
    if (given.number() >= 0) check_open(given.number());
    if (given.number() == child_fd::inherit) check_open(as);
    ++as;
  }
  for (const int fd : options.fds) check_open(fd);

  child_fds fds(3 + options.fds.size());
  unique_fd in = fds.add(options.in, STDIN_FILENO);
  unique_fd out = fds.add(options.out, STDOUT_FILENO);
  unique_fd err = fds.add(options.err, STDERR_FILENO);
  for (const int fd : options.fds) fds.add(fd);

  file_actions actions;
  fds.tell(actions);
  if (!options.directory.empty()) actions.work_in(options.directory);
  const attributes how(options.group);
  pid_t pid = -1;
  // The child gets this thread's CPUs; a worker is bound to one.
  const detail::affinity_guard restored;
  if (on_worker()) detail::unpin_this_thread();
  check(posix_spawnp(&pid, options.program.c_str(), actions.get(), how.get(), arguments.get(),
                     options.environment ? environment.get() : environ));
  return {pid, in.release(), out.release(), err.release()};
}

}  // namespace

spawned spawn(const spawn_options& options) {
  int error;
  try {
    return start(options);
  } catch (const std::system_error& e) {
    error = e.code().value();
  }
  errno = error;
  return {};
}

}  // namespace async
