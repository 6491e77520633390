// See fuse_loop.h.
#include "examples/sfsd/mount/fuse_loop.h"

#include <cerrno>
#include <cstdlib>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/mount/kernel_side.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

constexpr std::size_t largest_request = 1 << 20;  // data, of a WRITE
constexpr int requests_at_a_time = 32;            // then others have their turn

// Buffers that were handed on and came back. A buffer is large: asking the system for one each time
// would cost more than copying what is in it.
struct spare_buffers {
  ~spare_buffers() {
    while (void* b = take()) std::free(b);
  }
  void* take() noexcept { return count > 0 ? kept[--count] : nullptr; }
  void give(void* b) noexcept {
    if (count < std::size(kept)) {
      kept[count++] = b;
    } else {
      std::free(b);
    }
  }
  void* kept[8] = {};
  std::size_t count = 0;
};

spare_buffers& spares() {
  static spare_buffers all;
  return all;
}

}  // namespace

fuse_loop::~fuse_loop() {
  unmount();
  if (session_) fuse_session_destroy(session_);
  std::free(buffer_.mem);
}

std::string fuse_loop::mount(const mount_settings& settings, std::function<void()> started,
                             std::function<void()> unmounted) {
  if (std::string why = why_occupied(settings.mountpoint); !why.empty()) return why;  // meanwhile
  settings_ = settings;
  started_ = std::move(started);
  unmounted_ = std::move(unmounted);
  fuse_args args = FUSE_ARGS_INIT(0, nullptr);
  fuse_opt_add_arg(&args, "sfsmount");
  for (const std::string& option : settings_.options) {
    fuse_opt_add_arg(&args, "-o");
    fuse_opt_add_arg(&args, option.c_str());
  }
  session_ = fuse_session_new(&args, &operations(), sizeof(fuse_lowlevel_ops), this);
  fuse_opt_free_args(&args);
  if (!session_) return "libfuse does not know one of the options";
  if (fuse_session_mount(session_, settings_.mountpoint.c_str()) != 0)
    return "it could not be mounted there";
  mounted_ = true;
  device_ = mounted_device(settings_.mountpoint);
  const int fd = fuse_session_fd(session_);
  if (async::make_async(fd) || async::close_on_exec(fd) ||
      async::fdcb(fd, async::selread, async::wrap(this, &fuse_loop::readable)))
    return "/dev/fuse: " + system_reason();
  fs_.kernel().begin(session_);
  return {};
}

void fuse_loop::readable() {
  for (int n = 0; n < requests_at_a_time && mounted_; ++n) {
    if (!buffer_.mem) buffer_.mem = spares().take();
    const int size = fuse_session_receive_buf(session_, &buffer_);
    if (size == -EAGAIN) return;
    if (size == -EINTR) continue;
    if (size <= 0) return stop();
    fuse_session_process_buf(session_, &buffer_);
    if (fuse_session_exited(session_)) return stop();
    if (!agreed_ || !started_) continue;
    read_ahead(device_);
    std::exchange(started_, nullptr)();
  }
}

// There will be no more requests.
void fuse_loop::stop() {
  if (!mounted_) return;
  leave();
  unmounted_();
}

void fuse_loop::unmount() {
  if (!mounted_) return;
  if (mounted_device(settings_.mountpoint) == device_) force_unmount(settings_.mountpoint);
  leave();
}

// The notifier may be waiting for a lock while whoever holds it waits for us, and then keeps the
// connection from ending, so that nobody ever goes on, unless the kernel fails all requests.
void fuse_loop::leave() {
  mounted_ = false;
  async::fdcb(fuse_session_fd(session_), async::selread, nullptr);
  fuse_session_exit(session_);  // what is answered from now on need not arrive
  fuse_session_unmount(session_);
  if (fs_.kernel().is_telling()) abort_requests(device_);
  fs_.kernel().end();
}

void fuse_loop::give_back(void* memory) { spares().give(memory); }

async::ptr<write_block> fuse_loop::keep_buffer(std::size_t data) {
  if (data < largest_request / 2 || !buffer_.mem) return nullptr;
  void* const memory = std::exchange(buffer_.mem, nullptr);
  return async::make_ref<write_block>(memory, largest_request, &fuse_loop::give_back,
                                      fs_.writes().gauge());
}

}  // namespace sfs
