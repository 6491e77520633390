// A call that a session has taken and not yet answered. Serves stages 5 and 6 of client programs.
//
// Thread safety: one color (the default color).
// Invariant: it is in at most one list, of the session that took it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

#include "examples/sfsd/client/timing.h"
#include "examples/sfsd/rpc/message.h"
#include "suio/suio.h"
#include "wrap/callback.h"

namespace sfs {

// When a call was sent, as far as the trust in its reply's attributes is concerned (session.h).
struct reply_token {
  std::uint64_t changes = 0;         // when it was sent for the first time
  timing::clock::time_point sent{};  // the last time
};

struct call_reply {
  enum class kind : std::uint8_t {
    results,  // `results`
    refused,  // by the server's RPC layer: `status`, unless `denied`
    failed,   // `why`: the session has given up, or will not make this call
  };
  kind what = kind::failed;
  const_bytes results{};  // valid until the callback returns
  rpc_accept status = rpc_accept::success;
  bool denied = false;
  std::string_view why{};
  reply_token token{};
  const_bytes arguments{};  // the call's own; valid until the callback returns
};

using reply_callback = async::callback<void, const call_reply&>::ref;

struct session_call {
  std::uint32_t program = 0, procedure = 0;
  std::vector<std::uint8_t> arguments;  // XDR
  async::suio data{};                   // what follows them, such as WRITE's: kept, not copied
  unsigned login = 0;                   // a number from add_login(); 0: anonymous
};

struct pending_call : boost::intrusive::list_base_hook<> {
  pending_call(session_call c, reply_callback cb) : call(std::move(c)), done(std::move(cb)) {}

  // What follows the RPC header, with XDR's padding.
  std::size_t size() const noexcept {
    return (call.arguments.size() + call.data.resid() + 3) & ~std::size_t{3};
  }

  session_call call;
  reply_callback done;
  std::uint32_t xid = 0;
  reply_token token;
  bool under_way = false;  // sent on the present channel
  bool was_sent = false;   // on this or another
  bool doubtful = false;   // the server may have carried it out and forgotten that
};

using pending_list = boost::intrusive::list<pending_call>;

}  // namespace sfs
