// See new_file.h.
#include "examples/sfsd/client/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "examples/sfsd/base/base32.h"
#include "examples/sfsd/base/openssl.h"

namespace sfs {
namespace {

constexpr int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXFSZ};

// The temporary file that a signal removes; empty if there is none. Changed only while the signals
// are blocked.
char part_to_remove[PATH_MAX];

// The action is back at its default when this runs, so the signal ends the process after it.
void remove_and_end(int signal) {
  if (part_to_remove[0] != '\0') ::unlink(part_to_remove);
  ::raise(signal);
}

// Keeps the signals away as long as it lives.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    sigset_t them;
    sigemptyset(&them);
    for (int signal : ending_signals) sigaddset(&them, signal);
    ::sigprocmask(SIG_BLOCK, &them, &before_);
  }
  ~signals_blocked() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

 private:
  sigset_t before_;
};

void handle_signals() noexcept {
  for (int signal : ending_signals) {
    struct sigaction now;
    if (::sigaction(signal, nullptr, &now) < 0 || now.sa_handler != SIG_DFL) continue;
    struct sigaction removing = {};
    removing.sa_handler = remove_and_end;
    removing.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(signal, &removing, nullptr);
  }
}

std::string directory_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? std::string() : name.substr(0, slash + 1);
}

// The name behind all symbolic links, whether there is such a file or not. Empty, with errno, if
// the links are a circle.
std::string behind_links(std::string name) {
  for (int links = 0; links < 40; ++links) {
    char target[PATH_MAX];
    const ssize_t size = ::readlink(name.c_str(), target, sizeof target);
    if (size < 0) return name;
    const std::string_view text(target, static_cast<std::size_t>(size));
    name = text.starts_with('/') ? std::string(text) : directory_of(name).append(text);
  }
  errno = ELOOP;
  return {};
}

unsigned mode_of_new_files() noexcept {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

// Some letters that another source does not have.
std::string source_mark(const std::string& source) {
  std::uint8_t digest[32];
  unsigned size = 0;
  if (EVP_Digest(source.data(), source.size(), digest, &size, EVP_sha256(), nullptr) != 1)
    openssl_broken("hashing a name");
  return base32(const_bytes(digest).first(10));
}

failure why_not(const std::string& name) { return {name + ": " + system_reason()}; }
failure why_not() { return {system_reason()}; }  // the file that the caller has named

}  // namespace

outcome<new_file> new_file::create(const std::string& name) {
  fd_owner fd;
  if (name == "-") {
    fd = fd_owner(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!fd) return why_not();
    return new_file(std::move(fd));
  }
  struct stat st;
  const bool exists = ::stat(name.c_str(), &st) == 0;
  if (!exists && errno != ENOENT) return why_not();
  if (exists && S_ISDIR(st.st_mode)) return failure{"it is a directory"};
  if (exists && !S_ISREG(st.st_mode)) {
    fd = fd_owner(::open(name.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return why_not();
    return new_file(std::move(fd));
  }
  const std::string target = behind_links(name);
  if (target.empty()) return why_not();
  auto made = create_beside(target, exists ? st.st_mode & 0777 : mode_of_new_files());
  if (!made && target != name) return failure{target + ": " + made.why()};
  return made;
}

// Makes the temporary file in the directory of the target.
outcome<new_file> new_file::create_beside(const std::string& target, unsigned mode) {
  const std::string directory = directory_of(target);
  // Cut, so that a name of the greatest length has room for what is added.
  std::string part = directory + "." + target.substr(directory.size(), 200) + ".XXXXXX";
  if (part.size() >= sizeof part_to_remove) {
    errno = ENAMETOOLONG;
    return why_not();
  }
  handle_signals();
  const signals_blocked until_it_is_known;
  new_file made(fd_owner(::mkostemp(part.data(), O_CLOEXEC)));
  if (!made.fd_) return why_not();
  std::strcpy(part_to_remove, part.c_str());
  made.name_ = target;
  made.part_ = std::move(part);
  if (::fchmod(made.fd_.get(), mode) < 0) return why_not();
  return made;
}

outcome<new_file> new_file::resume(const std::string& name, const std::string& source) {
  struct stat st;
  const bool exists = ::stat(name.c_str(), &st) == 0;
  if (!exists && errno != ENOENT) return why_not();
  if (exists && !S_ISREG(st.st_mode)) return failure{"only a regular file is resumed"};
  const std::string target = behind_links(name);
  if (target.empty()) return why_not();
  const std::string directory = directory_of(target);
  const std::string part =
      directory + "." + target.substr(directory.size(), 200) + "." + source_mark(source) + ".part";
  // Not through a link that somebody else has put there, nor into a file of somebody else's.
  new_file made(fd_owner(::open(part.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)));
  if (!made.fd_ || ::fstat(made.fd_.get(), &st) < 0) return why_not(part);
  if (!S_ISREG(st.st_mode) || st.st_uid != ::geteuid() || st.st_nlink != 1)
    return failure{part + ": it is in the way"};
  // The last pieces may have come in any order.
  constexpr std::uint64_t in_doubt = 4 << 20;
  const auto size = static_cast<std::uint64_t>(st.st_size);
  made.had_ = size > in_doubt ? size - in_doubt : 0;
  made.name_ = target;
  made.part_ = part;
  made.stays_ = true;
  return made;
}

std::string new_file::write(std::uint64_t offset, const_bytes data) {
  while (!data.empty()) {
    const ssize_t n =
        part_.empty() ? ::write(fd_.get(), data.data(), data.size())
                      : ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_reason();
    data = data.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

std::string new_file::keep() {
  const bool stored = part_.empty() || ::fsync(fd_.get()) == 0;
  if (stays_ && ::fchmod(fd_.get(), mode_of_new_files()) < 0) return system_reason();
  if (!stored || ::close(fd_.release()) < 0) return system_reason();
  if (part_.empty()) return {};
  const signals_blocked until_it_has_its_name;
  if (::rename(part_.c_str(), name_.c_str()) < 0) return system_reason();
  part_to_remove[0] = '\0';
  part_.clear();
  return {};
}

void new_file::discard() noexcept {
  if (part_.empty() || stays_) return;
  const signals_blocked until_it_is_forgotten;
  ::unlink(part_.c_str());
  part_to_remove[0] = '\0';
  part_.clear();
}

}  // namespace sfs
