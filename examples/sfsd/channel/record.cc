// See record.h.
#include "examples/sfsd/channel/record.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "examples/sfsd/channel/kdf.h"

namespace sfs {
namespace {

// The suite's name is in each label: the same secret gives unrelated keys to different suites.
std::string label(const char* purpose, suite s) {
  return std::string("sfs1 ") + purpose + " " + std::string(name_of(s));
}

int as_int(std::size_t n) noexcept { return static_cast<int>(n); }

}  // namespace

std::optional<std::size_t> frame_size(const std::uint8_t* header) noexcept {
  const std::uint32_t word = load_be32(header);
  const std::uint32_t type = word >> 24, payload = word & 0xffffff;
  if (type > static_cast<std::uint32_t>(record_type::ratchet)) return std::nullopt;
  const bool empty = type != static_cast<std::uint32_t>(record_type::data);
  if (payload > (empty ? 0 : record_max_payload)) return std::nullopt;
  return payload + record_overhead;
}

record_key::record_key(suite s, use u, const secret32& traffic_secret)
    : context_(EVP_CIPHER_CTX_new()) {
  secret<32> key;
  const bytes material = key.span().first(key_size(s));
  hkdf_expand(traffic_secret.span(), label("key", s), material);
  hkdf_expand(traffic_secret.span(), label("iv", s), iv_.span());
  // The nonce is given with each record; 12 bytes is the length that each of these ciphers has.
  if (!context_ || EVP_CipherInit_ex2(context_.get(), cipher_of(s), material.data(), nullptr,
                                      u == use::sealing, nullptr) != 1)
    openssl_broken("setting a record key");
}

record_key::~record_key() = default;  // both members wipe what they held

void record_key::make_nonce(std::uint64_t number, std::uint8_t* nonce) const noexcept {
  std::memcpy(nonce, iv_.span().data(), iv_size);
  store_be64(nonce + 4, load_be64(nonce + 4) ^ number);
}

void record_key::seal(std::uint64_t number, record_type type, bytes frame) {
  const bytes payload = payload_of(frame);
  store_be32(frame.data(),
             static_cast<std::uint32_t>(type) << 24 | static_cast<std::uint32_t>(payload.size()));
  std::uint8_t nonce[iv_size];
  make_nonce(number, nonce);
  EVP_CIPHER_CTX* c = context_.get();
  int n = 0;
  std::uint8_t* tag = payload.data() + payload.size();
  const bool sealed =
      EVP_EncryptInit_ex(c, nullptr, nullptr, nullptr, nonce) == 1 &&
      EVP_EncryptUpdate(c, nullptr, &n, frame.data(), as_int(record_header_size)) == 1 &&
      (payload.empty() ||
       EVP_EncryptUpdate(c, payload.data(), &n, payload.data(), as_int(payload.size())) == 1) &&
      EVP_EncryptFinal_ex(c, tag, &n) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, as_int(record_tag_size), tag) == 1;
  if (!sealed) openssl_broken("sealing a record");
}

bool record_key::open(std::uint64_t number, bytes frame) {
  const bytes payload = payload_of(frame);
  std::uint8_t nonce[iv_size];
  make_nonce(number, nonce);
  EVP_CIPHER_CTX* c = context_.get();
  int n = 0;
  std::uint8_t* tag = payload.data() + payload.size();
  return EVP_DecryptInit_ex(c, nullptr, nullptr, nullptr, nonce) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, as_int(record_tag_size), tag) == 1 &&
         EVP_DecryptUpdate(c, nullptr, &n, frame.data(), as_int(record_header_size)) == 1 &&
         (payload.empty() ||
          EVP_DecryptUpdate(c, payload.data(), &n, payload.data(), as_int(payload.size())) == 1) &&
         EVP_DecryptFinal_ex(c, tag, &n) == 1;
}

direction::direction(suite s, record_key::use u, secret32 traffic_secret, epoch_limits limits)
    : limits_(limits), suite_(s), use_(u), secret_(std::move(traffic_secret)) {
  key_.emplace(s, u, secret_);
}

std::uint64_t direction::count(std::size_t payload) noexcept {
  ++records_;
  bytes_ += payload;
  return next_number_++;
}

void direction::ratchet_key() {
  secret32 next;
  hkdf_expand(secret_.span(), label("ratchet", suite_), next.span());
  secret_ = std::move(next);
  key_.emplace(suite_, use_, secret_);
  records_ = bytes_ = 0;
}

void direction::wipe() noexcept {
  secret_.wipe();
  key_.reset();
}

sender::sender(suite s, secret32 traffic_secret, time_point now, epoch_limits limits)
    : direction(s, record_key::use::sealing, std::move(traffic_secret), limits),
      epoch_began_(now) {}

void sender::ratchet(bytes frame, time_point now) {
  key_->seal(count(0), record_type::ratchet, frame.first(record_overhead));
  ratchet_key();
  epoch_began_ = now;
}

void sender::seal(record_type type, bytes frame) {
  const std::size_t payload = frame.size() - record_overhead;
  if (!fits(payload) || payload > record_max_payload) {
    std::fputs("sfs: your bug: a record key was used past its limits\n", stderr);
    std::abort();
  }
  key_->seal(count(payload), type, frame);
}

receiver::receiver(suite s, secret32 traffic_secret, epoch_limits limits)
    : direction(s, record_key::use::opening, std::move(traffic_secret), limits) {}

opened receiver::fail() noexcept {
  state_ = state::failed;
  wipe();
  return opened::failed;
}

opened receiver::open(bytes frame) {
  if (state_ != state::open || frame.size() < record_overhead ||
      frame_size(frame.data()) != frame.size())
    return fail();
  const auto type = static_cast<record_type>(frame[0]);
  const std::size_t payload = frame.size() - record_overhead;
  // A ratchet record may follow an epoch that is full; nothing else may.
  if (!fits(payload) && type != record_type::ratchet) return fail();
  if (!key_->open(count(payload), frame)) return fail();
  switch (type) {
    case record_type::data:
      return opened::data;
    case record_type::ratchet:
      ratchet_key();
      return opened::ratcheted;
    case record_type::close:
      state_ = state::closed;
      wipe();
      return opened::closed;
  }
  return fail();
}

}  // namespace sfs
