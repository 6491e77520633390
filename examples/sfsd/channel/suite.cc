// See suite.h.
#include "examples/sfsd/channel/suite.h"

#include <array>

#include "examples/sfsd/base/openssl.h"

namespace sfs {
namespace {

struct suite_facts {
  std::string_view name;
  const char* cipher;
  std::size_t key_size;
};

constexpr suite_facts facts[] = {{"aes-128-gcm", "AES-128-GCM", 16},
                                 {"aes-256-gcm", "AES-256-GCM", 32},
                                 {"chacha20-poly1305", "ChaCha20-Poly1305", 32}};

const suite_facts& facts_of(suite s) noexcept { return facts[static_cast<std::size_t>(s)]; }

}  // namespace

std::string_view name_of(suite s) noexcept { return facts_of(s).name; }

std::optional<suite> suite_named(std::string_view name) noexcept {
  for (suite s : all_suites)
    if (name_of(s) == name) return s;
  return std::nullopt;
}

std::string protocol_name(suite s) { return "sfs1-" + std::string(name_of(s)); }

std::optional<std::vector<suite>> parse_suites(std::string_view names) {
  std::vector<suite> found;
  while (true) {
    const std::size_t comma = names.find(',');
    const auto one = suite_named(names.substr(0, comma));
    if (!one) return std::nullopt;
    found.push_back(*one);
    if (comma == std::string_view::npos) return found;
    names.remove_prefix(comma + 1);
  }
}

std::size_t key_size(suite s) noexcept { return facts_of(s).key_size; }

const EVP_CIPHER* cipher_of(suite s) {
  static const auto ciphers = [] {
    std::array<cipher_owner, std::size(facts)> fetched;
    for (suite each : all_suites) {
      auto& slot = fetched[static_cast<std::size_t>(each)];
      slot.reset(EVP_CIPHER_fetch(nullptr, facts_of(each).cipher, nullptr));
      if (!slot) openssl_broken("looking for a cipher");
    }
    return fetched;
  }();
  return ciphers[static_cast<std::size_t>(s)].get();
}

}  // namespace sfs
