// What there is to be set of the kernel's side of a mount. Serves no stage; blocks for as long as
// it takes to read /proc.
//
// Thread safety: pure functions of the system's state.
// Invariant: they never ask the mounted file system itself, which could not answer.
#pragma once

#include <string>

namespace sfs {

// The number of the device that is mounted there, on top if there are several, as MAJOR:MINOR;
// empty if there is none.
std::string mounted_device(const std::string& mountpoint);

// Empty, or why not to mount there: an export is mounted there already, perhaps one whose program
// has died. (Other file systems may be mounted over: so does mount(8).)
std::string why_occupied(const std::string& mountpoint);

// How far the kernel reads ahead: its default, 128 KiB, is little for a server that is some way
// away. Makes it more, if we may. (When the kernel and the program have agreed: they speak of it
// too.)
void read_ahead(const std::string& device);

// Unmounts it, and has the kernel fail all requests, also those that nobody has read. Does nothing
// if we are not root: others unmount with fusermount3.
void force_unmount(const std::string& mountpoint) noexcept;

// Has the kernel fail all requests of a FUSE mount that is unmounted but still in use: where
// fusectl is mounted, whoever has mounted it may do that.
void abort_requests(const std::string& device);

}  // namespace sfs
