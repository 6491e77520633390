// The procedures that change something: SETATTR, CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR,
// RENAME, LINK, COMMIT. Serves stage 5.
//
// Each is one or a few system calls with the user's identity, on a descriptor of the directory and
// a name of one component, so the kernel decides who may do what, atomically. Names and attributes
// are on the disk when COMMIT or a stable WRITE has returned, or when the file system writes them
// by itself, as for programs on the server's machine.
//
// Thread safety: as export.h says.
// Invariant: what has changed is noted for the leases, also when the call fails in the end.
#pragma once

#include "examples/sfsd/nfs/context.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

// What a call that makes something gives back; the handle is in `handle`.
struct made_result {
  new_object_res res;
  sealed_handle handle;
};

void set_file_attributes(const call_context&, SETATTR3args&, wcc_res&);
void create(const call_context&, CREATE3args&, made_result&);
void make_directory(const call_context&, MKDIR3args&, made_result&);
void make_link(const call_context&, SYMLINK3args&, made_result&);
void make_node(const call_context&, MKNOD3args&, made_result&);
void remove_file(const call_context&, REMOVE3args&, wcc_res&);
void remove_directory(const call_context&, REMOVE3args&, wcc_res&);
void rename(const call_context&, RENAME3args&, RENAME3res&);
void link(const call_context&, LINK3args&, LINK3res&);
void commit(const call_context&, COMMIT3args&, COMMIT3res&);

// Gives a file those attributes that are asked for, as far as the user may. `file` is what it was
// before.
nfsstat3 apply_attributes(const call_context&, const located& file, const sattr3& wanted);

// The attributes that a file had before a change, if nobody else changed it meanwhile, and those it
// has now. `change` was entered before the file was found.
wcc_data changed_from(const located& before, const lone_change& change) noexcept;

}  // namespace sfs
