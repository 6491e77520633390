// See retry.h.
#include "examples/sfsd/client/retry.h"

#include <algorithm>

#include "examples/sfsd/client/calls.h"

namespace sfs {
namespace {

using byte_vector = std::vector<std::uint8_t>;

bytes bytes_in(byte_vector& v) noexcept { return v; }

byte_vector copy_of(const char* data, std::size_t size) { return {data, data + size}; }

bool is_guarded(const_bytes arguments) {
  xdr_value<CREATE3args, xdr_CREATE3args> args;
  return args.decode(arguments) && number_in(args->how.mode) == GUARDED;
}

}  // namespace

bool is_suspect(std::uint32_t procedure, const_bytes arguments, const_bytes results) {
  if (results.size() < 4) return false;
  const std::uint32_t status = load_be32(results.data());
  switch (procedure) {
    case NFSPROC3_REMOVE:
    case NFSPROC3_RMDIR:
    case NFSPROC3_RENAME:
      return status == NFS3ERR_NOENT;
    case NFSPROC3_MKDIR:
    case NFSPROC3_SYMLINK:
    case NFSPROC3_MKNOD:
    case NFSPROC3_LINK:
      return status == NFS3ERR_EXIST;
    case NFSPROC3_CREATE:
      return status == NFS3ERR_EXIST && is_guarded(arguments);
    default:
      return false;
  }
}

retry_check::retry_check(std::uint32_t procedure, const_bytes arguments, const_bytes results)
    : procedure_(procedure), results_(results.begin(), results.end()) {
  if (procedure_ == NFSPROC3_REMOVE || procedure_ == NFSPROC3_RMDIR) {
    store_be32(results_.data(), NFS3_OK);  // what follows the status stays as it is
  } else if (decode_arguments(arguments)) {
    step_ = step::look_up;
  }
}

// Takes from the arguments which name must now be there, and what it must be.
bool retry_check::decode_arguments(const_bytes arguments) {
  const auto take_name = [this](const diropargs3& where) {
    directory_ = copy_of(where.dir.data.data_val, where.dir.data.data_len);
    name_ = copy_of(where.name.filename3_val, where.name.filename3_len);
  };
  xdr_value<CREATE3args, xdr_CREATE3args> create;
  xdr_value<MKDIR3args, xdr_MKDIR3args> mkdir;
  xdr_value<SYMLINK3args, xdr_SYMLINK3args> symlink;
  xdr_value<MKNOD3args, xdr_MKNOD3args> mknod;
  xdr_value<LINK3args, xdr_LINK3args> link;
  xdr_value<RENAME3args, xdr_RENAME3args> rename;
  switch (procedure_) {
    case NFSPROC3_CREATE:
      if (!create.decode(arguments)) return false;
      take_name(create->where);
      return true;
    case NFSPROC3_MKDIR:
      if (!mkdir.decode(arguments)) return false;
      take_name(mkdir->where);
      type_ = NF3DIR;
      return true;
    case NFSPROC3_SYMLINK:
      if (!symlink.decode(arguments)) return false;
      take_name(symlink->where);
      target_ = copy_of(symlink->symlink.symlink_data.nfspath3_val,
                        symlink->symlink.symlink_data.nfspath3_len);
      type_ = NF3LNK;
      return true;
    case NFSPROC3_MKNOD:
      if (!mknod.decode(arguments)) return false;
      take_name(mknod->where);
      type_ = number_in(mknod->what.type);
      if (type_ == NF3BLK || type_ == NF3CHR) device_ = mknod->what.mknoddata3_u.device.spec;
      return true;
    case NFSPROC3_LINK:
      if (!link.decode(arguments)) return false;
      take_name(link->link);
      file_ = copy_of(link->file.data.data_val, link->file.data.data_len);
      return true;
    default:
      if (!rename.decode(arguments)) return false;
      take_name(rename->to);
      return true;
  }
}

std::optional<retry_check::question> retry_check::next() {
  LOOKUP3args look_up{{as_handle(bytes_in(directory_)),
                       {static_cast<u_int>(name_.size()), reinterpret_cast<char*>(name_.data())}}};
  GETATTR3args found{as_handle(bytes_in(found_))}, file{as_handle(bytes_in(file_))};
  READLINK3args read{as_handle(bytes_in(found_))};
  switch (step_) {
    case step::look_up:
      return question{NFSPROC3_LOOKUP, encoded(xdr_LOOKUP3args, look_up)};
    case step::found_attributes:
      return question{NFSPROC3_GETATTR, encoded(xdr_GETATTR3args, found)};
    case step::file_attributes:
      return question{NFSPROC3_GETATTR, encoded(xdr_GETATTR3args, file)};
    case step::read_link:
      return question{NFSPROC3_READLINK, encoded(xdr_READLINK3args, read)};
    case step::done:
      break;
  }
  return std::nullopt;
}

void retry_check::answered(const_bytes results) {
  switch (step_) {
    case step::look_up:
      return name_found(results);
    case step::found_attributes:
    case step::file_attributes:
      return attributes_found(results);
    case step::read_link:
      return target_found(results);
    case step::done:
      return;
  }
}

void retry_check::name_found(const_bytes results) {
  step_ = step::done;
  xdr_value<LOOKUP3res, xdr_LOOKUP3res> res;
  if (!res.decode(results) || number_in(res->status) != NFS3_OK) return;
  const LOOKUP3resok& ok = res->LOOKUP3res_u.resok;
  found_ = copy_of(ok.object.data.data_val, ok.object.data.data_len);
  found_attributes_ = ok.obj_attributes;
  directory_attributes_ = ok.dir_attributes;
  if (procedure_ == NFSPROC3_RENAME) return succeed_rename();
  if (!found_attributes_.attributes_follow) {
    step_ = step::found_attributes;
  } else {
    judge();
  }
}

void retry_check::attributes_found(const_bytes results) {
  const bool of_found = step_ == step::found_attributes;
  step_ = step::done;
  xdr_value<GETATTR3res, xdr_GETATTR3res> res;
  if (!res.decode(results) || number_in(res->status) != NFS3_OK) return;
  post_op_attr& where = of_found ? found_attributes_ : file_attributes_;
  where.attributes_follow = TRUE;
  where.post_op_attr_u.attributes = res->GETATTR3res_u.obj_attributes;
  judge();
}

// The found file's attributes are known: is it what the call was to make?
void retry_check::judge() {
  const fattr3& found = found_attributes_.post_op_attr_u.attributes;
  if (procedure_ == NFSPROC3_LINK) {
    if (!file_attributes_.attributes_follow) {
      step_ = step::file_attributes;
      return;
    }
    const fattr3& file = file_attributes_.post_op_attr_u.attributes;
    if (found.fileid == file.fileid && found.fsid == file.fsid) succeed_link();
    return;
  }
  if (number_in(found.type) != type_) return;
  const bool is_device = type_ == NF3BLK || type_ == NF3CHR;
  if (is_device &&
      (found.rdev.specdata1 != device_.specdata1 || found.rdev.specdata2 != device_.specdata2))
    return;
  if (procedure_ != NFSPROC3_SYMLINK) return succeed_new_object();
  step_ = step::read_link;
}

void retry_check::target_found(const_bytes results) {
  step_ = step::done;
  xdr_value<READLINK3res, xdr_READLINK3res> res;
  if (!res.decode(results) || number_in(res->status) != NFS3_OK) return;
  const nfspath3& data = res->READLINK3res_u.resok.data;
  if (copy_of(data.nfspath3_val, data.nfspath3_len) == target_) succeed_new_object();
}

void retry_check::succeed_new_object() {
  new_object_res res{};
  res.status = NFS3_OK;
  new_object& ok = res.new_object_res_u.resok;
  ok.obj.handle_follows = TRUE;
  ok.obj.post_op_fh3_u.handle = as_handle(bytes_in(found_));
  ok.obj_attributes = found_attributes_;
  ok.dir_wcc.after = directory_attributes_;
  results_ = encoded(xdr_new_object_res, res);
}

void retry_check::succeed_link() {
  LINK3res res{};
  res.status = NFS3_OK;
  res.file_attributes = found_attributes_;
  res.linkdir_wcc.after = directory_attributes_;
  results_ = encoded(xdr_LINK3res, res);
}

// The answer's own attributes of the directories are as good as any.
void retry_check::succeed_rename() { store_be32(results_.data(), NFS3_OK); }

}  // namespace sfs
