// The pipe to the process whose place this one takes (stage 2).
//
// Thread-safety: any thread.
#pragma once

namespace async::detail {

// What is written there when this process is ready.
inline constexpr char ready_message = 'R';

// Takes over the fd of the pipe. notify() writes to it, once, and closes it.
void set_ready_fd(int fd) noexcept;

}  // namespace async::detail
