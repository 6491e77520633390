// mknod(), mknodat().
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "tests/interop/posix/create.h"

namespace posix {
namespace {

maker by_mknod(type t) {
  return {std::string("mknod of ") + name_of(t), t, [t](const char* p, mode_t m) {
            return mknod(p, format_of(t) | m, t == type::block ? makedev(7, 200) : makedev(1, 3));
          }};
}

const std::vector<type> for_all{type::regular, type::fifo, type::socket};

std::vector<type> types_here() { return every_type_but({type::directory, type::symlink}); }

std::vector<path_call> calls() {
  std::vector<path_call> all;
  for (type t : for_all) all.push_back(path_calls(by_mknod(t)).front());
  return all;
}

CASE(mknod, bad_paths) { check_bad_paths(calls()); }
ROOT_CASE(mknod, search_permission) { check_search(calls()); }
CASE(mknod, read_only) { check_read_only(calls()); }
ROOT_CASE(mknod, parent_permission) {
  for (type t : for_all) check_parent_of(by_mknod(t));
}
CASE(mknod, modes) {
  for (type t : types_here()) check_modes(by_mknod(t));
}
CASE(mknod, birth) {
  for (type t : types_here()) {
    check_birth(by_mknod(t));
    CHECK(remove_tree("d"));
  }
}
ROOT_CASE(mknod, owners) {
  for (type t : for_all) check_owners(by_mknod(t));
}
CASE(mknod, existing) { check_existing(by_mknod(type::regular)); }
CASE(mknod, existing_fifo) { check_existing(by_mknod(type::fifo)); }
CASE(mknod, existing_socket) { check_existing(by_mknod(type::socket)); }
ROOT_CASE(mknod, existing_block_device) {
  if (!lacks(feature::devices)) check_existing(by_mknod(type::block));
}
ROOT_CASE(mknod, existing_character_device) {
  if (!lacks(feature::devices)) check_existing(by_mknod(type::character));
}

ROOT_CASE(mknod, keeps_device_numbers) {
  if (lacks(feature::devices)) return;
  for (type t : {type::block, type::character}) {
    for (unsigned major : {0u, 1u, 7u, 127u, 255u, 256u, 511u}) {
      for (unsigned minor : {0u, 1u, 3u, 255u, 256u, 65535u, 65536u, 0x3ffffu}) {
        context of{name_of(t), ' ', major, ':', minor};
        if (t == type::character && major == 0 && minor == 0) continue;  // overlayfs's whiteout
        WORKS(mknod("f", format_of(t) | 0640, makedev(major, minor)));
        struct stat s = look("f");
        EQUAL(s.st_mode, format_of(t) | 0640);
        EQUAL(gnu_dev_major(s.st_rdev), major);
        EQUAL(gnu_dev_minor(s.st_rdev), minor);
        EQUAL(s.st_size, 0);
        MUST(unlink("f"));
      }
    }
  }
}

ROOT_CASE(mknod, devices_only_by_root) {
  make(type::directory, "d", 0777);
  for (const user& u : four_users) {
    watch({{"d", nothing}}, [&] {
      as(u, [] {
        FAILS(EPERM, mknod("d/f", S_IFBLK | 0666, makedev(7, 200)));
        FAILS(EPERM, mknod("d/f", S_IFCHR | 0666, makedev(1, 3)));
      });
    });
    CHECK(!exists("d/f"));
    as(u, [] {
      for (type t : for_all) {
        context of{name_of(t)};
        WORKS(mknod("d/f", format_of(t) | 0666, 0));
        EQUAL(look("d/f").st_mode, format_of(t) | 0666);
        WORKS(unlink("d/f"));
      }
    });
  }
}

CASE(mknod, format_zero_is_a_regular_file) {
  WORKS(mknod("f", 0640, 0));
  EQUAL(look("f").st_mode, S_IFREG | 0640u);
  FAILS(EPERM, mknod("g", S_IFDIR | 0755, 0));
  FAILS(EINVAL, mknod("g", S_IFLNK | 0755, 0));
  FAILS(EINVAL, mknod("g", 0170000 | 0644, 0));
  CHECK(!exists("g"));
  write_file("f", "content");
  EQUAL(read_file("f"), "content");
}

sockaddr_un address_of(const char* path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  strcpy(a.sun_path, path);
  return a;
}

int bind_to(int fd, const char* path) {
  sockaddr_un a = address_of(path);
  return bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a);
}

int connect_to(int fd, const char* path) {
  sockaddr_un a = address_of(path);
  return connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a);
}

CASE(mknod, sockets_by_bind) {
  MUST(mkdir("d", 0755));
  int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
  umask(022);
  watch({{"d", both}}, [&] { WORKS(bind_to(server, "d/s")); });
  umask(0);
  EQUAL(look("d/s").st_mode, S_IFSOCK | 0755u);
  FAILS(ENXIO, open("d/s", O_RDWR));
  FAILS(ECONNREFUSED, connect_to(client, "d/s"));
  WORKS(listen(server, 1));
  WORKS(connect_to(client, "d/s"));
  int another = socket(AF_UNIX, SOCK_STREAM, 0);
  FAILS(EADDRINUSE, bind_to(another, "d/s"));
  WORKS(rename("d/s", "d/t"));
  int second = socket(AF_UNIX, SOCK_STREAM, 0);
  FAILS(ENOENT, connect_to(another, "d/s"));
  WORKS(unlink("d/t"));
  FAILS(ENOENT, connect_to(second, "d/t"));
}

}  // namespace
}  // namespace posix
