// See principal.h.
#include "examples/sfsd/nfs/principal.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace sfs {
namespace {

constexpr uid_t nobody = 65534;

[[noreturn]] void refused(const char* what) noexcept {
  std::fprintf(stderr, "sfsd: the kernel does not let this thread set %s\n", what);
  std::abort();
}

// Whose groups this thread has; 0: as it was started.
thread_local std::uint64_t groups_of = 0;

// The C library's setgroups would change all threads; this is the system call. Setting fsgid does
// not say whether it worked, but an impossible number asks what it is.
void take_groups(const principal& who) noexcept {
  if (groups_of == who.number) return;
  if (::syscall(SYS_setgroups, who.account.groups.size(), who.account.groups.data()) < 0)
    refused("its groups");
  ::setfsgid(who.account.gid);
  if (static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))) != who.account.gid)
    refused("its group");
  groups_of = who.number;
}

void take_uid(uid_t uid) noexcept {
  ::setfsuid(uid);
  if (static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) != uid) refused("its user");
}

}  // namespace

async::ref<const principal> make_anonymous() {
  user who;
  who.name = "anonymous";
  who.uid = who.gid = nobody;
  return async::make_ref<principal>(std::move(who), true);
}

bool can_act() noexcept {
  static const bool root = ::geteuid() == 0;
  return root;
}

void give_up_reserves() noexcept {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (!can_act() || ::syscall(SYS_capget, &head, sets) < 0) return;
  auto& set = sets[CAP_TO_INDEX(CAP_SYS_RESOURCE)];
  set.effective &= ~CAP_TO_MASK(CAP_SYS_RESOURCE);
  set.permitted &= ~CAP_TO_MASK(CAP_SYS_RESOURCE);
  if (::syscall(SYS_capset, &head, sets) < 0) refused("its capabilities");
}

std::uint64_t principal::next_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;  // only has to be unique
}

acting::acting(const principal& who) noexcept : changed_(can_act() && who.account.uid != 0) {
  if (can_act()) take_groups(who);
  if (changed_) take_uid(who.account.uid);
}

acting::~acting() {
  if (changed_) take_uid(0);
}

}  // namespace sfs
