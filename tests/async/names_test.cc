// Names: what is asked, what comes of each answer, and giving up.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/async/helpers.h"
#include "tests/async/name_server.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

class names : public each_cpu_count {
 protected:
  // The addresses, sorted, or the error.
  std::string find(const std::string& name) {
    std::string got;
    const color c = color::fresh();
    dns_hostbyname(name, cwrap(c, [&](std::vector<address> all) {
                     EXPECT_TRUE(c.is_current());
                     got = all.empty() ? std::strerror(errno) : text_of(std::move(all));
                     stop();
                   }));
    run();
    return got;
  }
  std::string find_name(const std::string& of) {
    address a;
    a.parse(of, 0);
    std::string got;
    dns_hostbyaddr(a, wrap([&](std::string name) {
                     got = name.empty() ? std::strerror(errno) : name;
                     stop();
                   }));
    run();
    return got;
  }
  static std::string text_of(std::vector<address> all) {
    std::vector<std::string> texts;
    for (const address& a : all) texts.push_back(a.text());
    std::sort(texts.begin(), texts.end());
    std::string text;
    for (const std::string& t : texts) text += (text.empty() ? "" : " ") + t;
    return text;
  }

  const std::string no_such = std::strerror(ENOENT), no_answer = std::strerror(EAGAIN);
};
ASYNC_TEST_EACH_CPU_COUNT(names);

TEST_P(names, have_addresses_of_both_families) {
  name_server server;
  server.zone["both.test"] = {.addresses = {"192.0.2.1", "192.0.2.2", "2001:db8::1"}};
  server.zone["v6.test"] = {.addresses = {"2001:db8::2"}};
  EXPECT_EQ(find("both.test"), "192.0.2.1 192.0.2.2 2001:db8::1");
  EXPECT_EQ(find("v6.test"), "2001:db8::2");
}

