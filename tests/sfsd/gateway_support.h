// sfscd as a process, and clients of it that speak plain NFS.
//
// Serves no stage of its own. Thread safety: one thread per object.
#pragma once

#include "tests/sfsd/server_support.h"

namespace sfs::test {

using std::chrono::seconds;

// A client that speaks plain NFS, one call at a time or many.
class plain_client {
 public:
  explicit plain_client(std::uint16_t port)
      : socket_(std::move(*connect_to(*server_location::parse("127.0.0.1%" + std::to_string(port)),
                                      client_options()))) {}

  template <class Args>
  void send(std::uint32_t xid, std::uint32_t program, std::uint32_t procedure,
            bool_t (*routine)(XDR*, Args*), Args args) {
    byte_string call;
    append_call(call, xid, program, procedure, routine, args);
    send_bytes(call);
  }
  void send_bytes(const_bytes data) {
    while (!data.empty()) {
      const ssize_t n = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
      ASSERT_GT(n, 0);
      data = data.subspan(static_cast<std::size_t>(n));
    }
  }
  // The next reply; empty if the connection has ended.
  byte_string receive() {
    byte_string mark(4);
    if (!read_all(mark)) return {};
    byte_string message(load_be32(mark.data()) & ~last_fragment);
    return read_all(message) ? message : byte_string();
  }
  // The results of one call.
  template <class Res, bool_t (*Routine)(XDR*, Res*), class Args>
  std::unique_ptr<xdr_value<Res, Routine>> call(std::uint32_t program, std::uint32_t procedure,
                                                bool_t (*routine)(XDR*, Args*), Args args) {
    send(++xid_, program, procedure, routine, args);
    last_ = receive();
    const auto r = parse_reply(last_);
    auto res = std::make_unique<xdr_value<Res, Routine>>();
    EXPECT_TRUE(r && r->xid == xid_ && !r->denied && r->status == rpc_accept::success &&
                res->decode(r->results));
    return res;
  }
  byte_string mount(std::string path = "/") {
    auto res =
        call<mountres3, xdr_mountres3>(MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath,
                                       dirpath{static_cast<u_int>(path.size()), path.data()});
    EXPECT_EQ((*res)->fhs_status, MNT3_OK);
    const auto& h = (*res)->mountres3_u.mountinfo.fhandle;
    return {h.fhandle3_val, h.fhandle3_val + h.fhandle3_len};
  }
  byte_string look_up(byte_string& directory, std::string_view name) {
    auto res = call<LOOKUP3res, xdr_LOOKUP3res>(NFS_PROGRAM, NFSPROC3_LOOKUP, xdr_LOOKUP3args,
                                                LOOKUP3args{{as_handle(directory), as_name(name)}});
    EXPECT_EQ((*res)->status, NFS3_OK);
    const const_bytes h = bytes_of((*res)->LOOKUP3res_u.resok.object);
    return {h.begin(), h.end()};
  }
  int fd() const { return socket_.get(); }

 private:
  bool read_all(byte_string& to) {
    return to.empty() || ::recv(socket_.get(), to.data(), to.size(), MSG_WAITALL) ==
                             static_cast<ssize_t>(to.size());
  }
  fd_owner socket_;
  std::uint32_t xid_ = 1000;
  byte_string last_;
};

class running_gateway {
 public:
  explicit running_gateway(const running_server& server, std::vector<std::string> options = {}) {
    std::vector<std::string> words{program("sfscd"), "--connect", server.place().text};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(server.path().text());
    process_ = std::make_unique<child_process>(std::move(words));
    const std::string first = process_->read_line(), url = process_->read_line();
    const auto number = [](const std::string& text, const std::string& after) {
      const std::size_t at = text.find(after);
      return at == std::string::npos
                 ? std::uint16_t{0}
                 : static_cast<std::uint16_t>(std::stoi(text.substr(at + after.size())));
    };
    port = number(url, "nfsport=");
    mount_port = number(url, "mountport=");
    EXPECT_NE(port, 0) << process_->finish().errors;
  }
  finished stop(int signal = SIGTERM) {
    ::kill(process_->pid(), signal);
    return process_->finish();
  }
  finished finish() { return process_->finish(); }
  pid_t pid() const { return process_->pid(); }
  std::size_t resident_kb() const {
    std::ifstream status("/proc/" + std::to_string(process_->pid()) + "/status");
    for (std::string word; status >> word;)
      if (std::size_t kb = 0; word == "VmRSS:" && status >> kb) return kb;
    return 0;
  }
  std::uint16_t port = 0, mount_port = 0;

 private:
  std::unique_ptr<child_process> process_;
};

}  // namespace sfs::test
