// See handover.h. Serves stage 2.
#include "async/handover.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "async/child.h"
#include "async/detail/ready_fd.h"
#include "async/detail/wrap_like.h"
#include "async/err.h"
#include "async/fd.h"

extern char** environ;

namespace async {

namespace {

constexpr int first_fd = 3;  // SD_LISTEN_FDS_START
constexpr int most_fds = 1024;
constexpr const char* ready_variable = "ASYNC_READY_FD";
constexpr const char* variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", ready_variable};

// What the new process, or the child that becomes it, writes into the pipe.
constexpr char failed = 'E';  // and errno

std::optional<int> number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const char* const end = text + std::strlen(text);
  int number = 0;
  const auto [rest, error] = std::from_chars(text, end, number);
  return error == std::errc() && rest == end ? number : -1;
}

bool listens(int fd) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0;
}

std::vector<std::string> split(std::string_view names) {
  std::vector<std::string> result;
  for (std::size_t end; (end = names.find(':')) != names.npos; names.remove_prefix(end + 1))
    result.emplace_back(names.substr(0, end));
  result.emplace_back(names);
  return result;
}

bool is_name(const std::string& name) noexcept {
  return std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c < 0x20 || c >= 0x7f || c == ':'; });
}

// The arguments and the environment of the new process, made before the fork. Its process number is
// known only after it, and is written into the place left for it.
struct program {
  program(const std::vector<named_socket>& sockets, const std::vector<std::string>& arguments);

  // In the child, where only what signal handlers may do may be done: gives the fds their numbers
  // and becomes the program. Returns if that fails; then ready_fd is fds.back(), and what has had
  // its number may be another.
  void become(int ready_fd) noexcept;

  std::vector<int> fds;
  std::vector<std::string> texts;
  std::vector<char*> argv, envp;
  char pid_text[32] = "LISTEN_PID=";
};

program::program(const std::vector<named_socket>& sockets,
                 const std::vector<std::string>& arguments) {
  std::string names;
  for (const named_socket& s : sockets) {
    fds.push_back(s.fd);
    names += (fds.size() == 1 ? "" : ":") + s.name;
  }
  fds.push_back(-1);  // for the pipe
  texts = arguments;
  texts.push_back("LISTEN_FDS=" + std::to_string(sockets.size()));
  texts.push_back("LISTEN_FDNAMES=" + names);
  texts.push_back(std::string(ready_variable) + '=' + std::to_string(first_fd + sockets.size()));
  for (std::size_t i = 0; i < texts.size(); ++i)
    (i < arguments.size() ? argv : envp).push_back(texts[i].data());
  envp.push_back(pid_text);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (std::none_of(std::begin(variables), std::end(variables), [&](std::string_view name) {
          return text.starts_with(name) && text.substr(name.size()).starts_with('=');
        }))
      envp.push_back(*variable);
  }
  argv.push_back(nullptr);
  envp.push_back(nullptr);
}

void program::become(int ready_fd) noexcept {
  char* const digits = pid_text + std::strlen(pid_text);
  *std::to_chars(digits, pid_text + sizeof pid_text - 1, getpid()).ptr = '\0';
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // First out of each other's way.
  const int count = static_cast<int>(fds.size());
  fds.back() = ready_fd;
  for (int& fd : fds) {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, first_fd + count);
    if (copy < 0) return;
    fd = copy;
  }
  for (int i = 0; i < count; ++i) {
    if (dup2(fds[static_cast<std::size_t>(i)], first_fd + i) < 0) return;
  }
  execve(argv[0], argv.data(), envp.data());
}

// Waits for a new process to be ready.
class successor : public refcount {
 public:
  successor(int fd, pid_t pid, callback<void, std::error_code>::ref done)
      : fd_(fd), pid_(pid), from_(*done), done_(std::move(done)) {}
  ~successor() override { close(fd_); }

  void begin() {
    // Only so that it does not stay a zombie; if that can't be had, it does.
    chldcb(pid_, wrap([](int) {}));
    if (const auto e = fdcb(fd_, selread, detail::wrap_like(from_, mkref(this), &successor::told)))
      cpucb(detail::wrap_like(from_, mkref(this), &successor::end, e));
  }

 private:
  void told() {
    char message[1 + sizeof(int)] = {};
    const ssize_t n = read(fd_, message, sizeof message);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    int error = ECHILD;
    if (n > 0 && message[0] == detail::ready_message) error = 0;
    if (n == sizeof message && message[0] == failed) std::memcpy(&error, message + 1, sizeof error);
    if (error == 0) notify("MAINPID=" + std::to_string(pid_));
    end(error == 0 ? std::error_code() : std::error_code(error, std::generic_category()));
  }

  void end(std::error_code error) {
    fdcb(fd_, selread, nullptr);
    done_(error);
  }

  const int fd_;
  const pid_t pid_;
  const detail::origin from_;
  const callback<void, std::error_code>::ref done_;
};

// Starts it; throws std::system_error.
ref<successor> start(program&& p, callback<void, std::error_code>::ref done) {
  const auto fail = [] { throw std::system_error(errno, std::generic_category()); };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) fail();
  const pid_t pid = fork();
  if (pid == 0) {
    p.become(ends[1]);
    char message[1 + sizeof(int)] = {failed};
    std::memcpy(message + 1, &errno, sizeof errno);
    (void)!write(p.fds.back(), message, sizeof message);
    _exit(127);
  }
  const int error = errno;
  close(ends[1]);
  if (pid > 0) return make_ref<successor>(ends[0], pid, std::move(done));
  close(ends[0]);
  errno = error;
  fail();
  std::abort();
}

}  // namespace

std::vector<named_socket> inherited_sockets() {
  std::vector<named_socket> result;
  const auto pid = number_in("LISTEN_PID"), count = number_in("LISTEN_FDS"),
             ready = number_in(ready_variable);
  const char* const names_text = std::getenv("LISTEN_FDNAMES");
  const std::vector<std::string> names = split(names_text == nullptr ? "" : names_text);
  for (const char* variable : variables) unsetenv(variable);
  if (!pid || !count || *pid != getpid()) return result;  // they are not for us
  if (*count < 0 || *count > most_fds) {
    warn("LISTEN_FDS is not from 0 to %d: it is ignored", most_fds);
    return result;
  }
  if (ready && *ready == first_fd + *count && !close_on_exec(*ready)) detail::set_ready_fd(*ready);
  for (int i = 0; i < *count; ++i) {
    const int fd = first_fd + i;
    if (!listens(fd) || close_on_exec(fd) || make_async(fd)) {
      warn("fd %d of LISTEN_FDS is not a socket that listens", fd);
      continue;
    }
    const bool has_name = names_text != nullptr && static_cast<std::size_t>(i) < names.size();
    result.push_back({fd, has_name ? names[static_cast<std::size_t>(i)] : "unknown"});
  }
  return result;
}

void hand_over(const std::vector<named_socket>& sockets, const std::vector<std::string>& arguments,
               callback<void, std::error_code>::ref done) {
  std::error_code error;
  try {
    const bool good = !arguments.empty() && sockets.size() <= most_fds &&
                      std::all_of(sockets.begin(), sockets.end(),
                                  [](const named_socket& s) { return is_name(s.name); });
    if (!good) throw std::system_error(EINVAL, std::generic_category());
    start(program(sockets, arguments), done)->begin();
    return;
  } catch (const std::system_error& e) {
    error = e.code();
  }
  post(
      color_of(*done), [done, error] { done(error); }, done->where());
}

}  // namespace async
