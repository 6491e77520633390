// See openssl.h.
#include "examples/sfsd/base/openssl.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sfs {
namespace {

void* allocate(std::size_t size, const char*, int) { return std::malloc(size); }

void wipe_and_free(void* p, const char*, int) {
  if (!p) return;
  ::explicit_bzero(p, ::malloc_usable_size(p));
  std::free(p);
}

// What std::realloc moves stays behind where it was.
void* reallocate(void* p, std::size_t size, const char* file, int line) {
  if (!p) return std::malloc(size);
  void* const moved = size > 0 ? std::malloc(size) : nullptr;
  if (size > 0 && !moved) return nullptr;
  if (moved) std::memcpy(moved, p, std::min(size, ::malloc_usable_size(p)));
  wipe_and_free(p, file, line);
  return moved;
}

// OpenSSL takes these only before it has allocated anything, so they are set before main(). Nothing
// else here uses OpenSSL so early.
[[maybe_unused]] const bool wiping = [] {
  if (CRYPTO_set_mem_functions(allocate, reallocate, wipe_and_free) == 1) return true;
  std::fputs("sfs: OpenSSL does not let its memory be wiped\n", stderr);
  std::abort();
}();

}  // namespace

std::string openssl_reason() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "error " + std::to_string(code);
}

void openssl_broken(const char* doing) noexcept {
  std::fprintf(stderr, "sfs: OpenSSL failed while %s: ", doing);
  ERR_print_errors_fp(stderr);
  std::fputc('\n', stderr);
  std::abort();
}

void fill_randomly(bytes to) noexcept {
  if (RAND_bytes(to.data(), static_cast<int>(to.size())) != 1) openssl_broken("drawing at random");
}

}  // namespace sfs
