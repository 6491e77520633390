// See agent_protocol.h.
#include "examples/sfsd/users/agent_protocol.h"

#include <algorithm>

namespace sfs {
namespace {

enum : std::uint8_t { type_list = 1, type_login = 2 };
enum : std::uint8_t { type_keys = 1, type_signed = 2, type_refused = 3 };

constexpr std::size_t login_fixed = 32 + 32 + 32 + 4;

// The one who appends to a message.
class message_writer {
 public:
  explicit message_writer(std::uint8_t type) : text_(4, '\0') { byte(type); }
  void byte(std::uint8_t b) { text_ += static_cast<char>(b); }
  void add(const_bytes part) { text_.append(part.begin(), part.end()); }
  void add(std::string_view part) { text_ += part; }
  void add(std::uint32_t number) {
    std::uint8_t raw[4];
    store_be32(raw, number);
    add(const_bytes(raw));
  }
  std::string finish() {
    std::uint8_t raw[4];
    store_be32(raw, static_cast<std::uint32_t>(text_.size() - 4));
    std::copy(std::begin(raw), std::end(raw), text_.begin());
    return std::move(text_);
  }

 private:
  std::string text_;
};

// Takes from the front of a message, of which so much is there.
template <std::size_t Size>
void take(const_bytes& from, std::array<std::uint8_t, Size>& to) {
  std::copy_n(from.begin(), Size, to.begin());
  from = from.subspan(Size);
}

std::string_view as_text(const_bytes part) noexcept {
  return {reinterpret_cast<const char*>(part.data()), part.size()};
}

std::optional<agent_answer> decode_keys(const_bytes body) {
  std::vector<public_line> keys;
  while (!body.empty()) {
    public_line line;
    if (body.size() < line.key.size() + 1 || keys.size() == max_agent_keys) return std::nullopt;
    take(body, line.key);
    const std::size_t size = body[0];
    if (body.size() < 1 + size) return std::nullopt;
    line.comment = as_text(body.subspan(1, size));
    body = body.subspan(1 + size);
    if (!is_ed25519_key(line.key) || !why_no_comment(line.comment).empty()) return std::nullopt;
    keys.push_back(std::move(line));
  }
  return keys;
}

}  // namespace

std::string encode(const agent_question& question) {
  const auto* login = std::get_if<agent_login>(&question);
  message_writer message(login ? type_login : type_list);
  if (login) {
    message.add(login->key);
    message.add(login->statement.server.digest);
    message.add(login->statement.session);
    message.add(login->statement.sequence);
    message.add(login->statement.location);
  }
  return message.finish();
}

std::string encode(const agent_answer& answer) {
  if (const auto* refused = std::get_if<agent_refused>(&answer)) {
    message_writer message(type_refused);
    message.add(refused->why);
    return message.finish();
  }
  if (const auto* signature = std::get_if<ed25519_signature>(&answer)) {
    message_writer message(type_signed);
    message.add(*signature);
    return message.finish();
  }
  message_writer message(type_keys);
  for (const public_line& line : *std::get_if<std::vector<public_line>>(&answer)) {
    message.add(line.key);
    message.byte(static_cast<std::uint8_t>(line.comment.size()));
    message.add(line.comment);
  }
  return message.finish();
}

std::optional<agent_question> decode_question(const_bytes message) {
  if (message.empty() || message.size() > max_agent_question) return std::nullopt;
  const std::uint8_t type = message[0];
  const_bytes body = message.subspan(1);
  if (type == type_list && body.empty()) return agent_list{};
  if (type != type_login || body.size() < login_fixed) return std::nullopt;
  agent_login login;
  take(body, login.key);
  take(body, login.statement.server.digest);
  take(body, login.statement.session);
  login.statement.sequence = load_be32(body.data());
  login.statement.location = as_text(body.subspan(4));
  if (!server_location::parse(login.statement.location)) return std::nullopt;
  return login;
}

std::optional<agent_answer> decode_answer(const_bytes message) {
  if (message.empty() || message.size() > max_agent_answer) return std::nullopt;
  const std::uint8_t type = message[0];
  const_bytes body = message.subspan(1);
  if (type == type_keys) return decode_keys(body);
  if (type == type_refused) return agent_refused{std::string(as_text(body))};
  ed25519_signature signature;
  if (type != type_signed || body.size() != signature.size()) return std::nullopt;
  take(body, signature);
  return signature;
}

std::optional<const_bytes> next_agent_message(const_bytes stream, std::size_t most,
                                              std::size_t& used) {
  used = 0;
  if (stream.size() < 4) return const_bytes();
  const std::size_t size = load_be32(stream.data());
  if (size == 0 || size > most) return std::nullopt;
  if (stream.size() - 4 < size) return const_bytes();
  used = 4 + size;
  return stream.subspan(4, size);
}

agent_answer answer(const agent_question& question, const std::vector<user_key>& keys) {
  const auto* login = std::get_if<agent_login>(&question);
  if (!login) {
    std::vector<public_line> lines;
    for (const user_key& key : keys) lines.push_back(key.who());
    return lines;
  }
  const auto at = std::ranges::find(keys, login->key, [](const auto& k) { return k.who().key; });
  if (at == keys.end()) return agent_refused{"the agent does not have this key"};
  return sign_login(*at, login->statement);
}

}  // namespace sfs
