// The AEAD suites of the record layer: their names, key sizes and OpenSSL ciphers. Serves stage 6
// (and, on the way in, stage 5).
//
// Thread safety: everything here is constant after its first use and may be used from any thread.
// Invariant: the names are part of the protocol (they are the ALPN protocol names and are hashed
// into the keys), so an existing one never changes its meaning.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sfs {

enum class suite : std::uint8_t { aes_128_gcm, aes_256_gcm, chacha20_poly1305 };

// In the order in which they are preferred when nobody says otherwise.
inline constexpr suite all_suites[] = {suite::aes_128_gcm, suite::chacha20_poly1305,
                                       suite::aes_256_gcm};

// What users type: "aes-128-gcm", "aes-256-gcm", "chacha20-poly1305".
inline constexpr const char* suites_are = "it is aes-128-gcm, chacha20-poly1305 or aes-256-gcm";
std::string_view name_of(suite s) noexcept;
std::optional<suite> suite_named(std::string_view name) noexcept;

// What goes over the wire, as an ALPN protocol name: "sfs1-" and the name.
std::string protocol_name(suite s);

// Comma-separated names, best first. Empty optional if a name is unknown or there is none.
std::optional<std::vector<suite>> parse_suites(std::string_view names);

std::size_t key_size(suite s) noexcept;

// Fetched once per process; never null (the program ends if OpenSSL has no such cipher).
const EVP_CIPHER* cipher_of(suite s);

}  // namespace sfs
