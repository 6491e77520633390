// What clients and the agent (sfsagent) say to each other: the messages as values and as bytes.
// A message is its length (4 bytes, big-endian; the length of what follows), its type (1 byte) and
// its body. A client asks and waits for the answer; numbers are big-endian, keys and ids are raw.
//
//     type       body
//     1 list     nothing
//     2 login    key (32) | HOSTID (32) | session id (32) | sequence (4) | LOCATION (1 to 255)
//
//     1 keys     for each key: key (32) | length of its comment (1) | comment
//     2 signed   signature (64) of the login message (login.h)
//     3 refused  why, in words
//
// The agent makes the bytes that it signs from these fields, so nothing else can be had signed.
//
// Thread safety: pure functions and values.
// Invariant: what is decoded is one whole message, and every length in it was checked.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/users/login.h"
#include "examples/sfsd/users/user_key.h"

namespace sfs {

inline constexpr std::size_t max_agent_keys = 64;
inline constexpr std::size_t max_agent_question = 512;
inline constexpr std::size_t max_agent_answer = 32 * 1024;

struct agent_list {};
struct agent_login {
  ed25519_public key{};
  login_statement statement;
};
using agent_question = std::variant<agent_list, agent_login>;

struct agent_refused {
  std::string why;
};
using agent_answer = std::variant<std::vector<public_line>, ed25519_signature, agent_refused>;

// Whole messages, with their lengths.
std::string encode(const agent_question& question);
std::string encode(const agent_answer& answer);

// Of a message without its length. Nothing if it is none.
std::optional<agent_question> decode_question(const_bytes message);
std::optional<agent_answer> decode_answer(const_bytes message);

// Cuts the first whole message from a stream, without its length; `used` says how much of the
// stream it was, 0 if there is none yet. Nothing if there never will be one: its length is 0, or
// more than `most`.
std::optional<const_bytes> next_agent_message(const_bytes stream, std::size_t most,
                                              std::size_t& used);

// What an agent that holds these keys answers.
agent_answer answer(const agent_question& question, const std::vector<user_key>& keys);

}  // namespace sfs
