// See setup.h.
#include "examples/sfsd/load/setup.h"

#include <sys/socket.h>

namespace sfs {

// Makes one call and decodes its result. Empty, or why there is none.
template <class Result, class Args>
std::string load_setup::call(std::uint32_t program, std::uint32_t procedure,
                             bool_t (*routine)(XDR*, Args*), Args& args, Result& result) {
  std::vector<std::uint8_t> message;
  append_call(message, next_xid_++, program, procedure, routine, args, user_);
  const auto answer = exchange(message);
  if (!answer) return answer.why();
  const auto r = parse_reply(*answer);
  if (!r || r->denied || r->status != rpc_accept::success) return "the server denied the call";
  return result.decode(r->results) ? std::string() : "the server's reply makes no sense";
}

outcome<load_setup> load_setup::sealed(const self_certifying_path& path, const client_options& o,
                                       login_signer* signer) {
  auto channel = client_channel::connect(path, o);
  if (!channel) return channel.as_failure();
  load_setup made;
  made.channel_ = std::move(*channel);
  if (signer)
    if (std::string why = made.log_in(*signer); !why.empty()) return failure{std::move(why)};
  return made;
}

std::string load_setup::log_in(login_signer& signer) {
  login_statement statement = channel_->statement();
  statement.sequence = 1;
  auto args = login_arguments(signer, statement);
  if (!args) return args.why();
  xdr_value<LOGINres, xdr_LOGINres> res;
  if (auto why = call(SFS_PROGRAM, SFSPROC_LOGIN, xdr_LOGINargs, *args, res); !why.empty())
    return why;
  if (res->status != LOGIN_OK) return "the server does not know our key";
  user_ = res->LOGINres_u.resok.user;
  return {};
}

outcome<load_setup> load_setup::plain(const server_location& where) {
  auto socket = connect_to(where, {});
  if (!socket) return socket.as_failure();
  load_setup made;
  made.plain_ = std::move(*socket);
  return made;
}

load_wire load_setup::take_wire(replies r) {
  if (channel_) return {channel_->take_apart(), r};
  return {std::move(plain_), r};
}

outcome<const_bytes> load_setup::exchange(const_bytes call) {
  if (!channel_) return exchange_plainly(call);
  if (std::string why = channel_->send(call); !why.empty()) return failure{std::move(why)};
  return channel_->receive();
}

outcome<const_bytes> load_setup::exchange_plainly(const_bytes call) {
  const auto all = [](ssize_t n, std::size_t wanted) {
    return n >= 0 && static_cast<std::size_t>(n) == wanted;
  };
  const int fd = plain_.get();
  if (!all(::send(fd, call.data(), call.size(), MSG_NOSIGNAL), call.size()))
    return failure{system_reason()};
  reply_.clear();
  for (bool last = false; !last;) {
    std::uint8_t mark[record_mark_size];
    if (!all(::recv(fd, mark, sizeof mark, MSG_WAITALL), sizeof mark))
      return failure{"the server does not answer"};
    const std::size_t size = load_be32(mark) & ~last_fragment, before = reply_.size();
    last = (load_be32(mark) & last_fragment) != 0;
    if (before + size > max_reply) return failure{"the server's reply makes no sense"};
    reply_.resize(before + size);
    if (!all(::recv(fd, reply_.data() + before, size, MSG_WAITALL), size))
      return failure{"the server does not answer"};
  }
  return const_bytes(reply_);
}

outcome<file_handle> load_setup::mount(std::string_view directory) {
  std::string name(directory);
  dirpath path{static_cast<u_int>(name.size()), name.data()};
  xdr_value<mountres3, xdr_mountres3> res;
  if (auto why = call(MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath, path, res); !why.empty())
    return failure{std::move(why)};
  if (res->fhs_status != MNT3_OK) return failure{name + ": the server does not let us mount it"};
  const auto& fh = res->mountres3_u.mountinfo.fhandle;
  return file_handle(fh.fhandle3_val, fh.fhandle3_val + fh.fhandle3_len);
}

outcome<file_handle> load_setup::look_up(file_handle& directory, std::string_view name) {
  LOOKUP3args args{{as_handle(directory), as_name(name)}};
  xdr_value<LOOKUP3res, xdr_LOOKUP3res> res;
  if (auto why = call(NFS_PROGRAM, NFSPROC3_LOOKUP, xdr_LOOKUP3args, args, res); !why.empty())
    return failure{std::move(why)};
  if (res->status != NFS3_OK) return failure{std::string(name) + ": " + status_text(res->status)};
  const auto& fh = res->LOOKUP3res_u.resok.object.data;
  return file_handle(fh.data_val, fh.data_val + fh.data_len);
}

outcome<file_handle> load_setup::walk(file_handle from, std::string_view path) {
  outcome<file_handle> at = std::move(from);
  while (at && !path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (!name.empty()) at = look_up(*at, name);
  }
  return at;
}

outcome<std::uint64_t> load_setup::size_of(file_handle& file) {
  GETATTR3args args{as_handle(file)};
  xdr_value<GETATTR3res, xdr_GETATTR3res> res;
  if (auto why = call(NFS_PROGRAM, NFSPROC3_GETATTR, xdr_GETATTR3args, args, res); !why.empty())
    return failure{std::move(why)};
  if (res->status != NFS3_OK) return failure{status_text(res->status)};
  return res->GETATTR3res_u.obj_attributes.size;
}

outcome<file_handle> load_setup::create(file_handle& directory, std::string_view name) {
  CREATE3args args{{as_handle(directory), as_name(name)}, {}};
  args.how.mode = UNCHECKED;
  args.how.createhow3_u.obj_attributes = new_file_attributes();
  xdr_value<new_object_res, xdr_new_object_res> res;
  if (auto why = call(NFS_PROGRAM, NFSPROC3_CREATE, xdr_CREATE3args, args, res); !why.empty())
    return failure{std::move(why)};
  if (res->status != NFS3_OK) return failure{std::string(name) + ": " + status_text(res->status)};
  const auto& object = res->new_object_res_u.resok.obj;
  if (!object.handle_follows) return look_up(directory, name);
  const auto& fh = object.post_op_fh3_u.handle.data;
  return file_handle(fh.data_val, fh.data_val + fh.data_len);
}

sattr3 new_file_attributes() noexcept {
  sattr3 a{};
  a.mode.set_it = TRUE;
  a.mode.set_mode3_u.mode = 0600;
  a.size.set_it = TRUE;
  return a;
}

}  // namespace sfs
