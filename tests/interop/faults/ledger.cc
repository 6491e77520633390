// See ledger.h.
#include "tests/interop/faults/ledger.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <set>

namespace sfs::faults {

void ledger::is_gone(const std::string& name) {
  names_.erase(name);
  logs_.erase(name);
}

fd_owner ledger::open(const std::string& name, int flags) const {
  return fd_owner(::open((directory_ + "/" + name).c_str(), flags | O_CLOEXEC));
}

void ledger::expect_now(const std::string& name, bool there, std::uint64_t inode,
                        findings& f) const {
  struct stat st;
  const bool is = ::lstat((directory_ + "/" + name).c_str(), &st) == 0;
  if (is != there)
    f.wrong.push_back(called(name) + (there ? "was made and is not there" : "was removed and is"));
  else if (is && inode != 0 && st.st_ino != inode)
    f.wrong.push_back(called(name) + "is another file than the server said");
}

void ledger::check(findings& f) const {
  check_names(f);
  for (const auto& [name, log] : logs_) check_log(name, log, f);
  check_slots(f);
}

void ledger::check_names(findings& f) const {
  std::set<std::string> found;
  if (DIR* const d = ::opendir(directory_.c_str())) {
    while (const dirent* e = ::readdir(d)) found.insert(e->d_name);
    ::closedir(d);
  } else if (!names_.empty()) {
    f.wrong.push_back(called("") + "it cannot be read");
  }
  found.erase(".");
  found.erase("..");
  for (const auto& [name, how] : names_) {
    if (how == presence::there && !found.contains(name))
      f.wrong.push_back(called(name) + "was acknowledged and is not there");
    else if (how == presence::there)
      ++f.names;
    found.erase(name);
  }
  for (const std::string& name : found)
    f.wrong.push_back(called(name) + "is there, but was removed or never made");
}

void ledger::check_log(const std::string& name, const std::map<std::uint64_t, entry>& log,
                       findings& f) const {
  const fd_owner fd = open(name, O_RDONLY);
  const auto known = names_.find(name);
  if (!fd && known != names_.end() && known->second == presence::unsure) return;
  std::vector<std::uint8_t> got;
  for (const auto& [offset, e] : log) {
    if (!e.stable) continue;
    got.assign(e.what.size, 0);
    const ssize_t n =
        fd ? ::pread(fd.get(), got.data(), got.size(), static_cast<off_t>(offset)) : -1;
    if (n == static_cast<ssize_t>(got.size()) && got == content_of(e.what)) {
      ++f.records;
    } else {
      f.wrong.push_back(called(name) + "record " + std::to_string(e.what.sequence) + " at " +
                        std::to_string(offset) + " was acknowledged and is not there");
    }
  }
}

void ledger::check_slots(findings& f) const {
  const fd_owner fd = open(slot_file, O_RDONLY);
  std::vector<std::uint8_t> got(slot_size);
  for (const auto& [number, s] : slots_) {
    if (!s.sure) continue;
    const std::uint64_t at = std::uint64_t{number} * slot_size;
    const ssize_t n = fd ? ::pread(fd.get(), got.data(), got.size(), static_cast<off_t>(at)) : -1;
    const auto r = record_in(const_bytes(got).first(n > 0 ? static_cast<std::size_t>(n) : 0));
    if (r && r->writer == writer_ && r->offset == at && r->sequence >= s.safe &&
        r->sequence <= s.asked) {
      ++f.slots;
    } else {
      f.wrong.push_back(called(slot_file) + "place " + std::to_string(number) + " has " +
                        (r ? "record " + std::to_string(r->sequence) : "nothing whole") +
                        ", not one of " + std::to_string(s.safe) + " to " +
                        std::to_string(s.asked));
    }
  }
}

void ledger::lose_what_may_be_lost() const {
  for (const auto& [name, log] : logs_) {
    const fd_owner fd = open(name, O_WRONLY);
    for (const auto& [offset, e] : log) {
      if (e.stable || !fd) continue;
      struct stat st;
      const std::vector<std::uint8_t> nothing(e.what.size);
      // Only what is there: a file does not become longer by losing something.
      if (::fstat(fd.get(), &st) < 0 || static_cast<std::uint64_t>(st.st_size) <= offset) continue;
      const std::size_t size =
          std::min<std::size_t>(nothing.size(), static_cast<std::uint64_t>(st.st_size) - offset);
      if (::pwrite(fd.get(), nothing.data(), size, static_cast<off_t>(offset)) < 0) return;
    }
  }
}

}  // namespace sfs::faults
