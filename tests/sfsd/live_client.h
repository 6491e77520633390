// A server with users, as a process, and clients who speak to it over a real channel, each call by
// itself: they say HELLO, log in, ask for users' calls, and hear what the server tells them.
//
// Serves no stage of its own. Thread safety: one thread per object.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "examples/sfsd/users/login.h"
#include "examples/sfsd/users/user_key.h"
#include "tests/sfsd/server_support.h"
#include "tests/sfsd/writing_support.h"

namespace sfs::test {

// A reply with its own memory.
struct answer {
  bool came = false, denied = false;
  std::uint32_t xid = 0;
  rpc_accept status = rpc_accept::system_err;
  byte_string results, whole;

  bool good() const { return came && !denied && status == rpc_accept::success; }
  // The first word of the results: most have a status there.
  std::uint32_t first() const {
    return results.size() >= 4 ? load_be32(results.data()) : 0xffffffff;
  }
};

class live_client {
 public:
  explicit live_client(const running_server& server) : path_(server.path()) {
    socket_ = server.raw_socket();
    const client_settings settings(path_, {std::begin(all_suites), std::end(all_suites)});
    handshake h(settings);
    while (true) {
      const std::string out = h.take_output();
      if (!out.empty() && !push(as_bytes(out))) return;
      if (h.failed() || h.done()) break;
      if (in_.unopened().empty() && !receive_some()) return;
      in_.consume(h.feed(in_.unopened()));
    }
    if (!h.done()) return;
    session_secrets s = h.take_secrets();
    session_ = s.id;
    in_.open_with(receiver(s.suite, std::move(s.server_to_client)));
    sender_.emplace(s.suite, std::move(s.client_to_server), std::chrono::steady_clock::now());
  }

  bool connected() const { return sender_.has_value(); }
  int socket() const { return socket_.get(); }
  const session_id& session() const { return session_; }

  // Sends whole messages, record marks included, in as few records as they need.
  bool send(const_bytes messages) {
    while (!messages.empty()) {
      const const_bytes part = messages.first(std::min(messages.size(), record_max_payload));
      byte_string frame = frame_with(part);
      sender_->seal(record_type::data, frame);
      if (!push(frame)) return false;
      messages = messages.subspan(part.size());
    }
    return true;
  }

  // The next reply; what the server tells by itself is put aside. `came` is false at the end.
  answer receive() {
    if (!replies_.empty()) {
      answer a = std::move(replies_.front());
      replies_.pop_front();
      return a;
    }
    while (true) {
      const_bytes message;
      switch (in_.next(message)) {
        case inbox::got::message:
          if (take_news(message)) continue;
          return as_answer(message);
        case inbox::got::more:
          if (receive_some()) continue;
          return {};
        default:
          return {};
      }
    }
  }

  template <class Args>
  answer ask(std::uint32_t program, std::uint32_t procedure, bool_t (*routine)(XDR*, Args*),
             Args args, std::uint32_t user = 0, std::uint32_t xid = 0) {
    byte_string message;
    append_call(message, xid ? xid : ++last_xid, program, procedure, routine, args, user);
    return send(message) ? receive() : answer();
  }
  // A call without arguments.
  answer ask(std::uint32_t program, std::uint32_t procedure) {
    byte_string message;
    append_call(message, ++last_xid, program, procedure);
    return send(message) ? receive() : answer();
  }

  static HELLOargs hello_args(std::uint8_t number, bool leases) {
    HELLOargs args{};
    std::fill(std::begin(args.client), std::end(args.client), static_cast<char>(number));
    args.leases = leases;
    return args;
  }
  answer hello(std::uint8_t number, bool leases = false) {
    const answer a = ask(SFS_PROGRAM, SFSPROC_HELLO, xdr_HELLOargs, hello_args(number, leases));
    xdr_value<HELLOres, xdr_HELLOres> res;
    if (a.good() && res.decode(a.results)) greeting = *res;
    return a;
  }

