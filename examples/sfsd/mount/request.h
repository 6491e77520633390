// One request of the kernel's, to be answered once. Serves stages 5 and 6.
//
// A process that is interrupted while it waits for a server that is gone must be able to end: its
// request is given up (EINTR) while there is no connection, and one that changes nothing also when
// the server has been silent for a while. What then comes from the server finds nobody who waits; a
// change may have been made or not, as with any call that ends with EINTR.
//
// Thread safety: one color (the default color).
// Invariants: exactly one answer is sent, at the latest when the last handle goes (EIO). What a
// reply gives to the kernel, an inode's or an open file's reference, it has only if the answer says
// that it was taken.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/client/timing.h"
#include "examples/sfsd/mount/fuse.h"
#include "wrap/refcnt.h"

namespace sfs {

class request;
struct interrupted_request : boost::intrusive::list_base_hook<> {};

// Requests that their processes want to be rid of, and can.
class interrupted_requests {
 public:
  static constexpr std::chrono::seconds patience{2};

  explicit interrupted_requests(timing& time) noexcept : time_(time) {}
  ~interrupted_requests() { all_.clear(); }

  // Whether the server can be reached. When it no longer can, nobody has to wait.
  void set_connected(bool connected);

 private:
  friend request;
  void add(request& r, bool changes);

  timing& time_;
  bool connected_ = true;
  boost::intrusive::list<interrupted_request> all_;
};

class request final : public async::refcount, public interrupted_request {
 public:
  explicit request(fuse_req_t r) : request_(r), maker_(*fuse_req_ctx(r)) {}
  ~request();

  // The process may give it up.
  enum class kind : bool { looks, changes };
  void may_be_interrupted(interrupted_requests& where, kind k = kind::looks);

  const fuse_ctx& maker() const noexcept { return maker_; }
  bool is_answered() const noexcept { return request_ == nullptr; }
  fuse_req_t raw() const noexcept { return request_; }

  // The answers. Each says whether the kernel has taken it.
  bool error(int number);  // 0: it worked
  bool entry(const fuse_entry_param& e);
  bool created(const fuse_entry_param& e, const fuse_file_info& f);
  bool attributes(const struct stat& s, double timeout);
  bool link_target(const char* target);
  bool opened(const fuse_file_info& f);
  bool written(std::size_t bytes);
  bool data(const_bytes d);
  bool file_system(const struct statvfs& s);

 private:
  friend interrupted_requests;
  fuse_req_t take() noexcept;
  static void interrupted(fuse_req_t, void* self);

  fuse_req_t request_;
  fuse_ctx maker_;
  interrupted_requests* interruptions_ = nullptr;
  kind kind_ = kind::looks;
};

}  // namespace sfs
