// See file_system.h. Here is how what was written gets to the server.
#include <cerrno>
#include <cstring>

#include "examples/sfsd/mount/file_system.h"

namespace sfs {
namespace {

std::uint64_t number_of(const writeverf3& v) noexcept {
  std::uint64_t n;
  static_assert(sizeof n == sizeof v);
  std::memcpy(&n, v, sizeof n);
  return n;
}

}  // namespace

void file_system::write(const inode_ref& i, const dirty_file::flight& f, stable_how how, done d) {
  const auto arguments = [i, f, how] {
    WRITE3head head{handle_of(i), f.offset, f.size, how, f.size};
    return encoded(xdr_WRITE3head, head);
  };
  const auto data = [i, f] { return i->dirty ? i->dirty->data_of(f) : async::suio(); };
  calls_.make_raw(NFSPROC3_WRITE, {i}, arguments, data, [this, i, f, d](const call_reply& r) {
    xdr_value<WRITE3res, xdr_WRITE3res> res;
    outcome o;
    o.error = calls_.errno_of_reply(r);
    const bool decoded = r.what == call_reply::kind::results && res.decode(r.results);
    const std::uint64_t number = calls_.count_change();
    if (!decoded) {
      inodes_.changed(*i, nullptr, r.token, number);
      if (o.error == 0) o.error = EIO;
      return d(o);
    }
    const auto& ok = res->WRITE3res_u.resok;
    const wcc_data& wcc = o.error == 0 ? ok.file_wcc : res->WRITE3res_u.file_wcc;
    inodes_.changed(*i, attributes_in(wcc), r.token, number);
    if (o.error == 0) {
      o.count = ok.count;
      o.committed = ok.committed != UNSTABLE;
      o.verifier = number_of(ok.verf);
      if (ok.count == 0 || ok.count > f.size) o.error = EIO;
    }
    d(o);
  });
}

void file_system::commit(const inode_ref& i, done d) {
  calls_.make_raw(
      NFSPROC3_COMMIT, {i},
      [i] {
        COMMIT3args args{handle_of(i), 0, 0};
        return encoded(xdr_COMMIT3args, args);
      },
      nullptr,
      [this, i, d](const call_reply& r) {
        xdr_value<COMMIT3res, xdr_COMMIT3res> res;
        outcome o;
        o.error = calls_.errno_of_reply(r);
        if (o.error == 0 && !res.decode(r.results)) o.error = EIO;
        if (o.error == 0) o.verifier = number_of(res->COMMIT3res_u.resok.verf);
        d(o);
      });
}

void file_system::data_lost(inode& i) {
  if (finishing_) refused_.push_back(inodes_.path_of(i));
  i.data_stale = true;
  notifier_.attributes_changed(i);
  notifier_.data_changed(i);
}

}  // namespace sfs