  LOGINargs login_args(const user_key& key, std::uint32_t sequence) {
    const ed25519_signature signature =
        sign_login(key, {path_.location.text, path_.id, session_, sequence});
    LOGINargs args{};
    std::copy(key.who().key.begin(), key.who().key.end(), args.key);
    std::copy(signature.begin(), signature.end(), args.signature);
    args.sequence = sequence;
    return args;
  }
  // The user's number; 0, and `login_status`, if there is none.
  std::uint32_t log_in(const LOGINargs& args) {
    const answer a = ask(SFS_PROGRAM, SFSPROC_LOGIN, xdr_LOGINargs, args);
    xdr_value<LOGINres, xdr_LOGINres> res;
    if (!a.good() || !res.decode(a.results)) return 0;
    login_status = res->status;
    return res->status == LOGIN_OK ? res->LOGINres_u.resok.user : 0;
  }
  std::uint32_t log_in(const user_key& key) { return log_in(login_args(key, ++last_sequence)); }

  // Procedures of NFS as this user; the handles are the caller's.
  byte_string mount(std::uint32_t user = 0) {
    char slash[] = "/";
    const answer a = ask(MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath, dirpath{1, slash}, user);
    xdr_value<mountres3, xdr_mountres3> res;
    if (!a.good() || !res.decode(a.results) || res->fhs_status != MNT3_OK) return {};
    const auto& fh = res->mountres3_u.mountinfo.fhandle;
    return {fh.fhandle3_val, fh.fhandle3_val + fh.fhandle3_len};
  }
  byte_string look_up(byte_string& directory, std::string_view name, std::uint32_t user = 0) {
    const answer a = ask(NFS_PROGRAM, NFSPROC3_LOOKUP, xdr_LOOKUP3args,
                         LOOKUP3args{at_name(directory, name)}, user);
    xdr_value<LOOKUP3res, xdr_LOOKUP3res> res;
    if (!a.good() || !res.decode(a.results) || res->status != NFS3_OK) return {};
    const auto& fh = res->LOOKUP3res_u.resok.object.data;
    return {fh.data_val, fh.data_val + fh.data_len};
  }
  answer get_attributes(byte_string& file, std::uint32_t user = 0) {
    return ask(NFS_PROGRAM, NFSPROC3_GETATTR, xdr_GETATTR3args, GETATTR3args{as_handle(file)},
               user);
  }
  static CREATE3args create_args(byte_string& directory, std::string_view name,
                                 createmode3 mode = GUARDED, const sattr3& attributes = {}) {
    CREATE3args args{at_name(directory, name), {mode, {}}};
    args.how.createhow3_u.obj_attributes = attributes;
    return args;
  }
  answer create(byte_string& directory, std::string_view name, std::uint32_t user,
                std::uint32_t xid = 0) {
    return ask(NFS_PROGRAM, NFSPROC3_CREATE, xdr_CREATE3args, create_args(directory, name), user,
               xid);
  }
  answer remove(byte_string& directory, std::string_view name, std::uint32_t user,
                std::uint32_t xid = 0) {
    return ask(NFS_PROGRAM, NFSPROC3_REMOVE, xdr_REMOVE3args, REMOVE3args{at_name(directory, name)},
               user, xid);
  }
  answer set(byte_string& file, const sattr3& attributes, std::uint32_t user) {
    return ask(NFS_PROGRAM, NFSPROC3_SETATTR, xdr_SETATTR3args,
               SETATTR3args{as_handle(file), attributes, {}}, user);
  }
  static void append_write(byte_string& to, std::uint32_t xid, byte_string& file,
                           std::uint64_t offset, std::string_view data, std::uint32_t user,
                           stable_how how = UNSTABLE) {
    const auto size = static_cast<u_int>(data.size());
    WRITE3head head{as_handle(file), offset, size, how, size};
    const std::size_t begin = to.size();
    append_call(to, xid, NFS_PROGRAM, NFSPROC3_WRITE, xdr_WRITE3head, head, user);
    to.insert(to.end(), data.begin(), data.end());
    while ((to.size() - begin) % 4 != 0) to.push_back(0);
    store_be32(to.data() + begin,
               last_fragment | static_cast<std::uint32_t>(to.size() - begin - record_mark_size));
  }
  answer write(byte_string& file, std::uint64_t offset, std::string_view data, std::uint32_t user,
               stable_how how = UNSTABLE) {
    byte_string message;
    append_write(message, ++last_xid, file, offset, data, user, how);
    return send(message) ? receive() : answer();
  }

  answer commit(byte_string& file, std::uint32_t user) {
    return ask(NFS_PROGRAM, NFSPROC3_COMMIT, xdr_COMMIT3args, COMMIT3args{as_handle(file), 0, 0},
               user);
  }

