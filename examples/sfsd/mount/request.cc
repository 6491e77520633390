// See request.h.
#include "examples/sfsd/mount/request.h"

#include <cerrno>
#include <utility>

#include "wrap/wrap.h"

namespace sfs {

request::~request() {
  if (request_) error(EIO);
}

// From now on there is nothing to be interrupted, and nothing to be answered.
fuse_req_t request::take() noexcept {
  if (is_linked()) interruptions_->all_.erase(interruptions_->all_.iterator_to(*this));
  return std::exchange(request_, nullptr);
}

bool request::error(int number) {
  const fuse_req_t r = take();
  return r && fuse_reply_err(r, number) == 0;
}

bool request::entry(const fuse_entry_param& e) {
  const fuse_req_t r = take();
  return r && fuse_reply_entry(r, &e) == 0;
}

bool request::created(const fuse_entry_param& e, const fuse_file_info& f) {
  const fuse_req_t r = take();
  return r && fuse_reply_create(r, &e, &f) == 0;
}

bool request::attributes(const struct stat& s, double timeout) {
  const fuse_req_t r = take();
  return r && fuse_reply_attr(r, &s, timeout) == 0;
}

bool request::link_target(const char* target) {
  const fuse_req_t r = take();
  return r && fuse_reply_readlink(r, target) == 0;
}

bool request::opened(const fuse_file_info& f) {
  const fuse_req_t r = take();
  return r && fuse_reply_open(r, &f) == 0;
}

bool request::written(std::size_t bytes) {
  const fuse_req_t r = take();
  return r && fuse_reply_write(r, bytes) == 0;
}

bool request::data(const_bytes d) {
  const fuse_req_t r = take();
  return r && fuse_reply_buf(r, reinterpret_cast<const char*>(d.data()), d.size()) == 0;
}

bool request::file_system(const struct statvfs& s) {
  const fuse_req_t r = take();
  return r && fuse_reply_statfs(r, &s) == 0;
}

void request::may_be_interrupted(interrupted_requests& where, kind k) {
  if (!request_) return;
  kind_ = k;
  interruptions_ = &where;
  fuse_req_interrupt_func(request_, &request::interrupted, this);
}

// libfuse calls it where it takes the kernel's interruption, or at once if that was there first.
void request::interrupted(fuse_req_t, void* self) {
  auto* const r = static_cast<request*>(self);
  if (r->request_ && !r->is_linked()) r->interruptions_->add(*r, r->kind_ == kind::changes);
}

// Not answered from here: libfuse is in the middle of something.
void interrupted_requests::add(request& r, bool changes) {
  all_.push_back(r);
  if (changes && connected_) return;
  time_.after(connected_ ? patience : std::chrono::seconds(0),
              async::wrap([self = async::mkref(&r)] { self->error(EINTR); }));
}

void interrupted_requests::set_connected(bool connected) {
  connected_ = connected;
  while (!connected_ && !all_.empty())
    async::mkref(static_cast<request*>(&all_.front()))->error(EINTR);
}

}  // namespace sfs
