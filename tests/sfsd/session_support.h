// A session with a server of the test's own (fake_server.h), and a record of what it answers and
// says.
//
// Serves no stage of its own. Thread safety: one color (the default color).
#pragma once

#include <gtest/gtest.h>

#include "tests/sfsd/fake_server.h"

namespace sfs::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The answers to one session's calls, in the order in which they came.
struct settled_call {
  unsigned call;
  call_reply::kind what;
  byte_string results;
  std::string why;
  reply_token token;
};

class a_clients_session : public testing::Test {
 protected:
  a_clients_session() {
    options.connect = server.connector(time);
    options.time = &time;
    options.seed = async::test::test_seed() | 1;
    options.events.opened = async::wrap([this] { ++opened; });
    options.events.lost = async::wrap([this](const std::string& why) { losses.push_back(why); });
    options.events.failed = async::wrap([this](const std::string& why) { failure = why; });
    options.events.restarted = async::wrap([this] { ++restarts; });
    options.events.room = async::wrap([this] { ++rooms; });
    options.events.invalidated =
        async::wrap([this](std::span<const const_bytes> files, std::uint64_t number) {
          invalidated.emplace_back();
          for (const_bytes f : files) invalidated.back().emplace_back(f.begin(), f.end());
          last_invalidation = number;
        });
  }
  ~a_clients_session() override {
    if (s) s->end();
    time.run_soon();
  }

  void begin() {
    s = async::make_ref<session>(server.path(), std::move(options));
    s->begin();
  }
  void open() {
    begin();
    ASSERT_TRUE(run_until(time, [&] { return opened == 1; }));
  }
  // Makes the n-th call.
  bool ask(unsigned n, std::uint32_t procedure = NFSPROC3_GETATTR, unsigned login = 0,
           byte_string arguments = {}) {
    if (arguments.empty()) arguments = {0, 0, 0, static_cast<std::uint8_t>(n)};
    return s->call({NFS_PROGRAM, procedure, std::move(arguments), {}, login},
                   async::wrap([this, n](const call_reply& r) {
                     answers.push_back({n, r.what, byte_string(r.results.begin(), r.results.end()),
                                        std::string(r.why), r.token});
                   }));
  }
  bool wait_answers(std::size_t n) {
    return run_until(time, [&] { return answers.size() >= n; });
  }
  bool wait_calls(std::size_t n) {
    return run_until(time, [&] { return server.calls() >= n; });
  }
  // Lets the pause before the next attempt pass.
  void reconnect() {
    const auto before = opened;
    time.advance(seconds(5));
    ASSERT_TRUE(run_until(time, [&] { return opened > before; }));
  }
  bool wait_lost(std::size_t n) {
    return run_until(time, [&] { return losses.size() >= n; });
  }
  // Counts how often it is told that the server is silent. (Else there is no such timer.)
  void count_silences() {
    options.events.silent = async::wrap([this] { ++silences; });
  }
  // The server answers nothing until told otherwise.
  void keep_silent() {
    server.on_call = [](fake_channel&, const rpc_call&) {};
  }
  void answer_all() {
    server.on_call = [](fake_channel& c, const rpc_call& call) { c.reply(call.xid, {}); };
  }
  std::vector<std::uint32_t> xids(std::size_t channel) const {
    std::vector<std::uint32_t> list;
    for (const seen_call& c : server.seen)
      if (c.channel == channel) list.push_back(c.xid);
    return list;
  }

  fake_server server;
  fake_timing time;
  session_options options;
  async::ptr<session> s;
  std::vector<settled_call> answers;
  unsigned opened = 0, restarts = 0, rooms = 0, silences = 0;
  std::vector<std::string> losses;
  std::string failure;
  std::vector<std::vector<byte_string>> invalidated;
  std::uint64_t last_invalidation = 0;
};

}  // namespace sfs::test
