// What fork() has to do with the state of async/ (no stage): fork is let in when no thread is in
// the middle of changing it, and the child starts over without it.
//
// Thread-safety: join() from any thread. The handlers run on the thread that forks.
// Invariant: no participant's before_fork() waits for another's: none holds its locks while it
// calls into another part of async/. It may into the layers below, whose locks are taken later.
#pragma once

namespace async::detail {

class fork_participant {
 public:
  fork_participant(const fork_participant&) = delete;
  fork_participant& operator=(const fork_participant&) = delete;

  // Takes all locks.
  virtual void before_fork() noexcept = 0;
  // Gives them back.
  virtual void after_fork_in_parent() noexcept = 0;
  // Gives them back, in the child. What was registered stays in memory: it is the parent's, and
  // destructors might close connections that the parent still uses.
  virtual void after_fork_in_child() noexcept = 0;

 protected:
  fork_participant() = default;
  ~fork_participant() = default;

  // Takes part from now on; called once, when everything above works.
  void join();
  // Takes part no more; to be called before it is destroyed. Most live as long as the program.
  void leave() noexcept;
};

}  // namespace async::detail
