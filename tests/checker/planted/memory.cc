// Mistakes with what lies in memory: see planted.h.
//
// Nothing orders the two callbacks of each mistake but that the queue happens to run one after the
// other. end() is posted by one of them, or after both.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "mp/color.h"
#include "mp/runtime.h"
#include "suio/suio.h"
#include "tests/checker/planted/planted.h"
#include "wrap/refcnt.h"
#include "wrap/wrap.h"

namespace planted {

namespace {

using async::cpucb;
using async::cwrap;
using async::mkref;
using async::post;

// Ends the program when both callbacks have called it. The orders are relaxed, so that it does not
// order the two.
void done() {
  static std::atomic<int> calls{0};
  if (calls.fetch_add(1, std::memory_order_relaxed) == 1) async::stop();
}

// One counter for all.
long served = 0;

void shared_counter() {
  const auto serve = [] {
    const alone here;
    ++served;
    done();
  };
  post(red, serve);   // [shared_counter.1]
  post(blue, serve);  // [shared_counter.2]
}

// A list that one color fills while another looks something up.
void container() {
  static std::vector<std::string> users;
  post(red, [] {  // [container.1]
    const alone here;
    users.emplace_back("root");
    done();
  });
  post(blue, [] {  // [container.2]
    const alone here;
    static_cast<void>(std::find(users.begin(), users.end(), "root"));
    done();
  });
}

// A buffer is handed over, and its first owner goes on to write to it.
void buffer_handed_over() {
  post(red, [] {  // [buffer_handed_over.1]
    const alone here;
    const auto buffer = std::make_shared<std::vector<char>>(4096);
    post(blue, [buffer] {  // [buffer_handed_over.2]
      const alone here;
      static_cast<void>(buffer->at(0) == 'x');
      done();
    });
    (*buffer)[0] = 'x';
    done();
  });
}

struct session {
  int requests = 0;
};

// An object is deleted by a color that does not own it.
void freed_elsewhere() {
  auto* const s = new session;
  post(red, [s] {  // [freed_elsewhere.1]
    ++s->requests;
    done();
  });
  static std::atomic<bool> used{false};
  post(red, [] { used.store(true, std::memory_order_relaxed); });
  post(blue, [s] {  // [freed_elsewhere.2]
    while (!used.load(std::memory_order_relaxed)) std::this_thread::yield();
    delete s;
    done();
  });
}

// Each caller gets the next number; or so they think.
int next_number() {
  static int last = 0;
  return ++last;
}

void static_local() {
  const auto take_one = [] {
    const alone here;
    static_cast<void>(next_number());
    done();
  };
  post(red, take_one);   // [static_local.1]
  post(blue, take_one);  // [static_local.2]
}

// What is captured by reference is shared, though it does not look so.
void captured_reference() {
  static auto& answers = *new std::vector<int>(1);
  const auto answer = [&found = answers] {
    const alone here;
    ++found[0];
    done();
  };
  post(red, answer);   // [captured_reference.1]
  post(blue, answer);  // [captured_reference.2]
}

// A local variable of a callback, captured by a post; both go on to use it.
void captured_local() {
  post(red, [] {  // [captured_local.1]
    const alone here;
    int left = 1;
    post(blue, [&left] {  // [captured_local.2]
      const alone here;
      static_cast<void>(*const_cast<volatile int*>(&left));
      done();
    });
    ++left;
    done();
  });
}

// One queue of output for two connections.
void shared_suio() {
  static async::suio out;
  const auto answer = [] {
    const alone here;
    out.copy("HTTP/1.1 200 OK\r\n");
    done();
  };
  post(red, answer);   // [shared_suio.1]
  post(blue, answer);  // [shared_suio.2]
}

// Made by whoever needs it first.
std::vector<int>& table() {
  static std::vector<int>* made = nullptr;
  if (made == nullptr) made = new std::vector<int>(16);
  return *made;
}

void lazy_pointer() {
  const auto look_up = [] {
    const alone here;
    static_cast<void>(table().size());
    done();
  };
  post(red, look_up);   // [lazy_pointer.1]
  post(blue, look_up);  // [lazy_pointer.2]
}

// The count of an object is safe; the object is not.
struct counted : async::refcount {
  std::string last_request;
};

void counted_object() {
  const auto shared = async::make_ref<counted>();
  const auto request = [shared] {
    const alone here;
    async::ref<counted> mine = shared;  // counts up, and down again
    mine->last_request = "GET /";
    done();
  };
  post(red, request);   // [counted_object.1]
  post(blue, request);  // [counted_object.2]
}

// A list of subscribers, to which one is added while they are told.
void subscribers() {
  static std::vector<async::cbv> all;
  all.reserve(4);
  all.push_back(async::wrap([] {}));
  post(red, [] {  // [subscribers.1]
    const alone here;
    for (const auto& subscriber : all) subscriber();
    done();
  });
  post(blue, [] {  // [subscribers.2]
    const alone here;
    all.push_back(async::wrap([] {}));
    done();
  });
}

// The parts of a fork-join write to the sum, in place of posting to its color.
void joined_without_a_color() {
  static volatile long sum = 0;
  for (long part = 0; part < 2; ++part) {
    post(async::color::fresh(), [part] {  // [joined_without_a_color.1] [joined_without_a_color.2]
      const alone here;
      sum = sum + part;
      done();
    });
  }
}

// wrap where it should be cwrap: the completion runs under the default color.
class client : public async::refcount {
 public:
  void begin() {
    cpucb(cwrap(own_, mkref(this), &client::crunch));  // [wrap_for_cwrap.1]
    cpucb(async::wrap(mkref(this), &client::ready));   // [wrap_for_cwrap.2]
  }

 private:
  void crunch() {
    const alone here;
    ++state_;
    done();
  }
  void ready() {
    const alone here;
    ++state_;
    done();
  }

  const async::color own_ = async::color::fresh();
  int state_ = 0;
};

void wrap_for_cwrap() { async::make_ref<client>()->begin(); }

constexpr mistake all[] = {
    {"shared_counter", &shared_counter},
    {"container", &container},
    {"buffer_handed_over", &buffer_handed_over},
    {"freed_elsewhere", &freed_elsewhere},
    {"static_local", &static_local},
    {"captured_reference", &captured_reference},
    {"captured_local", &captured_local},
    {"shared_suio", &shared_suio},
    {"lazy_pointer", &lazy_pointer},
    {"counted_object", &counted_object},
    {"subscribers", &subscribers},
    {"joined_without_a_color", &joined_without_a_color},
    {"wrap_for_cwrap", &wrap_for_cwrap},
};

}  // namespace

constinit const std::span<const mistake> mistakes_in_memory = all;

}  // namespace planted
