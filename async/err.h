// Messages to the person who runs the program, and ways to end it. Serves no stage: all may use it.
//
//   async::setprogname(argv[0]);
//   async::warn("%s: %s", path, strerror(errno));   // "prog: PATH: No such file or directory"
//   async::fatal("no such export: %s", path);
//
// Each call writes one line, with the program's name before it and a newline after it, to standard
// error in one piece, so that lines of several threads or processes do not mix. The format is
// printf's, and checked by the compiler. As in glibc's printf, %m is strerror(errno), with errno as
// it was at the call; but g++ -Wpedantic warns of it, since it is not in ISO C. A message is kept
// whole up to 4000 bytes. errno is left as it was.
//
// Thread-safety: any thread, any color; setprogname before the others.
#pragma once

namespace async {

// Says so and goes on.
[[gnu::format(printf, 1, 2)]] void warn(const char* format, ...) noexcept;

// What the program was asked for can't be done: says so and ends it with status 1. stdio buffers
// are flushed; destructors and atexit handlers do not run, since other threads still do.
[[noreturn, gnu::format(printf, 1, 2)]] void fatal(const char* format, ...) noexcept;

// The program is wrong: says so and aborts, with a core dump.
[[noreturn, gnu::format(printf, 1, 2)]] void panic(const char* format, ...) noexcept;

// Names the program in messages, those of the other layers and of assert() too: by
// what follows the last slash of argv[0], of which a copy is kept. Without it, the name is what the
// kernel was given.
void setprogname(const char* argv0) noexcept;

// The name that messages begin with.
const char* progname() noexcept;

}  // namespace async
