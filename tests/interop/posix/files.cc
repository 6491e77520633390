// Files of each type, and what is known of them.
#include "tests/interop/posix/files.h"

#include <dirent.h>
#include <sys/sysmacros.h>

#include <algorithm>

namespace posix {
namespace {

bool remove_at(int parent, const char* name);

bool empty_at(int parent, const char* name) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0) {
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  if (fd < 0) return false;
  if (geteuid() != 0) fchmod(fd, 0700);
  DIR* dir = fdopendir(fd);
  std::vector<std::string> names;
  while (dirent* entry = readdir(dir)) {
    std::string found = entry->d_name;
    if (found != "." && found != "..") names.push_back(found);
  }
  bool all = true;
  for (const auto& n : names) all = remove_at(fd, n.c_str()) && all;
  closedir(dir);
  return all;
}

bool remove_at(int parent, const char* name) {
  if (unlinkat(parent, name, 0) == 0) return true;
  return empty_at(parent, name) && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

}  // namespace

std::vector<type> every_type() { return every_type_but({}); }

std::vector<type> every_type_but(std::initializer_list<type> unwanted) {
  std::vector<type> all{type::regular, type::directory, type::fifo, type::socket, type::symlink};
  if (geteuid() == 0 && has(feature::devices)) {
    all.insert(all.end(), {type::block, type::character});
  }
  for (type t : unwanted) std::erase(all, t);
  return all;
}

const char* name_of(type t) {
  switch (t) {
    case type::regular:
      return "a regular file";
    case type::directory:
      return "a directory";
    case type::fifo:
      return "a FIFO";
    case type::socket:
      return "a socket";
    case type::block:
      return "a block device";
    case type::character:
      return "a character device";
    case type::symlink:
      return "a symbolic link";
  }
  return "";
}

mode_t format_of(type t) {
  switch (t) {
    case type::regular:
      return S_IFREG;
    case type::directory:
      return S_IFDIR;
    case type::fifo:
      return S_IFIFO;
    case type::socket:
      return S_IFSOCK;
    case type::block:
      return S_IFBLK;
    case type::character:
      return S_IFCHR;
    case type::symlink:
      return S_IFLNK;
  }
  return 0;
}

void make(type t, const std::string& path, mode_t mode) {
  const char* p = path.c_str();
  if (t == type::symlink) {
    MUST(symlink("nowhere", p));
    return;
  }
  if (t == type::directory) {
    MUST(mkdir(p, mode));
  } else if (t == type::regular) {
    int fd = open(p, O_WRONLY | O_CREAT | O_EXCL, 0600);
    MUST(fd);
    close(fd);
  } else {
    MUST(mknod(p, format_of(t) | mode, t == type::block ? makedev(7, 200) : makedev(1, 3)));
  }
  MUST(chmod(p, mode));  // also the bits that umask or the creation take away
}

void make(type t, const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
  make(t, path, mode);
  MUST(lchown(path.c_str(), uid, gid));
  if (t != type::symlink) MUST(chmod(path.c_str(), mode));  // lchown() clears the set-id bits
}

void unmake(type t, const std::string& path) {
  MUST(t == type::directory ? rmdir(path.c_str()) : unlink(path.c_str()));
}

void write_file(const std::string& path, const std::string& content, mode_t mode) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  MUST(fd);
  ssize_t n = write(fd, content.data(), content.size());
  MUST(n == static_cast<ssize_t>(content.size()) ? 0 : -1);
  MUST(fchmod(fd, mode));
  MUST(close(fd));
}

std::string read_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY);
  MUST(fd);
  std::string all;
  char piece[65536];
  ssize_t n;
  while ((n = read(fd, piece, sizeof piece)) > 0) all.append(piece, static_cast<std::size_t>(n));
  MUST(n);
  close(fd);
  return all;
}

std::string read_link(const std::string& path) {
  char target[8192];
  ssize_t n = readlink(path.c_str(), target, sizeof target);
  MUST(n);
  return {target, static_cast<std::size_t>(n)};
}

struct stat look(const std::string& path) {
  struct stat s {};
  MUST(lstat(path.c_str(), &s));
  return s;
}

bool exists(const std::string& path) {
  struct stat s;
  return lstat(path.c_str(), &s) == 0;
}

mode_t mode_of(const std::string& path) { return look(path).st_mode & 07777; }

std::vector<std::string> names_in(const std::string& path) {
  DIR* dir = opendir(path.c_str());
  MUST(dir ? 0 : -1);
  std::vector<std::string> names;
  while (dirent* entry = readdir(dir)) {
    std::string found = entry->d_name;
    if (found != "." && found != "..") names.push_back(found);
  }
  closedir(dir);
  std::ranges::sort(names);
  return names;
}

bool remove_tree(const std::string& path) { return remove_at(AT_FDCWD, path.c_str()); }

long name_max() {
  long n = pathconf(".", _PC_NAME_MAX);
  MUST(n);
  return n;
}

}  // namespace posix
