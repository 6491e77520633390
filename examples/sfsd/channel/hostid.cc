// See hostid.h.
#include "examples/sfsd/channel/hostid.h"

#include <openssl/crypto.h>

#include <charconv>

#include "examples/sfsd/base/base32.h"
#include "examples/sfsd/base/openssl.h"

namespace sfs {
namespace {

constexpr std::string_view prefix = "/sfs/@";
constexpr std::size_t max_location = 255;

bool is_host_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_address_character(char c) noexcept {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == '.' ||
         c == ':';
}

template <class Test>
bool all(std::string_view text, Test test) noexcept {
  for (char c : text)
    if (!test(c)) return false;
  return !text.empty();
}

}  // namespace

hostid hostid::of(std::string_view location, const_bytes subject_public_key_info) {
  std::uint8_t length[4];
  store_be32(length, static_cast<std::uint32_t>(location.size()));
  constexpr std::string_view domain = "sfs-hostid-v1";
  const digest_context c{EVP_MD_CTX_new()};
  hostid id;
  if (!c || EVP_DigestInit_ex(c.get(), EVP_sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(c.get(), domain.data(), domain.size()) != 1 ||
      EVP_DigestUpdate(c.get(), length, sizeof length) != 1 ||
      EVP_DigestUpdate(c.get(), location.data(), location.size()) != 1 ||
      EVP_DigestUpdate(c.get(), subject_public_key_info.data(), subject_public_key_info.size()) !=
          1 ||
      EVP_DigestFinal_ex(c.get(), id.digest.data(), nullptr) != 1)
    openssl_broken("hashing a public key");
  return id;
}

std::string hostid::text() const { return base32(digest); }

outcome<hostid> hostid::parse(std::string_view text) {
  if (text.size() != hostid_text_size)
    return failure{"a HOSTID has " + std::to_string(hostid_text_size) + " characters"};
  hostid id;
  if (!from_base32(text, id.digest))
    return failure{"a HOSTID is written with a to z and 2 to 7, and ends in a or q"};
  return id;
}

bool hostid::operator==(const hostid& other) const noexcept {
  return CRYPTO_memcmp(digest.data(), other.digest.data(), digest.size()) == 0;
}

outcome<server_location> server_location::parse(std::string_view text) {
  if (text.empty() || text.size() > max_location)
    return failure{"a LOCATION has 1 to 255 characters"};
  server_location l;
  l.text = text;
  const std::size_t percent = text.rfind('%');
  std::string_view host = text.substr(0, percent);
  if (percent != std::string_view::npos) {
    const std::string_view port = text.substr(percent + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), l.port);
    if (error != std::errc() || end != port.data() + port.size() || l.port == 0 || port[0] == '0')
      return failure{"the port after % in a LOCATION is a number from 1 to 65535"};
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!(bracketed ? all(host, is_address_character) : all(host, is_host_character)))
    return failure{
        "a LOCATION is HOST or HOST%PORT, HOST a name, an address, or [an IPv6 address]"};
  l.host = host;
  return l;
}

outcome<self_certifying_path> self_certifying_path::parse(std::string_view path) {
  if (!path.starts_with(prefix)) return failure{"a self-certifying path begins with /sfs/@"};
  path.remove_prefix(prefix.size());
  const std::size_t slash = path.find('/');
  const std::string_view name = path.substr(0, slash);
  const std::size_t comma = name.find(',');
  if (comma == std::string_view::npos)
    return failure{"a self-certifying path is /sfs/@LOCATION,HOSTID"};
  auto location = server_location::parse(name.substr(0, comma));
  if (!location) return location.as_failure();
  auto id = hostid::parse(name.substr(comma + 1));
  if (!id) return id.as_failure();
  return self_certifying_path{
      std::move(*location), *id,
      slash == std::string_view::npos ? std::string() : std::string(path.substr(slash))};
}

std::string self_certifying_path::text() const {
  return std::string(prefix) + location.text + "," + id.text() + rest;
}

}  // namespace sfs
