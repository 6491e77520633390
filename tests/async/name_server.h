// A name server of the tests' own, on a free port of 127.0.0.1, by UDP and TCP. It answers, fails
// or keeps silent as it is told for each name, and while it lives the library asks it alone.
//
// Serves no stage: the tests of names use it. Thread-safety: the default color, or with no runtime.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "async/resolve.h"

namespace async::test {

class name_server {
 public:
  // What is said of one name.
  struct entry {
    std::vector<std::string> addresses{};  // of both families
    std::string name{};                    // for a name below in-addr.arpa or ip6.arpa
    int code = 0;                          // 2: the server failed; 3: there is no such name
    bool silent = false;                   // counted, and not answered
    bool truncated = false;                // by UDP: to be asked again by TCP
    // Instead of all that: what follows the first two bytes, the question's number.
    std::string raw{};
  };

  explicit name_server(const dns_options& options = {});
  // What follows is asked of nobody: the server's port is closed.
  ~name_server();
  name_server(const name_server&) = delete;
  name_server& operator=(const name_server&) = delete;

  // Names that are not here do not exist.
  std::map<std::string, entry> zone;

  // Questions that came so far, one for each family.
  int asked_by_udp = 0, asked_by_tcp = 0;

 private:
  void udp_readable();
  void tcp_readable(int fd);
  void accepted(int fd);
  std::string answer(const std::string& question, bool by_udp);

  int udp_ = -1, tcp_ = -1;
  std::vector<int> connections_;
};

}  // namespace async::test
