// See passphrase.h.
#include "examples/sfsd/users/passphrase.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/private_file.h"
#include "examples/sfsd/base/shown.h"

namespace sfs {
namespace {

constexpr int ending_signals[] = {SIGINT, SIGHUP, SIGQUIT, SIGTERM, SIGTSTP};

// The signal that came while the terminal did not echo, or 0.
volatile sig_atomic_t signal_that_came = 0;

void note_signal(int signal) { signal_that_came = signal; }

// Has signals end the waiting for a line, as long as it lives, and only then do what they would
// have done. They are blocked but for the waiting, so that none comes just before it and is missed.
class signals_noted {
 public:
  signals_noted() noexcept {
    signal_that_came = 0;
    sigset_t them;
    sigemptyset(&them);
    for (int signal : ending_signals) sigaddset(&them, signal);
    ::pthread_sigmask(SIG_BLOCK, &them, &mask_before_);
    struct sigaction noting = {};
    noting.sa_handler = note_signal;
    for (std::size_t i = 0; i < before_.size(); ++i)
      ::sigaction(ending_signals[i], &noting, &before_[i]);
  }
  ~signals_noted() {
    for (std::size_t i = 0; i < before_.size(); ++i)
      ::sigaction(ending_signals[i], &before_[i], nullptr);
    if (signal_that_came != 0) ::raise(signal_that_came);
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  signals_noted(const signals_noted&) = delete;
  signals_noted& operator=(const signals_noted&) = delete;

  // Until there is something to read. False, with errno, if a signal came first.
  bool wait_for(int fd) const noexcept {
    pollfd p{fd, POLLIN, 0};
    int ready;
    do {
      ready = ::ppoll(&p, 1, nullptr, &mask_before_);
    } while (ready < 0 && errno == EINTR && signal_that_came == 0);
    return ready > 0;
  }

 private:
  sigset_t mask_before_;
  std::array<struct sigaction, std::size(ending_signals)> before_;
};

// Keeps the terminal from showing what is typed, as long as it lives.
class no_echo {
 public:
  explicit no_echo(int terminal) noexcept : terminal_(terminal) {
    changed_ = ::tcgetattr(terminal, &before_) == 0;
    if (!changed_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ICANON | ECHONL;
    changed_ = ::tcsetattr(terminal, TCSAFLUSH, &quiet) == 0;
  }
  ~no_echo() {
    if (changed_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  no_echo(const no_echo&) = delete;
  no_echo& operator=(const no_echo&) = delete;

  explicit operator bool() const noexcept { return changed_; }

 private:
  int terminal_;
  bool changed_;
  termios before_;
};

// The terminal is in canonical mode, so one read gives one line. False with errno.
bool read_line(int terminal, secret_text& line) noexcept {
  ssize_t n;
  do {
    n = ::read(terminal, line.data(), line.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return false;
  line.cut(static_cast<std::size_t>(n));
  return true;
}

outcome<secret_text> first_line(secret_text text, const std::string& whose) {
  text.cut(std::min(text.view().find('\n'), text.size()));
  if (text.empty()) return failure{whose + ": there is no passphrase"};
  if (text.size() > max_passphrase) return failure{whose + ": the passphrase is too long"};
  return text;
}

}  // namespace

outcome<secret_text> ask_passphrase(const std::string& question) {
  const fd_owner terminal{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
  if (!terminal) return failure{"there is no terminal to ask for a passphrase"};
  secret_text line(max_passphrase + 2);
  bool done = false;
  {
    const signals_noted noted;  // they do what they do when the terminal is as it was
    const no_echo quiet(terminal.get());
    if (quiet && write_all(terminal.get(), shown(question) + ": "))
      done = noted.wait_for(terminal.get()) && read_line(terminal.get(), line);
  }
  if (!done) return failure{"the terminal: " + system_reason()};
  return first_line(std::move(line), "the terminal");
}

outcome<secret_text> ask_new_passphrase(const std::string& question) {
  while (true) {
    auto once = ask_passphrase(question);
    if (!once) return once;
    const auto again = ask_passphrase(question + " (again)");
    if (!again) return again.as_failure();
    if (once->size() == again->size() &&
        CRYPTO_memcmp(once->data(), again->view().data(), once->size()) == 0)
      return once;
  }
}

outcome<secret_text> read_passphrase(const std::string& path) {
  auto text = read_small_file(path, 2 * max_passphrase, allows_others::nothing);
  if (!text) return text;
  return first_line(std::move(*text), path);
}

passphrase_source passphrase_for(const std::string& key_file,
                                 const std::optional<std::string>& passphrase_file) {
  if (passphrase_file) return [file = *passphrase_file] { return read_passphrase(file); };
  return [key_file] { return ask_passphrase("Passphrase of " + key_file); };
}

}  // namespace sfs
