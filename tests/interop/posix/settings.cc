// The features that --without takes away.
#include "tests/interop/posix/settings.h"

namespace posix {

settings& given() {
  static settings all;
  return all;
}

const std::vector<feature_words>& features() {
  static const std::vector<feature_words> all{
      {feature::any_bytes, "any-bytes", "names of any bytes, also such that are no UTF-8"},
      {feature::big_files, "big-files", "files of more than 4 GiB"},
      {feature::devices, "devices", "mknod() of devices by root"},
      {feature::dir_links, "dir-links", "link counts of directories that count their directories"},
      {feature::entry_numbers, "entry-numbers", "d_ino as in st_ino"},
      {feature::etxtbsy, "etxtbsy", "ETXTBSY for a program that runs"},
      {feature::exec, "exec", "running programs"},
      {feature::immutable, "immutable", "the flags of chattr: skipped anyway where ioctl() fails"},
      {feature::links, "links", "hard links"},
      {feature::locks, "locks", "fcntl() locks and flock()"},
      {feature::nameless, "nameless", "open unlinked files that keep no name in their directory"},
      {feature::open_unlinked, "open-unlinked", "every call on the descriptor of an unlinked file"},
      {feature::post_2038, "post-2038", "times after 2038"},
      {feature::pre_1970, "pre-1970", "times before 1970"},
      {feature::rename_ctime, "rename-ctime", "rename() moves the renamed file's ctime"},
      {feature::root_chown_clears, "root-chown-clears", "chown() by root clears set-id bits"},
      {feature::seekdir, "seekdir", "seekdir() to any place that telldir() told"},
      {feature::set_id, "set-id", "the clearing of set-id bits by writing"},
      {feature::shared_maps, "shared-maps", "mmap() with MAP_SHARED, writable"},
      {feature::sparse, "sparse", "holes that take no blocks"},
      {feature::unlinked_nlink, "unlinked-nlink", "a link count of 0 for an open unlinked file"},
  };
  return all;
}

}  // namespace posix
