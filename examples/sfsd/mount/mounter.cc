// See mounter.h.
#include "examples/sfsd/mount/mounter.h"

#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "async/err.h"
#include "async/main.h"
#include "async/timer.h"
#include "examples/sfsd/base/shown.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

// How long to wait for the server before it is mounted, and after it was unmounted: for data that
// is left, and for names that are; and when to say that we wait.
constexpr std::chrono::seconds first_patience{30}, data_patience{60}, names_patience{5},
    silently{2};
constexpr std::size_t named_files = 10;

// What to say of files: their names, if they are not many.
std::string list_of(const std::vector<std::string>& files) {
  std::string text;
  for (std::size_t n = 0; n < std::min(files.size(), named_files); ++n)
    text += (n == 0 ? "" : ", ") + files[n];
  const std::size_t more = files.size() - std::min(files.size(), named_files);
  return more == 0 ? text : text + " and " + std::to_string(more) + " more";
}

}  // namespace

mounter::mounter(const mount_options& options, std::vector<login_key> logins, background& back)
    : options_(options),
      background_(back),
      logins_(static_cast<unsigned>(logins.size())),
      session_(async::make_ref<session>(options.server, settings(std::move(logins)))) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    async::sigcb(signal, async::wrap(this, &mounter::asked_to_end));
  async::delaycb(
      first_patience, async::wrap([this] {
        if (!files_)
          give_up(session_->why().empty() ? "the server does not answer" : session_->why());
      }));
  session_->begin();
}

mounter::~mounter() { session_->end(); }

session_options mounter::settings(std::vector<login_key> logins) {
  session_options o;
  o.suites = options_.access.reach.suites;
  o.instead = options_.access.reach.instead;
  o.logins = std::move(logins);
  o.events.opened = async::wrap(this, &mounter::opened);
  o.events.silent = async::wrap(this, &mounter::say_that_we_wait);
  o.events.failed = async::wrap(this, &mounter::failed);
  o.events.lost = async::wrap([this](const std::string& why) {
    if (files_) tell(why + "; connecting again");
    if (files_) files_->disconnected();
  });
  o.events.restarted = async::wrap([this] {
    if (files_) files_->restarted();
  });
  o.events.room = async::wrap([this] {
    if (files_) files_->room();
  });
  o.events.invalidated =
      async::wrap([this](std::span<const const_bytes> files, std::uint64_t number) {
        if (files_) files_->invalidated(files, number);
      });
  return o;
}

void mounter::opened() {
  if (files_) return files_->connected();
  if (std::exchange(looking_, true)) return;
  if (!choose_login()) return;
  find_root(*session_, options_.server.rest, login_, [this](const root_found& f) { found(f); });
}

// The best that the server knows. If it knows none, we are nobody there, unless a key was named.
bool mounter::choose_login() {
  for (login_ = 1; login_ <= logins_; ++login_)
    if (session_->login(login_)->user != 0) return true;
  login_ = 0;
  if (logins_ == 0) return true;
  if (options_.access.key_file_is_needed) {
    give_up(session_->login(1)->why);
    return false;
  }
  async::warn("%s does not accept our key: we are nobody there",
              options_.server.location.text.c_str());
  return true;
}

void mounter::say_that_we_wait() const {
  const std::string& why = session_->why();
  tell(options_.server.location.text + (why.empty() ? " does not answer" : ": " + why) +
       "; trying for " + std::to_string(first_patience.count()) + " s");
}

void mounter::found(const root_found& f) {
  if (f.refused && login_ == 0) return give_up(why_nobody_is_refused(options_.access));
  if (!f.why.empty()) return give_up(f.why);
  served what;
  what.root = f.root;
  what.root_path = options_.server.rest;
  what.who = who();
  examine_export(*session_, what, login_, [this](const export_found& e) { examined(e); });
}

void mounter::examined(const export_found& e) {
  if (!e.why.empty()) return give_up(e.why);
  if (!ending_) mount(e);
}

identity mounter::who() const {
  identity w;
  const login_state* const l = session_->login(login_);
  w.uid_here = ::getuid();
  w.gid_here = ::getgid();
  if (!l || l->user == 0) return w;
  w.mapped = true;
  w.uid_there = l->uid;
  w.gid_there = l->gid;
  w.as_root = w.uid_here == 0 && l->uid == 0;
  return w;
}

std::vector<std::string> mounter::kernel_options(const identity& w) const {
  std::vector<std::string> all = options_.for_kernel;
  if (w.as_root) all.push_back("default_permissions");
  if (w.as_root || options_.allow_other) all.push_back("allow_other");
  // A comma would begin another option.
  std::string source = options_.source;
  for (std::size_t at = 0; (at = source.find_first_of("\\,", at)) != source.npos; at += 2)
    source.insert(at, 1, '\\');
  all.push_back("fsname=" + source);
  all.push_back("subtype=sfs");
  return all;
}

void mounter::mount(const export_found& e) {
  files_.emplace(*session_, timing::real(), e.what, login_);
  files_->inodes().store(*files_->inodes().root(), e.root_attributes, {});
  files_->inodes().looked_up(*files_->inodes().root());
  loop_.emplace(*files_);
  mount_settings s;
  s.source = options_.source;
  s.mountpoint = options_.mountpoint;
  s.options = kernel_options(e.what.who);
  s.leased = session_->lease().count() > 0;
  const std::string why = loop_->mount(
      s, [this] { mounted(); }, [this] { unmounted(); });
  if (!why.empty()) give_up(why);
}

void mounter::mounted() {
  background_.begun();
  begun_ = true;
}

// In the background, nobody sees the standard error.
void mounter::tell(const std::string& what) const {
  const std::string text = shown(what);
  async::warn("%s", text.c_str());
  if (begun_ && !options_.foreground) ::syslog(LOG_WARNING, "%s", text.c_str());
}

// By whomever. What was written is brought to the server's disk before the program ends.
void mounter::unmounted() {
  if (std::exchange(ending_, true)) return;
  files_->finish([this] { stop_waiting(); });
  if (ended_) return;
  const bool data = !files_->unstored().empty();
  async::delaycb(data ? data_patience : names_patience, async::wrap(this, &mounter::stop_waiting));
  if (data) async::delaycb(silently, async::wrap(this, &mounter::say_what_is_left));
}

void mounter::say_what_is_left() const {
  const auto files = files_->unstored();
  if (files.empty()) return;
  tell("what was written to " + list_of(files) + " is not yet on the server's disk; trying for " +
       std::to_string(data_patience.count()) + " s; another signal ends it");
}

// All is done, or enough was waited for it.
void mounter::stop_waiting() {
  if (ended_) return;
  const auto lost = files_->unstored();
  if (!lost.empty())
    tell("lost, for the server has it not on its disk: what was written to " + list_of(lost));
  if (files_->has_hidden())
    tell("files that were removed while they were open are left on the server, as .sfs...");
  end(lost.empty() ? 0 : 1);
}

// Asked a second time, it ends at once.
void mounter::asked_to_end() {
  if (!files_) return end(1);
  if (ending_) return stop_waiting();
  loop_->unmount();
  unmounted();
}

void mounter::give_up(const std::string& why) {
  if (!std::exchange(ending_, true))
    async::warn("%s: %s", shown(options_.source).c_str(), shown(why).c_str());
  end(1);
}

void mounter::failed(const std::string& why) {
  if (!files_) return give_up(why);
  tell(why);
}

void mounter::end(int status) {
  status_ = status;
  ended_ = true;
  async::stop();
}

}  // namespace sfs
