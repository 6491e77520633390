// What the tests of sfsmount share, without a kernel and without a server: attributes, a kernel
// that only listens, and a server that keeps bytes and can crash.
//
// Serves no stage of its own. Thread safety: each test has its own objects.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "examples/sfsd/mount/inode_table.h"
#include "examples/sfsd/mount/write_behind.h"
#include "tests/sfsd/fake_server.h"

namespace sfs::test {

inline byte_string numbered_handle(unsigned n) {
  byte_string h(32);
  store_be32(h.data(), n);
  return h;
}

inline fattr3 file_of_size(std::uint64_t size, ftype3 type = NF3REG) {
  fattr3 a{};
  a.type = type;
  a.nlink = 1;
  a.size = size;
  return a;
}

// Notes what the kernel would be told.
struct listening_kernel final : cache_observer {
  void attributes_changed(const inode& i) override { said.push_back("attributes " + id(i)); }
  void data_changed(const inode& i) override { said.push_back("data " + id(i)); }
  void name_changed(const inode& directory, std::string_view name) override {
    said.push_back("name " + id(directory) + "/" + std::string(name));
  }
  static std::string id(const inode& i) { return std::to_string(i.id()); }
  bool was_told(const std::string& what) const {
    return std::find(said.begin(), said.end(), what) != said.end();
  }
  std::vector<std::string> said;
};

// Takes WRITEs and COMMITs and answers them when the test says so.
class keeping_server final : public write_target {
 public:
  struct asked {
    bool is_commit;
    dirty_file::flight f;
    stable_how how;
    std::string data;
    done answer;
  };

  void write(const async::ref<inode>& i, const dirty_file::flight& f, stable_how how,
             done d) override {
    async::suio data = i->dirty->data_of(f);
    std::string bytes(data.resid(), '\0');
    data.copyout(bytes.data(), bytes.size());
    waiting.push_back({false, f, how, std::move(bytes), std::move(d)});
  }
  void commit(const async::ref<inode>&, done d) override {
    waiting.push_back({true, {}, UNSTABLE, {}, std::move(d)});
  }
  void data_lost(inode&) override { ++losses; }

  // Answers the `n`th of those that wait.
  void answer(std::size_t n = 0) {
    const asked a = std::move(waiting[n]);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(n));
    outcome o{.verifier = verifier};
    o.error = error;
    if (error == 0 && a.is_commit) {
      disk = memory;
      ++commits;
    } else if (error == 0) {
      const std::size_t count = std::min(a.data.size(), most_taken);
      put(memory, a.f.offset, a.data.substr(0, count));
      if (a.how == FILE_SYNC) put(disk, a.f.offset, a.data.substr(0, count));
      o.count = static_cast<std::uint32_t>(count);
      o.committed = a.how == FILE_SYNC;
      ++writes;
    }
    a.answer(o);
  }
  void answer_all() {
    while (!waiting.empty()) answer();
  }
  // Forgets what is not on the disk; what it was asked and has not answered is asked again later.
  void crash() {
    memory = disk;
    ++verifier;
  }

  std::deque<asked> waiting;
  std::string memory, disk;
  std::uint64_t verifier = 1;
  std::size_t most_taken = SIZE_MAX;
  int error = 0, losses = 0, writes = 0, commits = 0;

 private:
  static void put(std::string& to, std::uint64_t offset, const std::string& data) {
    if (to.size() < offset + data.size()) to.resize(offset + data.size());
    to.replace(offset, data.size(), data);
  }
};

}  // namespace sfs::test
