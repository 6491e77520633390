// A server that does what a test tells it, in the test's own event loop, and a clock that the test
// turns by hand.
//
// Serves no stage of its own. Thread safety: one color (the default color).
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "async/fd.h"
#include "async/main.h"
#include "async/timer.h"
#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/session.h"
#include "tests/sfsd/support.h"
#include "wrap/wrap.h"

namespace sfs::test {

class fake_timing final : public timing {
 public:
  clock::time_point now() override { return now_; }
  async::ref<timer> after(clock::duration delay, async::callback<void>::ref cb) override {
    auto t = async::make_ref<fake_timer>();
    t->cb = std::move(cb);
    timers_.emplace(now_ + delay, t);
    return t;
  }

  void soon(async::callback<void>::ref cb) override { soon_.push_back(std::move(cb)); }
  void run_soon() {
    while (!soon_.empty()) {
      const auto cb = soon_.front();
      soon_.pop_front();
      cb();
    }
  }

  // Lets time pass, and has what is due run, in order.
  void advance(clock::duration by) {
    const auto until = now_ + by;
    while (!timers_.empty() && timers_.begin()->first <= until) {
      const auto first = timers_.begin();
      const auto t = first->second;
      now_ = std::max(now_, first->first);
      timers_.erase(first);
      if (const auto cb = std::exchange(t->cb, nullptr)) (*cb)();
    }
    now_ = until;
  }

  // How long until the next timer; zero if there is none.
  clock::duration next() {
    std::erase_if(timers_, [](const auto& t) { return !t.second->cb; });
    return timers_.empty() ? clock::duration{} : timers_.begin()->first - now_;
  }

 private:
  struct fake_timer final : timer {
    void cancel() noexcept override { cb = nullptr; }
    async::callback<void>::ptr cb;
  };
  std::deque<async::callback<void>::ref> soon_;
  clock::time_point now_{std::chrono::hours(1)};
  std::multimap<clock::time_point, async::ref<fake_timer>> timers_;
};

// Runs the event loop until `done` is true. False if that takes too long. When the loop stops, what
// was posted to it is lost: so nothing may be posted here that is waited for later, and what is to
// run soon is kept by the clock.
template <class Done>
bool run_until(fake_timing& time, Done done,
               std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto give_up = std::chrono::steady_clock::now() + limit;
  bool good = false;
  std::function<void()> look = [&] {
    time.run_soon();
    good = done();
    if (good || std::chrono::steady_clock::now() > give_up) return async::stop();
    async::delaycb(std::chrono::microseconds(50), async::wrap([&] { look(); }));
  };
  async::delaycb(std::chrono::microseconds(0), async::wrap([&] { look(); }));
  async::amain({.cpus = 1});
  return good;
}

// What a client has called.
struct seen_call {
  std::uint32_t xid, program, procedure, user;
  byte_string arguments;
  std::size_t channel;  // the how-manieth of the server
};

// The server's end of one channel.
class fake_channel final : public async::refcount {
 public:
  using on_call = std::function<void(fake_channel&, const rpc_call&)>;
  fake_channel(int fd, const server_settings& settings, std::size_t number, on_call cb)
      : number(number), fd_(fd), handshake_(std::in_place, settings), on_call_(std::move(cb)) {}

  void begin() {
    async::make_async(fd_.get());
    async::fdcb(fd_.get(), async::selread,
                async::wrap(async::mkref(this), &fake_channel::readable));
  }

