// See account.h.
#include "examples/sfsd/users/account.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>

#include "examples/sfsd/base/fd.h"

namespace sfs {
namespace {

constexpr std::size_t max_record = 1024 * 1024;
constexpr std::size_t max_groups = 65536;  // what the kernel takes (NGROUPS_MAX)

// Empty if there are too many.
std::vector<gid_t> groups_of(const std::string& name, gid_t gid) {
  std::vector<gid_t> groups;
  for (std::size_t room = 32; room <= max_groups; room *= 2) {
    groups.resize(room);
    int count = static_cast<int>(room);
    if (::getgrouplist(name.c_str(), gid, groups.data(), &count) < 0) continue;
    groups.resize(static_cast<std::size_t>(count));
    return groups;
  }
  return {};
}

}  // namespace

outcome<std::optional<user>> system_account(const std::string& name) {
  passwd record, *found = nullptr;
  int error = ERANGE;
  std::vector<char> strings;
  for (std::size_t room = 1024; error == ERANGE && room <= max_record; room *= 2) {
    strings.resize(room);
    do {
      error = ::getpwnam_r(name.c_str(), &record, strings.data(), strings.size(), &found);
    } while (error == EINTR);
  }
  // These, too, say that there is no such account (see getpwnam_r(3)).
  const bool unknown = error == 0 || error == ENOENT || error == ESRCH || error == EPERM;
  if (!found && unknown) return std::optional<user>();
  if (!found) return failure{std::generic_category().message(error)};
  user one{name, record.pw_uid, record.pw_gid, groups_of(name, record.pw_gid)};
  if (one.groups.empty()) return failure{"it is in too many groups"};
  return std::optional(std::move(one));
}

}  // namespace sfs
