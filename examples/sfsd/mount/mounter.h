// From the command line to a mounted file system, and to its end. Serves stages 1 to 6.
//
//   connect, log in -> find the export -> mount -> (background) ... unmounted -> all is written ->
//   end
//
// Thread safety: one color (the default color).
// Invariant: nothing is mounted before the server has answered for it; the program ends only when
// what was written is on the server's disk, or after having said what is not.
#pragma once

#include <memory>
#include <optional>

#include "async/signal.h"
#include "examples/sfsd/client/session.h"
#include "examples/sfsd/mount/background.h"
#include "examples/sfsd/mount/export_root.h"
#include "examples/sfsd/mount/file_system.h"
#include "examples/sfsd/mount/fuse_loop.h"
#include "examples/sfsd/mount/options.h"

namespace sfs {

class mounter {
 public:
  mounter(const mount_options& options, std::vector<login_key> logins, background& back);
  ~mounter();

  // The program's exit status, after amain().
  int status() const noexcept { return status_; }

 private:
  void opened();
  bool choose_login();
  void say_that_we_wait() const;
  void found(const root_found& f);
  void examined(const export_found& f);
  void mount(const export_found& f);
  void mounted();
  void unmounted();
  void say_what_is_left() const;
  void stop_waiting();
  void tell(const std::string& what) const;
  void asked_to_end();
  void give_up(const std::string& why);
  void failed(const std::string& why);
  void end(int status);
  identity who() const;
  std::vector<std::string> kernel_options(const identity& who) const;
  session_options settings(std::vector<login_key> logins);

  const mount_options& options_;
  background& background_;
  unsigned logins_;     // of the session
  unsigned login_ = 0;  // the one that is used
  std::optional<file_system> files_;
  std::optional<fuse_loop> loop_;
  async::ref<session> session_;  // goes first: it refers to what was written
  bool looking_ = false, ending_ = false, ended_ = false, begun_ = false;
  int status_ = 1;
};

}  // namespace sfs
