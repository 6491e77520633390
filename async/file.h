// Files: opened, read, written and flushed without blocking a CPU where the disk does (stages 2 and
// 3).
//
//   async::file_open(path, O_RDONLY, 0, async::wrap(mkref(this), &page::opened));
//   void opened(int fd) {
//     async::file_read(fd, 0, 65536, body_, async::wrap(mkref(this), &page::have_part));
//   }
//   void have_part(async::io_result);
//
// fdcb() is of no use for regular files, which are always ready. Here, what the page cache has is
// read at once (RWF_NOWAIT, preadv2(2)), and all else is left to io_uring(7), or, where the kernel
// has none or forbids it, to the threads of blocking(). Which, is found out with the first use; the
// environment's ASYNC_FILE_IO=pool or =uring asks for one.
//
// Each operation has its offset: there is no file position, and operations on one file run in any
// order, unless one is started when another has called back.
//
// What an operation needs (the fd, the caller's memory) has to stay until its callback has been
// called or destroyed, which is never before the kernel is done with it. So bind to the callback
// what owns them.
//
// All functions return at once, and call cb once, under its color and never from within the call.
// They fail, and then never call cb, with EAGAIN if too many operations are under way (1,024 in
// io_uring; see blocking() for the pool), and EINVAL if there is a zero byte in a path or an offset
// is above INT64_MAX. They throw std::bad_alloc. `job`, if given, is what blocking_cancel() takes:
// see there, and blocking() for what becomes of operations when amain() returns and after fork().
//
// Thread-safety: everything here may be called from any thread and any color, with or without a
// runtime (in a uniprocessor build: from the thread of the runtime).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>

#include "async/blocking.h"
#include "suio/suio.h"
#include "wrap/callback.h"

namespace async {

// Opens a file as open(2) does; O_CLOEXEC, O_NOCTTY and O_NONBLOCK (so that a FIFO holds up nobody)
// are added to the flags. cb gets the fd, and owns it, or -1, and errno says why.
[[nodiscard]] std::error_code file_open(std::string path, int flags, mode_t mode,
                                        callback<void, int>::ref cb, blocking_t* job = nullptr);

// Reads `bytes` bytes at `offset`, or what there is up to the end of the file. The result is `done`
// with how many; `eof` if there is nothing at the offset; or `error`, with the number of bytes that
// were read before it.
[[nodiscard]] std::error_code file_read(int fd, std::uint64_t offset, void* to, std::size_t bytes,
                                        callback<void, io_result>::ref cb,
                                        blocking_t* job = nullptr);

// The same into memory of a suio's kind, which is appended to `to`, without a copy, right before cb
// is called. So `to` must be there then, and belongs to cb's color.
[[nodiscard]] std::error_code file_read(int fd, std::uint64_t offset, std::size_t bytes, suio& to,
                                        callback<void, io_result>::ref cb,
                                        blocking_t* job = nullptr);

// Writes `bytes` bytes at `offset`. The result is `done`; or `error`, with the number of bytes that
// were written before it.
[[nodiscard]] std::error_code file_write(int fd, std::uint64_t offset, const void* from,
                                         std::size_t bytes, callback<void, io_result>::ref cb,
                                         blocking_t* job = nullptr);

// The same with all bytes of `from`, which are taken out of it, with the completion callbacks.
// Those for what was written are called right before cb, the others are destroyed. If it fails at
// once, the bytes are still in `from`.
[[nodiscard]] std::error_code file_write(int fd, std::uint64_t offset, suio& from,
                                         callback<void, io_result>::ref cb,
                                         blocking_t* job = nullptr);

enum class file_sync_kind {
  all,   // fsync(2)
  data,  // fdatasync(2): what is needed to read the data again
};

// Has the disk keep what was written before.
[[nodiscard]] std::error_code file_sync(int fd, file_sync_kind what,
                                        callback<void, std::error_code>::ref cb,
                                        blocking_t* job = nullptr);

// What statx(2) says of an open file, or of what is at a path (following symbolic links).
using file_stat_callback = callback<void, std::error_code, struct statx>;
[[nodiscard]] std::error_code file_stat(int fd, file_stat_callback::ref cb,
                                        blocking_t* job = nullptr);
[[nodiscard]] std::error_code file_stat(std::string path, file_stat_callback::ref cb,
                                        blocking_t* job = nullptr);

// What carries out operations in this process: "io_uring" or "pool".
const char* file_engine();

}  // namespace async