  // How often the server has told that this file has changed, or that any may have.
  int told_of(const byte_string& file) const {
    const auto at = told.find(file);
    return at == told.end() ? 0 : at->second;
  }
  // Waits until it has told so more often than it had told then. False if the channel ends first.
  bool hears_of(const byte_string& file, int then = 0) {
    while (told_of(file) + told_of_all <= then) {
      const_bytes message;
      const auto got = in_.next(message);
      if (got == inbox::got::message) {
        if (!take_news(message)) replies_.push_back(as_answer(message));
      } else if (got != inbox::got::more || !receive_some()) {
        return false;
      }
    }
    return true;
  }

  void close() {
    byte_string frame(record_overhead);
    sender_->seal(record_type::close, frame);
    push(frame);
    ::shutdown(socket_.get(), SHUT_WR);
  }
  bool is_dropped() { return is_closed_by_peer(socket_.get()); }

  HELLOres greeting{};
  loginstat login_status = LOGIN_REFUSED;
  std::map<byte_string, int> told;
  int told_of_all = 0;
  std::uint32_t last_xid = 1000, last_sequence = 0;

 private:
  bool push(const_bytes data) {
    return ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(data.size());
  }
  bool receive_some() {
    const bytes space = in_.space();
    const ssize_t n = ::recv(socket_.get(), space.data(), space.size(), 0);
    if (n > 0) in_.received(static_cast<std::size_t>(n));
    return n > 0;
  }
  // Whether this is a call of the server's; if so it is noted.
  bool take_news(const_bytes message) {
    rpc_call call;
    if (parse_call(message, call) != call_header::good) return false;
    EXPECT_EQ(call.program, std::uint32_t{SFS_CALLBACK_PROGRAM});
    xdr_value<INVALIDATEargs, xdr_INVALIDATEargs> args;
    EXPECT_TRUE(args.decode(call.arguments));
    const auto& files = args->files;
    told_of_all += files.files_len == 0;
    for (u_int i = 0; i < files.files_len; ++i) {
      const auto& h = files.files_val[i].data;
      ++told[byte_string(h.data_val, h.data_val + h.data_len)];
    }
    return true;
  }
  static answer as_answer(const_bytes message) {
    answer a;
    const auto r = parse_reply(message);
    if (!r) return a;
    a.came = true;
    a.denied = r->denied;
    a.xid = r->xid;
    a.status = r->status;
    a.results.assign(r->results.begin(), r->results.end());
    a.whole.assign(message.begin(), message.end());
    return a;
  }

  self_certifying_path path_;
  fd_owner socket_;
  inbox in_{max_call};
  session_id session_{};
  std::optional<sender> sender_;
  std::deque<answer> replies_;
};

// Keys of users, and the server's table that names their accounts.
class keys_and_table {
 public:
  keys_and_table() { register_all(); }

  user_key root_key = new_user_key("root"), nobody_key = new_user_key("nobody"),
           stranger = new_user_key("stranger");

  // Writes the table anew. `of_nobody` is what his line says besides account and key.
  void register_all(const std::string& of_nobody = {}) const {
    write("root " + root_key.who().text() + "\n" + "nobody sfs-ed25519 " + key_text(nobody_key) +
          " " + of_nobody + "\n");
  }
  // Replaces the table at once, as sfskey does.
  void write(const std::string& text) const {
    scratch_.file("new", text);
    std::filesystem::rename(scratch_.path() / "new", path());
  }
  std::string path() const { return scratch_.path() / "users"; }

  std::vector<std::string> options(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--users", path()});
    return more;
  }
  const scratch_directory& scratch() const { return scratch_; }

 private:
  static user_key new_user_key(const std::string& comment) {
    return std::move(*user_key::generate(comment));
  }
  static std::string key_text(const user_key& key) {
    std::istringstream words(key.who().text());
    std::string word, text;
    words >> word >> text;
    return text;
  }
  scratch_directory scratch_;
};

// The directory `name` of what the server exports, which everybody may write.
inline void share(const running_server& server, const std::string& name) {
  const auto at = server.scratch().directory("export/" + name);
  EXPECT_EQ(::chmod(at.c_str(), 0777), 0);
}

}  // namespace sfs::test