  void message(const_bytes content) {
    byte_string payload(record_mark_size + content.size());
    store_be32(payload.data(), last_fragment | static_cast<std::uint32_t>(content.size()));
    std::copy(content.begin(), content.end(), payload.begin() + record_mark_size);
    const_bytes left = payload;
    while (!left.empty()) {
      byte_string frame = frame_with(left.first(std::min(left.size(), record_max_payload)));
      left = left.subspan(frame.size() - record_overhead);
      sender_->seal(record_type::data, frame);
      out_.print(std::move(frame));
    }
    write();
  }
  void reply(std::uint32_t xid, const_bytes results, rpc_accept status = rpc_accept::success) {
    byte_string m(rpc_max_reply_header + results.size());
    const std::size_t header = accept(m.data(), xid, status);
    std::copy(results.begin(), results.end(), m.begin() + static_cast<std::ptrdiff_t>(header));
    message(const_bytes(m).first(header + results.size()));
  }
  template <class T>
  void reply(std::uint32_t xid, bool_t (*routine)(XDR*, T*), T& value) {
    reply(xid, encoded(routine, value, 200'000));
  }
  void invalidate(std::vector<byte_string> handles) {
    INVALIDATEargs args{};
    std::vector<sfs_handle> list;
    for (byte_string& h : handles)
      list.push_back({{static_cast<u_int>(h.size()), reinterpret_cast<char*>(h.data())}});
    args.files = {static_cast<u_int>(list.size()), list.data()};
    byte_string m;
    append_call(m, 7, SFS_CALLBACK_PROGRAM, SFSCB_INVALIDATE, xdr_INVALIDATEargs, args);
    store_be32(m.data() + record_mark_size + 16, 1);  // the version
    message(const_bytes(m).subspan(record_mark_size));
  }
  void cut() {
    if (!fd_) return;
    async::fdcb(fd_.get(), async::selread, nullptr);
    async::fdcb(fd_.get(), async::selwrite, nullptr);
    fd_ = fd_owner();
  }

  const std::size_t number;
  bool said_goodbye = false;
  session_id id{};

 private:
  void readable() {
    const auto self = async::mkref(this);
    const bytes space = inbox_.space();
    const ssize_t n = ::recv(fd_.get(), space.data(), space.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return cut();
    inbox_.received(static_cast<std::size_t>(n));
    if (handshake_) shake_hands();
    if (!handshake_) take_calls();
  }
  void shake_hands() {
    inbox_.consume(handshake_->feed(inbox_.unopened()));
    out_.print(handshake_->take_output());
    write();
    if (!handshake_->done()) return;
    session_secrets s = handshake_->take_secrets();
    id = s.id;
    inbox_.open_with(receiver(s.suite, std::move(s.client_to_server)));
    sender_.emplace(s.suite, std::move(s.server_to_client), std::chrono::steady_clock::now());
    handshake_.reset();
  }
  void take_calls() {
    const_bytes m;
    while (fd_) {
      const auto got = inbox_.next(m);
      if (got == inbox::got::closed) said_goodbye = true;
      if (got == inbox::got::closed || got == inbox::got::failed) return cut();
      if (got == inbox::got::more) return;
      rpc_call c;
      EXPECT_EQ(parse_call(m, c), call_header::good);
      on_call_(*this, c);
    }
  }
  void write() {
    if (!fd_) return;
    const bool full = out_.output(fd_.get()).status == async::io_status::would_block;
    async::callback<void>::ptr cb;
    if (full) cb = async::wrap(async::mkref(this), &fake_channel::write);
    async::fdcb(fd_.get(), async::selwrite, cb);
  }

  fd_owner fd_;
  std::optional<handshake> handshake_;
  inbox inbox_{200'000};
  std::optional<sender> sender_;
  async::suio out_;
  on_call on_call_;
};

class fake_server {
 public:
  fake_server() : settings_(std::make_unique<server_settings>(key_, suites())) {}
  ~fake_server() {
    for (auto& c : channels) c->cut();
  }

  // For session_options::connect. Connections come soon by this clock.
  async_channel::connector connector(fake_timing& time) {
    return [this, &time](async::callback<void, int>::ref cb) {
      ++attempts;
      int ends[2];
      if (refusing || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return time.soon(async::wrap([cb] {
          errno = ECONNREFUSED;
          cb(-1);
        }));
      }
      async::make_async(ends[0]);
      auto c = async::make_ref<fake_channel>(
          ends[1], *settings_, channels.size(),
          [this](fake_channel& channel, const rpc_call& call) { called(channel, call); });
      channels.push_back(c);
      c->begin();
      time.soon(async::wrap([cb, fd = ends[0]] { cb(fd); }));
    };
  }

  self_certifying_path path() const { return key_.path(); }
  void change_key() {
    static const server_key other = new_key();
    settings_ = std::make_unique<server_settings>(other, suites());
  }
  fake_channel& channel() { return *channels.back(); }

  // How many calls of NFS have come.
  std::size_t calls() const { return seen.size(); }

  std::vector<async::ref<fake_channel>> channels;
  std::vector<seen_call> seen;  // NFS's and MOUNT's
  std::vector<HELLOargs> hellos;
  std::vector<seen_call> logins;
  std::size_t attempts = 0;
  bool refusing = false;

  // What it says to HELLO and LOGIN; `plain`: it does not know SFS_PROGRAM.
  bool plain = false, silent = false;
  std::optional<byte_string> nonsense;  // instead
  HELLOres hello{{1, 2, 3}, FALSE, 60, 16};
  std::uint32_t next_user = 100;
  loginstat login = LOGIN_OK;
  unsigned cut_at_login = 0;  // so many channels, instead of an answer
  fake_channel::on_call on_call = [](fake_channel& c, const rpc_call& call) {
    c.reply(call.xid, {});
  };

 private:
  static std::vector<suite> suites() { return {std::begin(all_suites), std::end(all_suites)}; }

  void called(fake_channel& channel, const rpc_call& c) {
    if (c.program == SFS_PROGRAM) return sfs_called(channel, c);
    seen.push_back({c.xid, c.program, c.procedure, c.user,
                    byte_string(c.arguments.begin(), c.arguments.end()), channel.number});
    on_call(channel, c);
  }
  void sfs_called(fake_channel& channel, const rpc_call& c) {
    if (silent) return;
    if (nonsense) return channel.reply(c.xid, *nonsense);
    if (plain) return channel.reply(c.xid, {}, rpc_accept::prog_unavail);
    if (c.procedure == SFSPROC_HELLO) {
      xdr_value<HELLOargs, xdr_HELLOargs> args;
      ASSERT_TRUE(args.decode(c.arguments));
      hellos.push_back(*args);
      return channel.reply(c.xid, xdr_HELLOres, hello);
    }
    logins.push_back({c.xid, c.program, c.procedure, c.user,
                      byte_string(c.arguments.begin(), c.arguments.end()), channel.number});
    if (cut_at_login > 0) return --cut_at_login, channel.cut();
    char name[] = "alice";
    LOGINres res{};
    res.status = login;
    if (login == LOGIN_OK) res.LOGINres_u.resok = {next_user++, 1000, 1000, name};
    channel.reply(c.xid, xdr_LOGINres, res);
  }

  server_key key_ = new_key();
  std::unique_ptr<server_settings> settings_;
};

}  // namespace sfs::test
