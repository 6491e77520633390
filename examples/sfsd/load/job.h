// What one connection of a load asks its server for, over and over: how each call is written, and
// what its reply must say. Serves stages 5 and 6.
//
// Calls are told apart by their xid, and a connection that has `window` calls under way has
// `window` slots: call `xid` belongs to the slot xid % window and is its call number xid / window.
// Only jobs whose replies have different lengths may rely on the slot's call before it having been
// answered.
//
// Thread safety: one color (the default color).
// Invariant: what a call is, follows from its xid alone. A reply that is not what it should be ends
// the program.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "examples/sfsd/client/remote.h"
#include "examples/sfsd/load/wire.h"

namespace sfs {

enum class operation : std::uint8_t { read, getattr, lookup, write, create, remove, commit };
inline constexpr std::size_t operations = 7;
std::string_view name_of(operation o) noexcept;

// What `sfsload --op` can be.
enum class load_kind : std::uint8_t { read, random_read, getattr, write, create, mix, idle };
struct named_load {
  std::string_view name;
  load_kind kind;
};
inline constexpr named_load load_names[] = {
    {"read", load_kind::read},       {"random-read", load_kind::random_read},
    {"getattr", load_kind::getattr}, {"write", load_kind::write},
    {"create", load_kind::create},   {"mix", load_kind::mix},
    {"idle", load_kind::idle},
};

struct load_options {
  load_kind kind = load_kind::read;
  std::uint32_t size = 8192;  // of each READ or WRITE
  unsigned window = 32;       // calls under way on one connection
  unsigned check_every = 64;  // replies of one length; 1 checks each
  std::uint64_t calls = 0;    // after which a connection is done; 0: it goes on
};

// What the calls are about.
struct load_files {
  const_bytes content;  // of the file that `name` is on the server; also what is written
  std::string name;     // in the directory
  file_handle directory, file, own;  // `own` is the file of this connection to write to
  std::uint32_t user = 0;            // the credentials (append_call)
  unsigned number = 0;               // of the connection, and of how many
  unsigned connections = 1;
};

class load_job {
 public:
  virtual ~load_job() = default;

  virtual operation what(std::uint32_t xid) const noexcept = 0;

  // Appends the call, its record mark in front.
  virtual void append(std::vector<std::uint8_t>& to, std::uint32_t xid) = 0;

  // `results` is what a successful RPC brought.
  virtual void check(std::uint32_t xid, const_bytes results) = 0;

  // How many bytes of a file the call moves.
  virtual std::uint32_t bytes_moved(std::uint32_t xid) const noexcept = 0;

  // The job of the one call that comes after all others have been answered, or null.
  virtual load_job* last() noexcept { return nullptr; }
};

// Whether the load writes to a file of each connection.
bool needs_own_file(load_kind k) noexcept;
replies replies_of(const load_options& o) noexcept;

// `files` lives at least as long as the job.
std::unique_ptr<load_job> make_job(const load_options& o, load_files& files);

}  // namespace sfs
