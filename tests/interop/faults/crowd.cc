// See crowd.h.
#include "tests/interop/faults/crowd.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <random>
#include <thread>

#include "examples/sfsd/channel/handshake.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/load/setup.h"

namespace sfs::faults {
namespace {

using clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds between_two_bytes{100};

server_location place_of(const crowd_options& o) {
  return o.reach.instead.value_or(o.server.location);
}

fd_owner connect(const crowd_options& o) {
  auto socket = connect_to(place_of(o), {.timeout = std::chrono::seconds(5)});
  return socket ? std::move(*socket) : fd_owner();
}

// Closes with a reset, as the kernel does for a process that is killed with bytes unread.
void vanish(fd_owner& socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket = fd_owner();
}

bool is_connected(const fd_owner& socket) {
  char c;
  const ssize_t n = socket ? ::recv(socket.get(), &c, 1, MSG_PEEK | MSG_DONTWAIT) : 0;
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

}  // namespace

int be_rude(const crowd_options& o) {
  const client_settings settings(o.server, o.reach.suites);
  handshake first(settings);
  const std::string hello = first.take_output();
  std::minstd_rand random(7);
  std::vector<fd_owner> crowd(o.count);
  std::size_t came = 0, stayed = 0, said = 0;
  for (fd_owner& socket : crowd) came += (socket = connect(o)) ? 1 : 0;
  std::printf("rude: %zu of %zu could connect\n", came, o.count);
  std::fflush(stdout);
  for (const auto end = clock::now() + o.time; clock::now() < end; ++said) {
    for (std::size_t i = 0; i < crowd.size(); ++i) {
      if (!is_connected(crowd[i])) continue;
      const char noise = static_cast<char>(random());
      const char* say = i % 4 == 1 ? &hello[said % hello.size()] : &noise;
      if (i % 4 == 1 || i % 4 == 2) (void)::send(crowd[i].get(), say, 1, MSG_NOSIGNAL);
      if (i % 4 == 3 && random() % 8 == 0) {
        (void)::send(crowd[i].get(), hello.data(), hello.size() / 2, MSG_NOSIGNAL);
        vanish(crowd[i]);
        crowd[i] = connect(o);
      }
    }
    std::this_thread::sleep_for(between_two_bytes);
  }
  for (const fd_owner& socket : crowd) stayed += is_connected(socket) ? 1 : 0;
  std::printf("rude: %zu are still connected\n", stayed);
  return 0;
}

namespace {

// As many WRITEs and READs as a record takes: first the file becomes 64 KiB long.
std::vector<std::uint8_t> many_calls(file_handle& file, std::uint32_t user) {
  std::vector<std::uint8_t> calls(load_wire::room_in_front);
  constexpr std::uint32_t size = 8192;
  const std::vector<std::uint8_t> data(size, 'd');
  READ3args read{as_handle(file), 0, NFS3_MAXDATA};
  for (std::uint32_t n = 0; calls.size() < record_max_payload - 2 * size; ++n) {
    if (n % 4 == 0)
      append_write(calls, n, user, {as_handle(file), (n / 4 % 8) * size, size, UNSTABLE, size},
                   data);
    else
      append_call(calls, n, NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, read, user);
  }
  return calls;
}

struct deaf_client {
  load_wire wire;
  std::vector<std::uint8_t> calls;
};

outcome<deaf_client> begin_to_be_deaf(const crowd_options& o, std::size_t number) {
  auto setup = load_setup::sealed(o.server, o.reach, o.signer);
  if (!setup) return setup.as_failure();
  auto root = setup->mount("/");
  if (!root) return root.as_failure();
  auto file = setup->create(*root, "deaf-" + std::to_string(number));
  if (!file) return file.as_failure();
  auto calls = many_calls(*file, setup->user());
  deaf_client c{setup->take_wire(replies::of_any_length), std::move(calls)};
  if (::fcntl(c.wire.fd(), F_SETFL, O_NONBLOCK) < 0) return failure{system_reason()};
  return c;
}

}  // namespace

int be_deaf(const crowd_options& o) {
  std::vector<deaf_client> crowd;
  for (std::size_t i = 0; i < o.count; ++i) {
    auto one = begin_to_be_deaf(o, i);
    if (!one) {
      std::fprintf(stderr, "deaf: %s\n", one.why().c_str());
      return 1;
    }
    crowd.push_back(std::move(*one));
  }
  std::uint64_t taken = 0;
  for (const auto end = clock::now() + o.time; clock::now() < end;) {
    bool any = false;
    for (deaf_client& c : crowd) {
      if (!c.wire.flush()) continue;
      taken += c.calls.size();
      c.wire.send(c.calls);
      any = true;
    }
    if (!any) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::printf("deaf: the server took %llu KiB of %zu clients\n",
              static_cast<unsigned long long>(taken >> 10), crowd.size());
  return 0;
}

}  // namespace sfs::faults
