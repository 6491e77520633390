// See remote.h: what changes something, and logging in.
#include <algorithm>

#include "examples/sfsd/client/remote.h"

namespace sfs {
namespace {

constexpr const char* no_sense = "the server's reply makes no sense";

using login_result = xdr_value<LOGINres, xdr_LOGINres>;
using made_result = xdr_value<new_object_res, xdr_new_object_res>;
using changed_result = xdr_value<wcc_res, xdr_wcc_res>;
using rename_result = xdr_value<RENAME3res, xdr_RENAME3res>;
using write_result = xdr_value<WRITE3res, xdr_WRITE3res>;
using commit_result = xdr_value<COMMIT3res, xdr_COMMIT3res>;

diropargs3 entry_of(file_handle& directory, std::string_view name) noexcept {
  return {as_handle(directory), as_name(name)};
}

// Empty, or why the status is none to be glad of.
std::string trouble(nfsstat3 status) {
  return status == NFS3_OK ? std::string() : status_text(status);
}

}  // namespace

outcome<LOGINargs> login_arguments(login_signer& signer, const login_statement& statement) {
  const auto signature = signer.sign(statement);
  if (!signature) return signature.as_failure();
  LOGINargs args{};
  std::copy(signer.who().key.begin(), signer.who().key.end(), args.key);
  std::copy(signature->begin(), signature->end(), args.signature);
  args.sequence = statement.sequence;
  return args;
}

outcome<std::string> remote_files::log_in(login_signer& signer) {
  login_statement statement = channel_->statement();
  statement.sequence = ++last_login_;
  auto args = login_arguments(signer, statement);
  if (!args) return args.as_failure();
  login_result res;
  if (auto why = call(SFS_PROGRAM, SFSPROC_LOGIN, xdr_LOGINargs, *args, res); !why.empty())
    return failure{why};
  if (res->status != LOGIN_OK) return failure{""};
  user_ = res->LOGINres_u.resok.user;
  return std::string(res->LOGINres_u.resok.name);
}

outcome<file_handle> remote_files::create(file_handle& directory, std::string_view name,
                                          unsigned mode) {
  CREATE3args args;
  std::memset(&args, 0, sizeof args);
  args.where = entry_of(directory, name);
  args.how.mode = GUARDED;
  args.how.createhow3_u.obj_attributes.mode = {TRUE, {mode}};
  made_result res;
  if (auto why = call(NFS_PROGRAM, NFSPROC3_CREATE, xdr_CREATE3args, args, res); !why.empty())
    return failure{why};
  if (res->status != NFS3_OK) return failure{status_text(res->status)};
  const auto& made = res->new_object_res_u.resok.obj;
  if (!made.handle_follows) return look_up(directory, name);
  const auto& fh = made.post_op_fh3_u.handle.data;
  return file_handle(fh.data_val, fh.data_val + fh.data_len);
}

// Receives the reply to the first of the WRITEs that are under way: the server answers in order. If
// nothing more can be received, none is under way any more.
std::string remote_files::take_written(std::deque<written>& under_way,
                                       std::optional<std::string>& verifier) {
  const auto answer = channel_->receive();
  const auto r = answer ? parse_reply(*answer) : std::nullopt;
  const written w = under_way.front();
  under_way.pop_front();
  if (!r || r->xid != w.xid) {
    under_way.clear();
    return answer ? no_sense : answer.why();
  }
  if (r->denied || r->status != rpc_accept::success) return rpc_trouble(*r);
  write_result res;
  if (!res.decode(r->results)) return no_sense;
  if (res->status != NFS3_OK) return status_text(res->status);
  const auto& ok = res->WRITE3res_u.resok;
  if (ok.count != w.count) return status_text(NFS3ERR_NOSPC);
  const std::string its(ok.verf, sizeof ok.verf);
  if (verifier && *verifier != its) return "the server may have lost a part of it";
  verifier = its;
  return {};
}

// When something goes wrong it writes no more, but receives what it has asked for, so that the
// channel is good for further calls.
std::string remote_files::write_all(file_handle& file, std::size_t ahead, const giver& give) {
  std::deque<written> under_way;
  std::optional<std::string> verifier;
  std::vector<std::uint8_t> data(NFS3_MAXDATA), message;
  std::uint64_t offset = 0;
  std::string wrong;
  for (bool end = false; !end || !under_way.empty();) {
    if (!end && under_way.size() < ahead) {
      const auto given = give(data);
      if (!given) wrong = given.why();
      const auto count = given ? static_cast<std::uint32_t>(*given) : 0;
      end = count == 0;
      if (end) continue;
      const std::uint32_t xid = next_xid_++;
      message.clear();
      append_write(message, xid, user_, {as_handle(file), offset, count, UNSTABLE, count}, data);
      if (auto why = channel_->send(message); !why.empty()) return why;
      under_way.push_back({xid, count});
      offset += count;
    } else {
      std::string why = take_written(under_way, verifier);
      if (wrong.empty()) wrong = std::move(why);
      end |= !wrong.empty();
    }
  }
  if (!wrong.empty()) return wrong;
  COMMIT3args args{as_handle(file), 0, 0};
  commit_result res;
  if (auto why = call(NFS_PROGRAM, NFSPROC3_COMMIT, xdr_COMMIT3args, args, res); !why.empty())
    return why;
  if (res->status != NFS3_OK) return status_text(res->status);
  const auto& its = res->COMMIT3res_u.resok.verf;
  const bool same = !verifier || std::equal(verifier->begin(), verifier->end(), its);
  return same ? std::string() : "the server may have lost a part of it";
}

std::string remote_files::rename(file_handle& directory, std::string_view from,
                                 std::string_view to) {
  RENAME3args args{entry_of(directory, from), entry_of(directory, to)};
  rename_result res;
  auto why = call(NFS_PROGRAM, NFSPROC3_RENAME, xdr_RENAME3args, args, res);
  return why.empty() ? trouble(res->status) : why;
}

std::string remote_files::remove(file_handle& directory, std::string_view name, bool is_directory) {
  REMOVE3args args{entry_of(directory, name)};
  changed_result res;
  const std::uint32_t procedure = is_directory ? NFSPROC3_RMDIR : NFSPROC3_REMOVE;
  auto why = call(NFS_PROGRAM, procedure, xdr_REMOVE3args, args, res);
  return why.empty() ? trouble(res->status) : why;
}

}  // namespace sfs
