// For whom a call is carried out, and with whose rights its thread touches files meanwhile. Serves
// stage 5.
//
// A server that runs as root takes on the user's identity for the kernel's checks: file system uid,
// gid and groups, of this thread alone (setfsuid(2)); the kernel takes away what only root may do
// to files as long as that uid is not 0. A server that runs as an ordinary user has that user's
// rights only, whoever the client is.
//
// Thread safety: a principal is constant; `acting` concerns the thread that makes it.
// Invariant: a thread has the server's own uid except while an `acting` lives. (Its groups are
// those of the last user: they give nothing to the server, which has every right, and setting them
// for each call would cost more than the call.)
#pragma once

#include <cstdint>
#include <utility>

#include "examples/sfsd/users/account.h"
#include "wrap/refcnt.h"

namespace sfs {

struct principal final : async::refcount {
  explicit principal(user who, bool is_anonymous = false)
      : account(std::move(who)), anonymous(is_anonymous) {}

  const user account;
  const bool anonymous;
  const std::uint64_t number = next_number();  // no other principal ever has it

 private:
  static std::uint64_t next_number() noexcept;
};

// Who has not logged in: has no group, and the rights that everybody has.
async::ref<const principal> make_anonymous();

// Whether calls are carried out with their users' identities.
bool can_act() noexcept;

// Of what root may do, gives up what does not go with the uid: to use the blocks that a file system
// keeps for root, and to exceed quotas. For the start of a program, before it has threads.
void give_up_reserves() noexcept;

class [[nodiscard]] acting {
 public:
  // Ends the program if the kernel refuses: whatever came next would be done with wrong rights.
  explicit acting(const principal& who) noexcept;
  ~acting();
  acting(const acting&) = delete;
  acting& operator=(const acting&) = delete;

 private:
  bool changed_;
};

}  // namespace sfs
