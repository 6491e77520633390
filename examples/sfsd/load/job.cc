// See job.h.
#include "examples/sfsd/load/job.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "async/err.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/load/setup.h"

namespace sfs {
namespace {

// A number that looks as if it had been drawn at random, always the same for the same two.
std::uint64_t scattered(std::uint32_t xid, unsigned connection) noexcept {
  std::uint64_t x = (std::uint64_t{connection} << 32 | xid) + 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

void expect_ok(operation o, bool decoded, nfsstat3 status) {
  const std::string name(name_of(o));
  if (!decoded) async::fatal("the result of a %s makes no sense", name.c_str());
  if (status != NFS3_OK) async::fatal("a %s failed: %s", name.c_str(), status_text(status).c_str());
}

// A job whose calls are all the same operation.
class simple_job : public load_job {
 public:
  simple_job(operation o, load_files& f) noexcept : operation_(o), files_(f) {}
  operation what(std::uint32_t) const noexcept override { return operation_; }
  std::uint32_t bytes_moved(std::uint32_t) const noexcept override { return 0; }

 protected:
  template <class Args>
  void append_nfs(std::vector<std::uint8_t>& to, std::uint32_t xid, std::uint32_t procedure,
                  bool_t (*routine)(XDR*, Args*), Args& args) const {
    append_call(to, xid, NFS_PROGRAM, procedure, routine, args, files_.user);
  }
  template <class Result>
  void decode(Result& result, const_bytes results) const {
    const bool decoded = result.decode(results);
    expect_ok(operation_, decoded, result->status);
  }

  operation operation_;
  load_files& files_;
};

// Reads the file from end to end, each connection from another place, or anywhere in it.
class read_job final : public simple_job {
 public:
  enum class order : std::uint8_t { sequential, random };
  read_job(load_files& f, std::uint32_t size, order o) noexcept
      : simple_job(operation::read, f), size_(size), order_(o) {}

  void append(std::vector<std::uint8_t>& to, std::uint32_t xid) override {
    READ3args args{as_handle(files_.file), offset(xid), size_};
    append_nfs(to, xid, NFSPROC3_READ, xdr_READ3args, args);
  }

  void check(std::uint32_t xid, const_bytes results) override {
    xdr_value<READ3res, xdr_READ3res> res;
    decode(res, results);
    const auto& data = res->READ3res_u.resok.data;
    if (data.data_len != size_ ||
        std::memcmp(data.data_val, files_.content.data() + offset(xid), size_) != 0)
      async::fatal("a READ gave something else than the file");
  }

  std::uint32_t bytes_moved(std::uint32_t) const noexcept override { return size_; }

 private:
  std::uint64_t offset(std::uint32_t xid) const noexcept {
    const std::uint64_t there = files_.content.size() / size_;
    const std::uint64_t first = there / files_.connections * files_.number;
    return (order_ == order::random ? scattered(xid, files_.number) : first + xid) % there * size_;
  }

  std::uint32_t size_;
  order order_;
};

class getattr_job final : public simple_job {
 public:
  explicit getattr_job(load_files& f) noexcept : simple_job(operation::getattr, f) {}

  void append(std::vector<std::uint8_t>& to, std::uint32_t xid) override {
    GETATTR3args args{as_handle(files_.file)};
    append_nfs(to, xid, NFSPROC3_GETATTR, xdr_GETATTR3args, args);
  }

  void check(std::uint32_t, const_bytes results) override {
    xdr_value<GETATTR3res, xdr_GETATTR3res> res;
    decode(res, results);
    if (res->GETATTR3res_u.obj_attributes.size != files_.content.size())
      async::fatal("a GETATTR gave something else than the file's size");
  }
};

class lookup_job final : public simple_job {
 public:
  explicit lookup_job(load_files& f) noexcept : simple_job(operation::lookup, f) {}

  void append(std::vector<std::uint8_t>& to, std::uint32_t xid) override {
    LOOKUP3args args{{as_handle(files_.directory), as_name(files_.name)}};
    append_nfs(to, xid, NFSPROC3_LOOKUP, xdr_LOOKUP3args, args);
  }

  void check(std::uint32_t, const_bytes results) override {
    xdr_value<LOOKUP3res, xdr_LOOKUP3res> res;
    decode(res, results);
  }
};

class commit_job final : public simple_job {
 public:
  explicit commit_job(load_files& f) noexcept : simple_job(operation::commit, f) {}

  void append(std::vector<std::uint8_t>& to, std::uint32_t xid) override {
    COMMIT3args args{as_handle(files_.own), 0, 0};
    append_nfs(to, xid, NFSPROC3_COMMIT, xdr_COMMIT3args, args);
  }

  void check(std::uint32_t, const_bytes results) override {
    xdr_value<COMMIT3res, xdr_COMMIT3res> res;
    decode(res, results);
  }
};

// Writes the connection's own file, so that it becomes a copy of the first `units` pieces of the
// content; and then again from the start.
class write_job final : public simple_job {
 public:
  write_job(load_files& f, std::uint32_t size, std::uint64_t units) noexcept
      : simple_job(operation::write, f),
        size_(size),
        units_(std::min<std::uint64_t>(units, f.content.size() / size)),
        commit_(f) {}

  void append(std::vector<std::uint8_t>& to, std::uint32_t xid) override {
    append_write(to, xid, files_.user, {as_handle(files_.own), offset(xid), size_, UNSTABLE, size_},
                 files_.content.subspan(offset(xid), size_));
  }

  void check(std::uint32_t, const_bytes results) override {
    xdr_value<WRITE3res, xdr_WRITE3res> res;
    decode(res, results);
    if (res->WRITE3res_u.resok.count != size_) async::fatal("a WRITE took only a part");
  }

  std::uint32_t bytes_moved(std::uint32_t) const noexcept override { return size_; }
  load_job* last() noexcept override { return &commit_; }

 private:
  std::uint64_t offset(std::uint32_t xid) const noexcept { return xid % units_ * size_; }

  std::uint32_t size_;
  std::uint64_t units_;
  commit_job commit_;
};

// Each slot makes a file of its own and removes it again.
class create_job final : public load_job {
 public:
  create_job(load_files& f, unsigned window)
      : files_(f),
        window_(window),
        prefix_("sfsload-" + std::to_string(::getpid()) + "-" + std::to_string(f.number) + "-") {}

  operation what(std::uint32_t xid) const noexcept override {
    return xid / window_ % 2 == 0 ? operation::create : operation::remove;
  }
  std::uint32_t bytes_moved(std::uint32_t) const noexcept override { return 0; }

  void append(std::vector<std::uint8_t>& to, std::uint32_t xid) override {
    const std::string name = prefix_ + std::to_string(xid % window_);
    const diropargs3 where{as_handle(files_.directory), as_name(name)};
    if (what(xid) == operation::remove) {
      REMOVE3args args{where};
      append_call(to, xid, NFS_PROGRAM, NFSPROC3_REMOVE, xdr_REMOVE3args, args, files_.user);
      return;
    }
    CREATE3args args{where, {}};
    args.how.mode = UNCHECKED;
    args.how.createhow3_u.obj_attributes = new_file_attributes();
    append_call(to, xid, NFS_PROGRAM, NFSPROC3_CREATE, xdr_CREATE3args, args, files_.user);
  }

  void check(std::uint32_t xid, const_bytes results) override {
    if (what(xid) == operation::create) {
      xdr_value<new_object_res, xdr_new_object_res> res;
      const bool decoded = res.decode(results);
      expect_ok(operation::create, decoded, res->status);
    } else {
      xdr_value<wcc_res, xdr_wcc_res> res;
      const bool decoded = res.decode(results);
      expect_ok(operation::remove, decoded, res->status);
    }
  }

 private:
  load_files& files_;
  unsigned window_;
  std::string prefix_;
};

// Of a hundred calls: 80 READs, 10 GETATTRs, 5 LOOKUPs, 5 WRITEs.
class mixed_job final : public load_job {
 public:
  mixed_job(load_files& f, std::uint32_t size) noexcept
      : number_(f.number),
        read_(f, size, read_job::order::sequential),
        getattr_(f),
        lookup_(f),
        write_(f, size, written_units) {}

  operation what(std::uint32_t xid) const noexcept override { return part(xid).what(xid); }
  void append(std::vector<std::uint8_t>& to, std::uint32_t xid) override {
    part(xid).append(to, xid);
  }
  void check(std::uint32_t xid, const_bytes results) override { part(xid).check(xid, results); }
  std::uint32_t bytes_moved(std::uint32_t xid) const noexcept override {
    return part(xid).bytes_moved(xid);
  }

 private:
  // So that eight connections do not fill a small disk.
  static constexpr std::uint64_t written_units = 64;

  const load_job& part(std::uint32_t xid) const noexcept {
    const std::uint64_t draw = scattered(xid, number_) % 100;
    if (draw < 80) return read_;
    if (draw < 90) return getattr_;
    if (draw < 95) return lookup_;
    return write_;
  }
  load_job& part(std::uint32_t xid) noexcept {
    return const_cast<load_job&>(std::as_const(*this).part(xid));
  }

  unsigned number_;
  read_job read_;
  getattr_job getattr_;
  lookup_job lookup_;
  write_job write_;
};

}  // namespace

std::string_view name_of(operation o) noexcept {
  constexpr std::string_view names[operations] = {"READ",   "GETATTR", "LOOKUP", "WRITE",
                                                  "CREATE", "REMOVE",  "COMMIT"};
  return names[static_cast<std::size_t>(o)];
}

bool needs_own_file(load_kind k) noexcept { return k == load_kind::write || k == load_kind::mix; }

replies replies_of(const load_options& o) noexcept {
  const bool one_length =
      o.kind == load_kind::read || o.kind == load_kind::random_read || o.kind == load_kind::getattr;
  return one_length && o.check_every > 1 ? replies::of_one_length : replies::of_any_length;
}

std::unique_ptr<load_job> make_job(const load_options& o, load_files& files) {
  switch (o.kind) {
    case load_kind::read:
      return std::make_unique<read_job>(files, o.size, read_job::order::sequential);
    case load_kind::random_read:
      return std::make_unique<read_job>(files, o.size, read_job::order::random);
    case load_kind::write:
      return std::make_unique<write_job>(files, o.size, UINT64_MAX);
    case load_kind::create:
      return std::make_unique<create_job>(files, o.window);
    case load_kind::mix:
      return std::make_unique<mixed_job>(files, o.size);
    case load_kind::getattr:
    case load_kind::idle:
      break;
  }
  return std::make_unique<getattr_job>(files);
}

}  // namespace sfs
