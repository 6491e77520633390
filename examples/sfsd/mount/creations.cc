// See file_system.h. Here is what makes new names.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>

#include "examples/sfsd/mount/file_system.h"

namespace sfs {

// While a call is under way that may add the name, and if it has failed, it is not known whether
// the name is there.
file_system::made file_system::adding(const inode_ref& directory, const std::string& name,
                                      made done) {
  ++directory->names_changing;
  return [=, this](int error, async::ptr<inode> child, bool current) {
    --directory->names_changing;
    if (error != 0) inodes_.doubt(*directory, name, error == EEXIST);
    done(error, child, current);
  };
}

// Takes what the reply says of the directory and of the new object. A server need not say what the
// object is: then it is looked up.
template <std::uint32_t Procedure, class Fill>
void file_system::make_object(const inode_ref& directory, const std::string& name, Fill fill,
                              made then) {
  const made done = adding(directory, name, std::move(then));
  calls_.make<Procedure>(
      {directory},
      [directory, name, fill = std::move(fill)](auto& args) mutable {
        args.where = place(directory, name);
        fill(args);
      },
      [this, directory, name, done](answer<Procedure>& a) {
        const std::uint64_t number = calls_.count_change();
        const bool current = inodes_.is_current(*directory, a.token);
        if (!a.results) {
          inodes_.changed(*directory, nullptr, a.token, number);
          return done(a.error, nullptr, false);
        }
        const new_object& ok = a.results->new_object_res_u.resok;
        const wcc_data& wcc = a.error == 0 ? ok.dir_wcc : a.results->new_object_res_u.dir_wcc;
        inodes_.changed(*directory, attributes_in(wcc.after), a.token, number);
        if (a.error != 0) return done(a.error, nullptr, current);
        if (!ok.obj.handle_follows) return look_up_child(directory, name, done);
        const inode_ref child = inodes_.of(bytes_of(ok.obj.post_op_fh3_u.handle));
        with_attributes(child, ok.obj_attributes, a.token, [=, this, token = a.token](int error) {
          if (Procedure == NFSPROC3_MKDIR) inodes_.made_empty(*child, token);
          done(error, child, current);
        });
      });
}

file_system::made file_system::entry_answer(request_ref r, const inode_ref& directory,
                                            const std::string& name) {
  return [this, r, directory, name](int error, async::ptr<inode> child, bool current) {
    if (error != 0) {
      r->error(error);
    } else if (r->entry(entry_for(directory, name, inode_ref(child), current))) {
      inodes_.looked_up(*child);
    }
  };
}

// GUARDED, also for open(2) without O_EXCL: the kernel believes that there is no such file, and if
// there is one, it has to ask who may open it.
void file_system::create_file(const inode_ref& directory, const std::string& name,
                              const sattr3& first, made done) {
  make_object<NFSPROC3_CREATE>(
      directory, name,
      [first](CREATE3args& args) {
        args.how.mode = GUARDED;
        args.how.createhow3_u.obj_attributes = first;
      },
      std::move(done));
}

void file_system::create(request_ref r, std::uint64_t id, std::string_view text, mode_t mode,
                         const fuse_file_info& info) {
  const auto found = needed(*r, id, text);
  if (!found) return;
  const inode_ref directory(found);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  const std::string name(text);
  create_file(directory, name, first_attributes(mode, r->maker(), *directory, what_.who),
              [=, this](int error, async::ptr<inode> child, bool current) {
                if (error != 0) {
                  // The kernel looks again at ESTALE, and then opens what is there.
                  const bool again = error == EEXIST && (info.flags & O_EXCL) == 0;
                  r->error(again ? ESTALE : error);
                  return;
                }
                const inode_ref i(child);
                i->data_stale = false;
                auto handle = std::make_unique<kernel_file::ref>(async::make_ref<kernel_file>(i));
                fuse_file_info f = info;
                f.fh = reinterpret_cast<std::uint64_t>(handle.get());
                f.keep_cache = 1;
                if (!r->created(entry_for(directory, name, i, current), f)) return;
                ++i->opens;
                inodes_.looked_up(*i);
                handle.release();
              });
}

void file_system::make_node(request_ref r, std::uint64_t id, std::string_view text, mode_t mode,
                            dev_t device) {
  const auto found = needed(*r, id, text);
  if (!found) return;
  const inode_ref directory(found);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  const std::string name(text);
  const sattr3 first = first_attributes(mode, r->maker(), *directory, what_.who);
  const made done = entry_answer(r, directory, name);
  if (S_ISREG(mode) || (mode & S_IFMT) == 0) return create_file(directory, name, first, done);
  make_object<NFSPROC3_MKNOD>(
      directory, name,
      [first, mode, device](MKNOD3args& args) {
        auto& what = args.what.mknoddata3_u;
        if (S_ISBLK(mode) || S_ISCHR(mode)) {
          args.what.type = S_ISBLK(mode) ? NF3BLK : NF3CHR;
          what.device.dev_attributes = first;
          what.device.spec = {major(device), minor(device)};
        } else {
          args.what.type = S_ISSOCK(mode) ? NF3SOCK : NF3FIFO;
          what.pipe_attributes = first;
        }
      },
      done);
}

void file_system::make_directory(request_ref r, std::uint64_t id, std::string_view text,
                                 mode_t mode) {
  const auto found = needed(*r, id, text);
  if (!found) return;
  const inode_ref directory(found);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  const std::string name(text);
  const sattr3 first = first_attributes(mode | S_IFDIR, r->maker(), *directory, what_.who);
  make_object<NFSPROC3_MKDIR>(
      directory, name, [first](MKDIR3args& args) { args.attributes = first; },
      entry_answer(r, directory, name));
}

void file_system::make_symbolic_link(request_ref r, const char* target, std::uint64_t id,
                                     std::string_view text) {
  const auto found = needed(*r, id, text);
  if (!found) return;
  const inode_ref directory(found);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  const std::string name(text), to(target);
  if (to.size() > NFS3_MAXPATH) {
    r->error(ENAMETOOLONG);
    return;
  }
  const sattr3 first = first_attributes(0777, r->maker(), *directory, what_.who);
  make_object<NFSPROC3_SYMLINK>(
      directory, name,
      [first, to](SYMLINK3args& args) {
        args.symlink.symlink_attributes = first;
        args.symlink.symlink_data = {static_cast<u_int>(to.size()), const_cast<char*>(to.data())};
      },
      entry_answer(r, directory, name));
}

void file_system::make_link(request_ref r, std::uint64_t id, std::uint64_t to,
                            std::string_view text) {
  const auto file = needed(*r, id, text), found = inodes_.find(to);
  if (!file) return;
  if (!found) {
    r->error(ESTALE);
    return;
  }
  const inode_ref i(file), directory(found);
  r->may_be_interrupted(interruptions_, request::kind::changes);
  const std::string name(text);
  const made done = adding(directory, name, entry_answer(r, directory, name));
  calls_.make<NFSPROC3_LINK>(
      {i, directory},
      [=](LINK3args& args) {
        args.file = handle_of(i);
        args.link = place(directory, name);
      },
      [=, this](answer<NFSPROC3_LINK>& a) {
        const std::uint64_t number = calls_.count_change();
        const bool current = inodes_.is_current(*directory, a.token);
        const auto* of_file = a.results ? attributes_in(a.results->file_attributes) : nullptr;
        const auto* of_directory =
            a.results ? attributes_in(a.results->linkdir_wcc.after) : nullptr;
        inodes_.changed(*i, of_file, a.token, number);
        inodes_.changed(*directory, of_directory, a.token, number);
        if (a.error != 0) return done(a.error, nullptr, current);
        if (i->is_trusted(inodes_.time().now())) return done(0, i, current);
        fetch_attributes(i, [=](int error) { done(error, i, current); });
      });
}

}  // namespace sfs
