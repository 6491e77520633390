// See table_names.h.
#include "examples/sfsd/nfs/table_names.h"

#include <fcntl.h>

#include <cerrno>

#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/nfs/node_store.h"
#include "examples/sfsd/nfs/nodes.h"

namespace sfs {
namespace {

constexpr std::uint32_t table_type = 0xffffffff;  // no handle of the kernel's has it

file_identity identity_of(const struct statx& s) noexcept {
  const bool has_birth = (s.stx_mask & STATX_BTIME) != 0;
  return {std::uint64_t{s.stx_dev_major} << 32 | s.stx_dev_minor, s.stx_ino,
          has_birth ? s.stx_btime.tv_sec * 1'000'000'000 + s.stx_btime.tv_nsec : 0};
}

class table_names_impl final : public file_names {
 public:
  table_names_impl(int root, const struct statx& attributes, std::size_t max_nodes)
      : root_(root), nodes_(identity_of(attributes), max_nodes) {}

  // Returns why the file cannot be used, or nothing.
  std::string keep_in(const std::string& file, const struct statx& root) {
    auto store = node_store::open(file, identity_of(root));
    if (!store) return store.why();
    store_ = std::move(*store);
    run_ = store_->run();
    const std::string why = nodes_.keep_in(*store_);
    return why.empty() ? why : file + ": " + why;
  }

  bool any_thread() const noexcept override { return false; }

  nfsstat3 make(const inner_handle& parent, std::string_view name, int,
                const struct statx& attributes, inner_handle& out) override {
    const auto node = nodes_.remember(node_of(parent), name, identity_of(attributes));
    if (!node) return NFS3ERR_JUKEBOX;
    out = handle_of(*node);
    return NFS3_OK;
  }

  // Every node's ancestors are in the table.
  nfsstat3 make_for_ancestor(int, const struct statx& attributes, inner_handle& out) override {
    const auto node = nodes_.find(identity_of(attributes));
    if (!node) return NFS3ERR_STALE;
    out = handle_of(*node);
    return NFS3_OK;
  }

  located open(const inner_handle& handle) override {
    const node_id node = node_of(handle);
    if (node == 0) return located::none(NFS3ERR_STALE);
    const auto known = nodes_.find(node);
    if (!known) return located::none(NFS3ERR_STALE);
    located l;
    l.path_fd = open_beneath(root_, known->path.empty() ? "." : known->path.c_str(), O_PATH);
    if (!l.path_fd) {
      const nfsstat3 why = status_of_errno(errno);
      return located::none(why == NFS3ERR_JUKEBOX ? why : NFS3ERR_STALE);
    }
    if (!get_attributes(l.path_fd.get(), l.attributes))
      return located::none(status_of_errno(errno));
    if (identity_of(l.attributes) != known->identity) return located::none(NFS3ERR_STALE);
    l.name = handle;
    l.status = NFS3_OK;
    return l;
  }

 private:
  inner_handle handle_of(node_id node) const noexcept {
    std::uint8_t bytes[16];
    store_be64(bytes, run_);
    store_be64(bytes + 8, node);
    inner_handle h;
    h.type = table_type;
    h.bytes = decltype(h.bytes)(bytes);
    return h;
  }

  // 0, which is no node, if it is none of this run.
  node_id node_of(const inner_handle& h) const noexcept {
    if (h.type != table_type || h.bytes.size != 16 || load_be64(h.bytes.held) != run_) return 0;
    return load_be64(h.bytes.held + 8);
  }

  int root_;
  std::uint64_t run_ = random_number<std::uint64_t>();
  std::unique_ptr<node_store> store_;
  node_table nodes_;
};

}  // namespace

outcome<std::unique_ptr<file_names>> table_names(int root, const struct statx& root_attributes,
                                                 std::size_t max_nodes, const std::string& file) {
  auto names = std::make_unique<table_names_impl>(root, root_attributes, max_nodes);
  if (!file.empty())
    if (std::string why = names->keep_in(file, root_attributes); !why.empty())
      return failure{std::move(why)};
  return std::unique_ptr<file_names>(std::move(names));
}

}  // namespace sfs
