// Telling the service manager, or our predecessor, how we are: see handover.h. Serves stage 2.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "async/detail/ready_fd.h"
#include "async/handover.h"
#include "suio/suio.h"

namespace async {

namespace {

std::atomic<int> ready_fd{-1};

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

bool has_line(std::string_view text, std::string_view line) noexcept {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (text.substr(0, end) == line) return true;
    if (end == text.npos) return false;
    text.remove_prefix(end + 1);
  }
  return false;
}

void tell_predecessor() noexcept {
  const int fd = ready_fd.exchange(-1);
  if (fd < 0) return;
  try {
    suio message;
    message.print(&detail::ready_message, 1);
    message.output(fd);               // if he is gone, he need not know; nor is there a SIGPIPE
  } catch (const std::bad_alloc&) {}  // then he takes the end for our failure
  close(fd);
}

}  // namespace

void detail::set_ready_fd(int fd) noexcept { ready_fd.store(fd); }

std::error_code notify(const std::string& state) noexcept {
  if (has_line(state, "READY=1")) tell_predecessor();
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr) return {};
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(name);
  if (length < 2 || length >= sizeof to.sun_path || (name[0] != '/' && name[0] != '@'))
    return std::make_error_code(std::errc::invalid_argument);
  std::memcpy(to.sun_path, name, length);
  if (name[0] == '@') to.sun_path[0] = '\0';  // its name ends with the address, not with a null
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return last_error();
  const bool sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&to), size) >= 0;
  const std::error_code result = sent ? std::error_code() : last_error();
  close(fd);
  return result;
}

std::string reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return "RELOADING=1\nMONOTONIC_USEC=" +
         std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace async
