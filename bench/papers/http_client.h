// One thread's clients of an HTTP server: each has one request under way, and asks for the next
// file when the reply is complete. The kernel throws away most of what comes: of each reply the
// head is read, and of one in 64 everything, which is compared with the file.
//
// Thread safety: one thread, except for what says otherwise.
// Invariant: a connection that is open has one request under way from start() on.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/papers/phase.h"
#include "bench/papers/reply.h"
#include "bench/papers/request_mix.h"
#include "examples/sfsd/base/fd.h"

namespace papers {

struct client_options {
  std::uint16_t port;
  std::size_t clients;
  unsigned workers;   // the server's processes, which say in X-Worker who they are; 1: do not ask
  std::size_t first;  // the number of the first client: each begins elsewhere in the mix
};

// What was counted while it was measured.
struct client_counts {
  std::uint64_t replies = 0, bytes = 0, compared = 0;
  // What went wrong, at any time.
  std::uint64_t closed = 0;   // the connection ended in the middle
  std::uint64_t wrong = 0;    // a reply that is none, or is not the file
  std::uint64_t refused = 0;  // no connection could be made
  steady::duration waited{};  // of all replies together
  steady::duration longest{};
};

class http_clients {
 public:
  http_clients(const client_options& options, const request_mix& mix);

  // Connects all, and lets each ask once: its reply is compared. With several workers, connects
  // until each has an equal share.
  void connect();

  // Asks and takes replies until `now` is over.
  void run(const std::atomic<phase>& now);

  // After run().
  const client_counts& counts() const noexcept { return counts_; }
  std::vector<std::uint64_t> served() const;

 private:
  struct connection {
    sfs::fd_owner fd;
    std::size_t turn = 0;
    std::string head;      // its beginning, where it did not come at once
    std::size_t left = 0;  // bytes of the reply's body that have not come
    bool in_body = false;
    bool compares = false;
    std::uint64_t served = 0;
    steady::time_point asked{};
  };
  enum class progress { waits, complete, broken };

  bool open(connection& c);
  bool open_at_its_share(connection& c);
  bool ask_once(connection& c, std::string& worker);
  void reopen(connection& c);
  bool ask(connection& c);
  progress take(connection& c);
  progress take_head(connection& c);
  progress take_body(connection& c);
  bool is_next_of_body(const connection& c, std::string_view bytes) const;
  void complete(connection& c);
  progress wrong();
  progress nothing_came(ssize_t n);
  void readable(connection& c);

  const client_options options_;
  const request_mix& mix_;
  sfs::fd_owner poll_;
  std::vector<connection> all_;
  std::map<std::string, std::size_t> of_worker_;
  std::uint64_t asked_ = 0;
  bool counting_ = false;
  steady::time_point now_{};
  client_counts counts_;
  std::string buffer_;
};

}  // namespace papers
