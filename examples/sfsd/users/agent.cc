// See agent.h.
#include "examples/sfsd/users/agent.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "async/net.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/shown.h"
#include "examples/sfsd/users/agent_protocol.h"

namespace sfs {
namespace {

using clock = std::chrono::steady_clock;

failure about(const std::string& path, const std::string& why) {
  return {"the agent at " + path + ": " + why};
}

// Waits until the socket is ready. False, with errno, if it is not in time.
bool wait_for(int fd, short what, clock::time_point until) noexcept {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    pollfd p{fd, what, 0};
    const int ready = ::poll(&p, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0) return true;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) errno = ETIMEDOUT;
    return false;
  }
}

bool send_all(int fd, std::string_view text, clock::time_point until) noexcept {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd, POLLOUT, until)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

// Whether anybody listens, or something worse than nobody keeps us from finding out.
bool is_there(const std::string& path) {
  const fd_owner fd{async::unixsocket_connect(path)};
  return fd || (errno != ENOENT && errno != ECONNREFUSED);
}

// One question and its answer, on a connection of its own.
outcome<agent_answer> ask(const std::string& path, const agent_question& question,
                          std::chrono::milliseconds timeout) {
  const auto until = clock::now() + timeout;
  const fd_owner fd{async::unixsocket_connect(path)};
  if (!fd) return about(path, system_reason());
  const auto owner = peer_user(fd.get());
  if (!owner) return about(path, owner.why());
  if (*owner != ::geteuid() && *owner != 0) return about(path, "it is another user's");
  if (!send_all(fd.get(), encode(question), until)) return about(path, system_reason());
  std::vector<std::uint8_t> stream;
  while (true) {
    std::size_t used = 0;
    const auto message = next_agent_message(stream, max_agent_answer, used);
    if (!message) break;
    if (used > 0) {
      auto answer = decode_answer(*message);
      if (!answer) break;
      return std::move(*answer);
    }
    std::uint8_t part[4096];
    const ssize_t n = ::recv(fd.get(), part, sizeof part, 0);
    if (n == 0) return about(path, "it hung up");
    if (n > 0) stream.insert(stream.end(), part, part + n);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return about(path, system_reason());
    if (n < 0 && !wait_for(fd.get(), POLLIN, until)) return about(path, system_reason());
  }
  return about(path, "what it says makes no sense");
}

class key_signer final : public login_signer {
 public:
  explicit key_signer(user_key key) : key_(std::move(key)) {}
  const public_line& who() const noexcept override { return key_.who(); }
  outcome<ed25519_signature> sign(const login_statement& statement) override {
    return sign_login(key_, statement);
  }

 private:
  user_key key_;
};

class agent_signer final : public login_signer {
 public:
  agent_signer(std::string path, public_line who, std::chrono::milliseconds timeout)
      : path_(std::move(path)), who_(std::move(who)), timeout_(timeout) {}
  const public_line& who() const noexcept override { return who_; }
  outcome<ed25519_signature> sign(const login_statement& statement) override {
    const auto answer = ask(path_, agent_login{who_.key, statement}, timeout_);
    if (!answer) return answer.as_failure();
    if (const auto* refused = std::get_if<agent_refused>(&*answer))
      return about(path_, shown(refused->why));
    const auto* signature = std::get_if<ed25519_signature>(&*answer);
    if (!signature || !verify_login(who_.key, statement, *signature))
      return about(path_, "it signed something else");
    return *signature;
  }

 private:
  std::string path_;
  public_line who_;
  std::chrono::milliseconds timeout_;
};

}  // namespace

std::unique_ptr<login_signer> signer_with(user_key key) {
  return std::make_unique<key_signer>(std::move(key));
}

std::string default_agent_socket() {
  const char* directory = std::getenv("XDG_RUNTIME_DIR");
  return directory && *directory == '/' ? std::string(directory) + "/sfs-agent" : std::string();
}

outcome<std::vector<std::unique_ptr<login_signer>>> agent_signers(
    const std::string& path, std::chrono::milliseconds timeout) {
  std::vector<std::unique_ptr<login_signer>> signers;
  if (!is_there(path)) return signers;
  const auto answer = ask(path, agent_list{}, timeout);
  if (!answer) return answer.as_failure();
  const auto* keys = std::get_if<std::vector<public_line>>(&*answer);
  if (!keys) return about(path, "it does not list its keys");
  for (const public_line& who : *keys)
    signers.push_back(std::make_unique<agent_signer>(path, who, timeout));
  return signers;
}

outcome<uid_t> peer_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
    return failure{system_reason()};
  return peer.uid;
}

}  // namespace sfs
