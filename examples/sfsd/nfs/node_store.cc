// See node_store.h.
#include "examples/sfsd/nfs/node_store.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "async/err.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/openssl.h"

namespace sfs {
namespace {

// In the file's header: that it is one of ours, of this layout.
constexpr int application_id = 0x53465331;  // "SFS1"

// A busy or foreign file fails at the first statement. EXCLUSIVE: two servers would give one number
// to two files. NORMAL: consistent whenever the machine ends, and nothing waits for the disk.
constexpr const char* settings =
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "BEGIN EXCLUSIVE; COMMIT;";

constexpr const char* tables =
    "CREATE TABLE about (run INTEGER NOT NULL, device INTEGER NOT NULL, number INTEGER NOT NULL,"
    "  born INTEGER NOT NULL);"
    "CREATE TABLE nodes (id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER NOT NULL,"
    "  name BLOB NOT NULL, device INTEGER NOT NULL, number INTEGER NOT NULL,"
    "  born INTEGER NOT NULL);";

std::int64_t as_signed(std::uint64_t n) noexcept { return static_cast<std::int64_t>(n); }

file_identity identity_at(sqlite3_stmt* s, int column) noexcept {
  return {static_cast<std::uint64_t>(sqlite3_column_int64(s, column)),
          static_cast<std::uint64_t>(sqlite3_column_int64(s, column + 1)),
          sqlite3_column_int64(s, column + 2)};
}

void bind_identity(sqlite3_stmt* s, int column, const file_identity& f) noexcept {
  sqlite3_bind_int64(s, column, as_signed(f.device));
  sqlite3_bind_int64(s, column + 1, as_signed(f.number));
  sqlite3_bind_int64(s, column + 2, f.born);
}

}  // namespace

void node_store::closing::operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
void node_store::closing::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

outcome<std::unique_ptr<node_store>> node_store::open(const std::string& path,
                                                      const file_identity& root) {
  // Made by us, since it tells the names of files: SQLite would let everybody read it.
  if (!fd_owner(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600)))
    return failure{path + ": " + system_reason()};
  sqlite3* db = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
  std::unique_ptr<node_store> made(new node_store(db, path));
  if (opened != SQLITE_OK) return failure{made->why()};
  if (std::string why = made->begin(root); !why.empty()) return failure{std::move(why)};
  return made;
}

node_store::~node_store() = default;

std::string node_store::why() const {
  if (sqlite3_errcode(db_.get()) == SQLITE_BUSY) return path_ + ": another server uses it";
  return path_ + ": " + sqlite3_errmsg(db_.get());
}

bool node_store::run_sql(const char* text) noexcept {
  return sqlite3_exec(db_.get(), text, nullptr, nullptr, nullptr) == SQLITE_OK;
}

node_store::statement node_store::prepare(const char* text) noexcept {
  sqlite3_stmt* s = nullptr;
  sqlite3_prepare_v2(db_.get(), text, -1, &s, nullptr);
  return statement(s);
}

std::string node_store::begin(const file_identity& root) {
  if (!run_sql(settings)) return why();
  const statement id = prepare("PRAGMA application_id"),
                  objects = prepare("SELECT count(*) FROM sqlite_master");
  if (sqlite3_step(id.get()) != SQLITE_ROW || sqlite3_step(objects.get()) != SQLITE_ROW)
    return why();
  const bool ours = sqlite3_column_int(id.get(), 0) == application_id;
  if (!ours && sqlite3_column_int(objects.get(), 0) != 0)
    return path_ + ": this is not a table of handles";
  sqlite3_reset(id.get());
  sqlite3_reset(objects.get());
  if (!(ours && belongs_to(root)) && !start_over(root)) return why();
  put_ = prepare("INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?)");
  remove_ = prepare("DELETE FROM nodes WHERE id = ?");
  return put_ && remove_ ? std::string() : why();
}

bool node_store::belongs_to(const file_identity& root) {
  const statement about = prepare("SELECT run, device, number, born FROM about");
  if (sqlite3_step(about.get()) != SQLITE_ROW || identity_at(about.get(), 1) != root) return false;
  run_ = static_cast<std::uint64_t>(sqlite3_column_int64(about.get(), 0));
  const statement sequence = prepare("SELECT seq FROM sqlite_sequence WHERE name = 'nodes'");
  if (sqlite3_step(sequence.get()) == SQLITE_ROW)
    last_ = static_cast<node_id>(sqlite3_column_int64(sequence.get(), 0));
  return last_ >= node_table::root_id;
}

bool node_store::start_over(const file_identity& root) {
  run_ = random_number<std::uint64_t>();
  last_ = node_table::root_id;
  if (!run_sql("BEGIN; DROP TABLE IF EXISTS about; DROP TABLE IF EXISTS nodes;") ||
      !run_sql(tables) ||
      !run_sql(("PRAGMA application_id = " + std::to_string(application_id)).c_str()))
    return false;
  const statement about = prepare("INSERT INTO about VALUES (?, ?, ?, ?)");
  sqlite3_bind_int64(about.get(), 1, as_signed(run_));
  bind_identity(about.get(), 2, root);
  return sqlite3_step(about.get()) == SQLITE_DONE && run_sql("COMMIT");
}

std::string node_store::each(const std::function<void(row)>& take) {
  const statement all =
      prepare("SELECT id, parent, name, device, number, born FROM nodes ORDER BY id");
  int step = SQLITE_ERROR;
  while (all && (step = sqlite3_step(all.get())) == SQLITE_ROW) {
    const auto* name = static_cast<const char*>(sqlite3_column_blob(all.get(), 2));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(all.get(), 2));
    take({static_cast<node_id>(sqlite3_column_int64(all.get(), 0)),
          static_cast<node_id>(sqlite3_column_int64(all.get(), 1)),
          name ? std::string(name, size) : std::string(), identity_at(all.get(), 3)});
  }
  return step == SQLITE_DONE ? std::string() : why();
}

void node_store::put(const row& node) noexcept {
  sqlite3_bind_int64(put_.get(), 1, as_signed(node.id));
  sqlite3_bind_int64(put_.get(), 2, as_signed(node.parent));
  sqlite3_bind_blob(put_.get(), 3, node.name.data(), static_cast<int>(node.name.size()),
                    SQLITE_STATIC);
  bind_identity(put_.get(), 4, node.identity);
  finish(put_.get());
}

void node_store::remove(node_id id) noexcept {
  sqlite3_bind_int64(remove_.get(), 1, as_signed(id));
  finish(remove_.get());
}

void node_store::finish(sqlite3_stmt* s) noexcept {
  if (sqlite3_step(s) != SQLITE_DONE && !std::exchange(told_, true))
    async::warn("%s; new handles will not survive this server", why().c_str());
  sqlite3_reset(s);
  sqlite3_clear_bindings(s);
}

}  // namespace sfs