TEST_P(names, that_are_addresses_are_asked_of_nobody) {
  name_server server;
  EXPECT_EQ(find("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(find("2001:db8::7"), "2001:db8::7");
  EXPECT_EQ(server.asked_by_udp, 0);
}

TEST_P(names, in_etc_hosts_are_asked_of_nobody) {
  name_server server;
  EXPECT_NE(find("localhost").find("127.0.0.1"), std::string::npos);
  EXPECT_EQ(server.asked_by_udp, 0);
}

TEST_P(names, that_do_not_exist_have_no_address) {
  name_server server;
  server.zone["empty.test"] = {};
  EXPECT_EQ(find("none.test"), no_such);
  EXPECT_EQ(find("empty.test"), no_such);
}

TEST_P(names, that_are_none_fail) {
  name_server server;
  EXPECT_EQ(find(""), no_such);
  EXPECT_EQ(find(std::string("local\0host", 10)), no_such);
  EXPECT_EQ(find("a..b"), no_such);
  EXPECT_EQ(find(std::string(64, 'x') + ".test"), no_such);
  EXPECT_EQ(find(std::string(100'000, 'x')), no_such);
  EXPECT_EQ(server.asked_by_udp, 0);
}

TEST_P(names, are_to_be_tried_again_when_the_server_fails) {
  name_server server({.timeout = 100ms, .tries = 1});
  server.zone["broken.test"] = {.code = 2};
  EXPECT_EQ(find("broken.test"), no_answer);
}

TEST_P(names, are_to_be_tried_again_when_the_server_is_silent_or_not_there) {
  {
    name_server server({.timeout = 1ms, .tries = 2});
    server.zone["silent.test"] = {.silent = true};
    EXPECT_EQ(find("silent.test"), no_answer);
    EXPECT_LE(server.asked_by_udp, 4);  // two families, two tries
  }
  EXPECT_EQ(find("any.test"), no_answer);
}

TEST_P(names, with_more_addresses_than_fit_are_asked_for_again_by_tcp) {
  name_server server;
  std::vector<std::string> many;
  for (int i = 1; i <= 50; ++i) many.push_back("192.0.2." + std::to_string(i));
  server.zone["many.test"] = {.addresses = many, .truncated = true};
  const std::string found = find("many.test");
  EXPECT_EQ(std::count(found.begin(), found.end(), ' '), 49) << found;
  EXPECT_EQ(server.asked_by_tcp, 2);
}

TEST_P(names, have_at_most_64_addresses) {
  name_server server;
  std::vector<std::string> many;
  for (int i = 1; i <= 200; ++i) many.push_back("192.0.2." + std::to_string(i));
  server.zone["many.test"] = {.addresses = many, .truncated = true};
  const std::string found = find("many.test");
  EXPECT_EQ(std::count(found.begin(), found.end(), ' '), 63);
}

TEST_P(names, do_not_suffer_from_hostile_answers) {
  name_server server({.timeout = 1ms, .tries = 1});
  const std::string header("\x81\x80\0\1\0\1\0\0\0\0", 10);
  const std::string question("\4evil\4test\0\0\1\0\1", 15);
  const std::string answers[] = {
      std::string(1, '\x81'),                          // no header
      header,                                          // no question
      header + std::string("\xc0\x0c\0\1\0\1", 6),     // a name that is itself
      header + question + std::string("\xc0\xff", 2),  // one beyond the end
      header + question + std::string("\xc0\x0c\0\1\0\1\0\0\0\0\xff\xff", 12),  // data beyond it
      header + question + std::string("\xc0\x0c\0\1\0\1\0\0\0\0\0\1x", 13),  // an address of a byte
      std::string("\x81\x80\0\1\xff\xff\xff\xff\xff\xff", 10) + question,    // too much is promised
      std::string(600, '\xff'),
  };
  for (const std::string& answer : answers) {
    server.zone["evil.test"] = {.raw = answer};
    const std::string got = find("evil.test");
    EXPECT_TRUE(got == no_answer || got == no_such) << got;
  }
  name_server patient;
  patient.zone["good.test"] = {.addresses = {"192.0.2.1"}};
  EXPECT_EQ(find("good.test"), "192.0.2.1");
}

TEST_P(names, of_random_answers_are_never_found_and_end_nothing) {
  name_server server({.timeout = 1ms, .tries = 1});
  prng random = make_prng();
  for (int i = 0; i < 30; ++i) {
    std::string noise(random() % 300 + 1, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    server.zone["noise.test"] = {.raw = noise};
    const std::string got = find("noise.test");
    EXPECT_TRUE(got == no_answer || got == no_such) << got;
  }
}

TEST_P(names, of_addresses_are_found) {
  name_server server;
  server.zone["1.2.0.192.in-addr.arpa"] = {.name = "a-host.test"};
  EXPECT_EQ(find_name("192.0.2.1"), "a-host.test");
  EXPECT_EQ(find_name("192.0.2.2"), no_such);
}

TEST_P(names, of_addresses_that_are_no_host_names_are_not_believed) {
  name_server server;
  for (const char* name : {"a b.test", "$(reboot).test", "<b>.test", "a\nb.test"}) {
    server.zone["1.2.0.192.in-addr.arpa"] = {.name = name};
    const std::string got = find_name("192.0.2.1");
    EXPECT_TRUE(got == no_answer || got == no_such) << got;
  }
}

TEST_P(names, are_looked_up_without_threads) {
  name_server server;
  constexpr int count = 40;
  int answered = 0;
  const auto threads = [] {
    const std::filesystem::directory_iterator all("/proc/self/task");
    return std::distance(begin(all), end(all));
  };
  post(color(), [&] {
    const auto before = threads();
    for (int i = 0; i < count; ++i) {
      const std::string name = "host" + std::to_string(i) + ".test";
      server.zone[name] = {.addresses = {"192.0.2." + std::to_string(i + 1)}};
      dns_hostbyname(name, wrap([&, i, before](std::vector<address> all) {
                       EXPECT_EQ(text_of(all), "192.0.2." + std::to_string(i + 1));
                       EXPECT_EQ(threads(), before);
                       if (++answered == count) stop();
                     }));
    }
  });
  run();
}

// More than are asked at once.
TEST_P(names, wait_for_their_turn_when_there_are_many) {
  name_server server;
  server.zone["one.test"] = {.addresses = {"192.0.2.1"}};
  constexpr int count = 3000;
  int answered = 0;
  for (int i = 0; i < count; ++i) {
    dns_hostbyname(i % 2 == 0 ? "one.test" : "localhost", wrap([&](std::vector<address> all) {
                     EXPECT_FALSE(all.empty()) << strerror(errno);
                     if (++answered == count) stop();
                   }));
  }
  run();
}

// The server never answers. (If it were waited for, this test would hang.)
TEST_P(names, being_looked_up_do_not_block_the_loop_and_can_be_cancelled) {
  name_server server({.timeout = 1h, .tries = 1});
  server.zone["silent.test"] = {.silent = true};
  int alive = 0;
  std::vector<dnsreq_t> questions;
  std::vector<tcpconnect_t> attempts;
  for (int i = 0; i < 5; ++i) {
    questions.push_back(dns_hostbyname(
        "silent.test",
        wrap([value = counted_value(alive)](std::vector<address>) { FAIL() << "called back"; })));
    attempts.push_back(tcpconnect(
        "silent.test", 1, wrap([value = counted_value(alive)](int) { FAIL() << "called back"; })));
  }
  const std::function<void()> look = [&] {
    if (server.asked_by_udp < 20) return post(color(), look);
    for (const dnsreq_t& q : questions) dnsreq_cancel(q);
    for (const tcpconnect_t& a : attempts) tcpconnect_cancel(a);
    for (const dnsreq_t& q : questions) dnsreq_cancel(q);
    EXPECT_EQ(alive, 0);
    stop();
  };
  delaycb(1us, wrap(look));
  run();
}

TEST_P(names, that_are_answered_and_then_cancelled_by_their_color_are_not_called_back) {
  name_server server;
  server.zone["one.test"] = {.addresses = {"192.0.2.1"}};
  const color c = color::fresh();
  dnsreq_t second;
  // Both answers are posted in this order, to one color.
  dns_hostbyname("localhost", cwrap(c, [&](std::vector<address>) {
                   dnsreq_cancel(second);
                   post(c, [] { stop(); });
                 }));
  second = dns_hostbyname("localhost", cwrap(c, [](std::vector<address>) { FAIL(); }));
  run();
}

// As many as are asked at once are given up, and hold up nobody.
TEST_P(names, that_are_cancelled_make_room_for_others) {
  name_server server({.timeout = 1h, .tries = 1});
  server.zone["silent.test"] = {.silent = true};
  server.zone["one.test"] = {.addresses = {"192.0.2.1"}};
  std::vector<dnsreq_t> questions;
  for (int i = 0; i < 50; ++i) {
    questions.push_back(dns_hostbyname("silent.test", wrap([](std::vector<address>) { FAIL(); })));
  }
  std::string found;
  dns_hostbyname("one.test", wrap([&](std::vector<address> all) {
                   found = text_of(all);
                   stop();
                 }));
  const std::function<void()> look = [&] {
    if (server.asked_by_udp == 0) return post(color(), look);
    for (const dnsreq_t& q : questions) dnsreq_cancel(q);
  };
  post(color(), look);
  run();
  EXPECT_EQ(found, "192.0.2.1");
}

// What tells the resolver of the question is pending at the stop, and destroyed by it.
TEST_P(names, that_were_asked_for_right_before_a_stop_are_found_in_the_next_amain) {
  name_server server;
  server.zone["one.test"] = {.addresses = {"192.0.2.1"}};
  std::string found;
  post(color(), [] { stop(); });
  run();  // the resolver has nothing to do any more
  post(color(), [] { stop(); });
  dns_hostbyname("one.test", wrap([&](std::vector<address> all) {
                   found = text_of(all);
                   stop();
                 }));
  EXPECT_NE(amain({.cpus = 1}).destroyed, 0u);
  run();
  EXPECT_EQ(found, "192.0.2.1");
}

// So is what the timer of the question's patience has posted.
TEST_P(names, that_are_not_answered_have_no_answer_though_a_stop_came_when_their_time_was_over) {
  name_server server({.timeout = 200ms, .tries = 1});
  server.zone["silent.test"] = {.silent = true};
  bool answered = false;
  dns_hostbyname("silent.test", wrap([&](std::vector<address> all) {
                   EXPECT_TRUE(all.empty());
                   answered = true;
                   stop();
                 }));
  const std::function<void()> look = [&] {
    if (server.asked_by_udp == 2) return stop();
    post(color(), look);
  };
  post(color(), look);
  run();
  const auto over = std::chrono::steady_clock::now() + 250ms;
  while (std::chrono::steady_clock::now() < over) {}
  post(color(), [] { stop(); });
  select_waiter().poll();  // what has come is behind the stop
  EXPECT_NE(amain({.cpus = 1}).destroyed, 0u);
  if (!answered) run();
  EXPECT_TRUE(answered);
}

TEST_P(names, that_have_no_address_are_not_connected_to) {
  name_server server({.timeout = 100ms, .tries = 1});
  server.zone["broken.test"] = {.code = 2};
  std::vector<int> errors;
  for (const char* name : {"none.test", "broken.test", ""}) {
    tcpconnect(name, 1, wrap([&](int fd) {
                 EXPECT_EQ(fd, -1);
                 errors.push_back(errno);
                 stop();
               }));
    run();
  }
  EXPECT_EQ(errors, (std::vector{ENOENT, EAGAIN, ENOENT}));
}

}  // namespace
}  // namespace async::test
