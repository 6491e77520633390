// Going to the background, but not before it is known whether all went well: the program that was
// called waits until its child says that it has begun, or has ended because it could not.
//
// Thread safety: one thread, at a program's start: begun() is called where it was made.
// Invariant: the parent exits with 0 if and only if the child has begun. A child that has not begun
// is asked to end (SIGTERM) when its parent does: whoever has killed that wants nothing any more.
#pragma once

#include "examples/sfsd/base/fd.h"

namespace sfs {

class background {
 public:
  // Returns in the child; in the foreground, there is none. Before the event loop is used.
  explicit background(bool foreground);

  // All went well: the parent ends, and we are alone, without a terminal.
  void begun();

 private:
  fd_owner to_parent_;
};

}  // namespace sfs
