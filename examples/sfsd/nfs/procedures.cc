// The NFS procedures by their numbers: see procedures.h.
#include "examples/sfsd/nfs/procedures.h"

#include <iterator>

#include "examples/sfsd/nfs/changes.h"
#include "examples/sfsd/nfs/readdir.h"
#include "examples/sfsd/nfs/serve.h"

namespace sfs {
namespace {

// A READ or a WRITE whose arguments do not decode ends up here; one that does, in data.cc.
rpc_accept garbage(const call_context&, const_bytes, bytes, std::size_t&) {
  return rpc_accept::garbage_args;
}

template <class Args, auto DecodeArgs, class Result, auto EncodeResult,
          void (*Work)(const call_context&, Args&, Result&)>
constexpr procedure reading(std::size_t max_results = small_results) {
  return {max_results, serve<does::read, Args, DecodeArgs, Result, EncodeResult, Work>, false};
}

template <class Args, auto DecodeArgs, class Result, auto EncodeResult,
          void (*Work)(const call_context&, Args&, Result&)>
constexpr procedure changing() {
  return {small_results, serve<does::change, Args, DecodeArgs, Result, EncodeResult, Work>, true};
}

constexpr procedure procedures[] = {
    /*  0 */ {small_results, do_nothing},
    /*  1 */
    reading<GETATTR3args, xdr_GETATTR3args, GETATTR3res, xdr_GETATTR3res, get_file_attributes>(),
    /*  2 */ changing<SETATTR3args, xdr_SETATTR3args, wcc_res, xdr_wcc_res, set_file_attributes>(),
    /*  3 */ reading<LOOKUP3args, xdr_LOOKUP3args, lookup_result, xdr_LOOKUP3res, look_up>(),
    /*  4 */ reading<ACCESS3args, xdr_ACCESS3args, ACCESS3res, xdr_ACCESS3res, check_access>(),
    /*  5 */
    reading<READLINK3args, xdr_READLINK3args, link_result, xdr_READLINK3res, read_link>(
        small_results + NFS3_MAXPATH),
    /*  6 READ */ {small_results, garbage},
    /*  7 WRITE */ {small_results, garbage},
    /*  8 */ changing<CREATE3args, xdr_CREATE3args, made_result, xdr_new_object_res, create>(),
    /*  9 */
    changing<MKDIR3args, xdr_MKDIR3args, made_result, xdr_new_object_res, make_directory>(),
    /* 10 */ changing<SYMLINK3args, xdr_SYMLINK3args, made_result, xdr_new_object_res, make_link>(),
    /* 11 */ changing<MKNOD3args, xdr_MKNOD3args, made_result, xdr_new_object_res, make_node>(),
    /* 12 */ changing<REMOVE3args, xdr_REMOVE3args, wcc_res, xdr_wcc_res, remove_file>(),
    /* 13 */ changing<REMOVE3args, xdr_REMOVE3args, wcc_res, xdr_wcc_res, remove_directory>(),
    /* 14 */ changing<RENAME3args, xdr_RENAME3args, RENAME3res, xdr_RENAME3res, rename>(),
    /* 15 */ changing<LINK3args, xdr_LINK3args, LINK3res, xdr_LINK3res, link>(),
    /* 16 */
    reading<READDIR3args, xdr_READDIR3args, readdir_result, xdr_READDIR3res, read_directory>(
        small_results + readdir_max_reply),
    /* 17 */
    reading<READDIRPLUS3args, xdr_READDIRPLUS3args, readdirplus_result, xdr_READDIRPLUS3res,
            read_directory_plus>(small_results + readdir_max_reply),
    /* 18 */
    reading<FSSTAT3args, xdr_FSSTAT3args, FSSTAT3res, xdr_FSSTAT3res, file_system_state>(),
    /* 19 */
    reading<FSINFO3args, xdr_FSINFO3args, FSINFO3res, xdr_FSINFO3res, file_system_info>(),
    /* 20 */
    reading<PATHCONF3args, xdr_PATHCONF3args, PATHCONF3res, xdr_PATHCONF3res, path_configuration>(),
    /* 21: twice is as good as once */
    {small_results,
     serve<does::change, COMMIT3args, xdr_COMMIT3args, COMMIT3res, xdr_COMMIT3res, commit>, false},
};

}  // namespace

const procedure* nfs_procedure(std::uint32_t number) noexcept {
  return number < std::size(procedures) ? &procedures[number] : nullptr;
}

}  // namespace sfs
