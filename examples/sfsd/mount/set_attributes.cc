// See file_system.h. Here is what changes attributes.
#include <cerrno>

#include "examples/sfsd/mount/file_system.h"

namespace sfs {

void file_system::change_attributes(const inode_ref& i, const sattr3& wanted,
                                    std::function<void(int)> done) {
  calls_.make<NFSPROC3_SETATTR>(
      {i},
      [i, wanted](SETATTR3args& args) {
        args.object = handle_of(i);
        args.new_attributes = wanted;
      },
      [this, i, done](answer<NFSPROC3_SETATTR>& a) {
        const fattr3* after = a.results && a.results->wcc.after.attributes_follow
                                  ? &a.results->wcc.after.post_op_attr_u.attributes
                                  : nullptr;
        inodes_.changed(*i, after, a.token, calls_.count_change());
        done(a.error);
      });
}

// What was written is at the server first: else it would change the times, and take set-user-id
// bits away, after they were set.
void file_system::set_attributes(request_ref r, std::uint64_t id, const struct stat& wanted,
                                 int to_set) {
  const auto found = needed(*r, id);
  if (!found) return;
  const inode_ref i(found);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  const auto give = [this, r, i](int error) {
    if (error != 0) {
      r->error(error);
    } else {
      r->attributes(stat_of(*i, what_.who), inodes_.attributes_timeout(*i));
    }
  };
  const auto changed = [this, i, give](int error) {
    if (error != 0 || i->is_trusted(inodes_.time().now())) return give(error);
    fetch_attributes(i, give);
  };
  const sattr3 changes = wanted_changes(wanted, to_set, what_.who);
  const auto change = [this, i, changes, changed] { change_attributes(i, changes, changed); };
  if (changes.size.set_it) {
    writes_.truncate(i, changes.size.set_size3_u.size, change);
  } else {
    writes_.flush(i, change);
  }
}

}  // namespace sfs
