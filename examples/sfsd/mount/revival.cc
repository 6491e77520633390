// See file_system.h. A server that makes its handles itself forgets them when it is restarted. Here
// files are found again by their names, from the root on: then who has them open can go on.
#include "examples/sfsd/mount/export_root.h"
#include "examples/sfsd/mount/file_system.h"

namespace sfs {

void file_system::revive(const files_named& files, std::function<void(bool)> done) {
  struct state {
    std::size_t left;
    bool changed = false;
    std::function<void(bool)> done;
  };
  auto s = std::make_shared<state>(state{files.size(), false, std::move(done)});
  if (files.empty()) return s->done(false);
  for (const inode_ref& i : files) {
    revive(i, [s](bool changed) {
      s->changed |= changed;
      if (--s->left == 0) s->done(s->changed);
    });
  }
}

void file_system::revive(const inode_ref& i, std::function<void(bool)> done) {
  if (i->run == inodes_.run()) return done(false);
  if (i->id() == inode_table::root_id) {
    return find_root(session_, what_.root_path, login_, [=, this](const root_found& found) {
      if (!found.why.empty()) return done(false);
      const bool changed = !(found.root == i->key());
      inodes_.rename_handle(*i, found.root.view());
      done(changed);
    });
  }
  if (i->hidden_in) return revive_in(i, inode_ref(i->hidden_in), i->hidden_name, done);
  if (i->names.empty()) return done(false);
  const directory_entry& e = i->names.front();
  revive_in(i, async::mkref(e.directory), *e.name, done);
}

// It is the same file only if it has the same number and type.
void file_system::revive_in(const inode_ref& i, const inode_ref& directory, const std::string& name,
                            std::function<void(bool)> done) {
  revive(directory, [=, this](bool) {
    if (directory->run != inodes_.run()) return done(false);
    calls_.make<NFSPROC3_LOOKUP>(
        {directory}, [=](LOOKUP3args& args) { args.what = place(directory, name); },
        [=, this](answer<NFSPROC3_LOOKUP>& a) {
          if (a.error != 0) return done(false);
          const LOOKUP3resok& ok = a.results->LOOKUP3res_u.resok;
          const fattr3* now = attributes_in(ok.obj_attributes);
          if (!now || now->fileid != i->attributes.fileid || now->type != i->attributes.type)
            return done(false);
          const file_key key(bytes_of(ok.object));
          const bool changed = !(key == i->key());
          inodes_.rename_handle(*i, key.view());
          done(changed);
        });
  });
}

}  // namespace sfs
