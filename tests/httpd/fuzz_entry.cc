// libFuzzer's entry to one function of fuzz_targets.h: -DFUZZ_TARGET=fuzz_http, say. `scons
// fuzzers` builds each; in the test program, where none is named, this file is empty.
#ifdef FUZZ_TARGET
#include "tests/httpd/fuzz_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  httpd::test::FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
#endif
