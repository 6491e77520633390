// getaddrinfo(3) for the tests: see names.h.
#include "tests/async/names.h"

#include <dlfcn.h>
#include <netdb.h>

#include <cstring>

namespace async::test {

baton slow_name;
std::atomic<int> slow_names_held{0};

namespace {

using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

int look_up(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  static const auto real = reinterpret_cast<function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(name, service, hints, found);
}

}  // namespace
}  // namespace async::test

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  using namespace async::test;
  if (name != nullptr && std::strcmp(name, "two.test") == 0) {
    const int status = look_up("127.0.0.2", service, hints, found);
    return status != 0 ? status : look_up("127.0.0.1", service, hints, &(*found)->ai_next);
  }
  if (name != nullptr && std::strcmp(name, "slow.test") == 0) {
    ++slow_names_held;
    slow_name.wait();
    --slow_names_held;
    name = "127.0.0.1";
  }
  return look_up(name, service, hints, found);
}
