// sfsload: what it asks for, and that it finds out when a server does it wrong.
#include <gtest/gtest.h>
#include <pwd.h>

#include <map>
#include <set>

#include "examples/sfsd/load/job.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

load_files some_files(const byte_string& content, unsigned number = 0) {
  load_files f;
  f.content = content;
  f.name = "data";
  f.directory = {1};
  f.file = {2};
  f.own = {3};
  f.number = number;
  f.connections = 2;
  return f;
}

rpc_call call_of(load_job& job, std::uint32_t xid, byte_string& message) {
  message.clear();
  job.append(message, xid);
  EXPECT_EQ(load_be32(message.data()), last_fragment | (message.size() - record_mark_size));
  rpc_call call;
  EXPECT_EQ(parse_call(const_bytes(message).subspan(record_mark_size), call), call_header::good);
  EXPECT_EQ(call.xid, xid);
  return call;
}

TEST(a_load_that_creates, removes_in_each_slot_what_it_has_made_there) {
  const byte_string content(10);
  std::set<std::string> names;
  constexpr unsigned window = 3;
  for (unsigned connection : {0, 1}) {
    load_files files = some_files(content, connection);
    const auto job = make_job({.kind = load_kind::create, .window = window}, files);
    byte_string message;
    for (std::uint32_t xid = 0; xid < window; ++xid) {
      xdr_value<CREATE3args, xdr_CREATE3args> made;
      ASSERT_TRUE(made.decode(call_of(*job, xid, message).arguments));
      const std::string name(text_of(made->where.name));
      EXPECT_TRUE(names.insert(name).second);
      xdr_value<REMOVE3args, xdr_REMOVE3args> removed;
      ASSERT_TRUE(removed.decode(call_of(*job, xid + window, message).arguments));
      EXPECT_EQ(text_of(removed->object.name), name);
      EXPECT_EQ(job->what(xid + 2 * window), operation::create);
    }
  }
}

TEST(a_mixed_load, has_the_shares_that_it_says) {
  const byte_string content(100'000);
  load_files files = some_files(content);
  const auto job = make_job({.kind = load_kind::mix, .size = 1000}, files);
  std::map<operation, unsigned> count;
  constexpr unsigned calls = 20'000;
  for (std::uint32_t xid = 0; xid < calls; ++xid) ++count[job->what(xid)];
  const std::map<operation, double> shares{{operation::read, 0.80},
                                           {operation::getattr, 0.10},
                                           {operation::lookup, 0.05},
                                           {operation::write, 0.05}};
  EXPECT_EQ(count.size(), shares.size());
  for (const auto& [o, share] : shares) EXPECT_NEAR(count[o], share * calls, calls / 100.0);
}

TEST(a_load_that_writes, makes_a_copy_of_the_content) {
  auto random = async::test::make_prng(5);
  const byte_string content = random_bytes(random, 5 * 1000 + 17);
  load_files files = some_files(content);
  const auto job = make_job({.kind = load_kind::write, .size = 1000}, files);
  byte_string message;
  for (std::uint32_t xid = 0; xid < 10; ++xid) {
    const rpc_call call = call_of(*job, xid, message);
    EXPECT_EQ(call.procedure, NFSPROC3_WRITE);
    const std::uint64_t offset = xid % 5 * 1000;
    EXPECT_EQ(load_be64(call.arguments.data() + 8), offset);  // behind a handle of one byte
    EXPECT_TRUE(
        std::ranges::equal(call.arguments.last(1000), const_bytes(content).subspan(offset, 1000)));
  }
  EXPECT_EQ(job->last()->what(10), operation::commit);
}

// A server with a user, who is whoever runs this test and may write.
class a_load : public testing::Test {
 protected:
  a_load() {
    const finished made = run_program({"sfskey", "gen", "--user", key_});
    run_program({"sfskey", "register", "--users", users_, "--user",
                 ::getpwuid(::geteuid())->pw_name, made.output.substr(0, made.output.find('\n'))});
    server_ = std::make_unique<running_server>(std::vector<std::string>{"--users", users_});
  }

  finished run(std::vector<std::string> options, bool as_user = true) {
    options.insert(options.begin(), {"sfsload", "--connect=" + server_->place().text, "--seconds=1",
                                     "--warmup=0", "--connections=2"});
    if (as_user) options.push_back("--user-key=" + key_);
    options.push_back(server_->path().text() + "/data");
    options.push_back(exported("data"));
    return run_program(options);
  }

  std::string exported(const std::string& name) const {
    return (server_->scratch().path() / "export" / name).string();
  }
  std::string read(const std::string& name) const {
    std::ifstream in(exported(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  scratch_directory scratch_;
  std::string key_ = scratch_.path() / "user.key", users_ = scratch_.path() / "users";
  std::unique_ptr<running_server> server_;
};

TEST_F(a_load, of_each_kind_is_served_and_counted) {
  const std::map<std::string, std::vector<std::string>> kinds{
      {"read", {"READ"}},
      {"random-read", {"READ"}},
      {"getattr", {"GETATTR"}},
      {"write", {"WRITE"}},
      {"create", {"CREATE", "REMOVE"}},
      {"mix", {"READ", "GETATTR", "LOOKUP", "WRITE"}}};
  for (const auto& [kind, operations] : kinds)
    for (const char* every : {"--check-every=64", "--check-every=1"}) {
      const finished f = run({"--op", kind, every, "--bytes=4000000"});
      EXPECT_EQ(f.status, 0) << kind << ": " << f.errors;
      EXPECT_FALSE(has(f.output, "\"checked\": 0,")) << f.output;
      for (const std::string& o : operations)
        EXPECT_TRUE(has(f.output, "\"" + o + "\": {\"count\": ")) << o << " in " << f.output;
    }
}

TEST_F(a_load, that_writes_so_many_bytes_leaves_copies_of_the_file) {
  const finished f = run({"--op=write", "--size=1000", "--bytes=3000000"});
  EXPECT_EQ(f.status, 0) << f.errors;
  EXPECT_TRUE(has(f.output, "\"bytes\": 6000000,")) << f.output;
  for (const char* name : {"sfsload-write-0", "sfsload-write-1"})
    EXPECT_EQ(read(name), read("data")) << name;
}

TEST_F(a_load, of_so_many_bytes_reads_no_more) {
  for (const char* window : {"--window=1", "--window=7", "--window=256"}) {
    const finished f = run({"--size=1000", "--bytes=100000", window});
    EXPECT_EQ(f.status, 0) << f.errors;
    EXPECT_TRUE(has(f.output, "\"replies\": 200,")) << f.output;
  }
}

TEST_F(a_load, of_idle_clients_says_what_each_costs_in_memory) {
  const finished f =
      run({"--op=idle", "--connections=20", "--server-pid=" + std::to_string(server_->pid())});
  EXPECT_EQ(f.status, 0) << f.errors;
  EXPECT_TRUE(has(f.output, "\"bytes_per_client\": ")) << f.output;
}

TEST_F(a_load, says_what_nobody_may_do) {
  for (const char* kind : {"write", "create", "mix"}) {
    const finished f = run({"--op", kind}, false);
    EXPECT_EQ(f.status, 1);
    EXPECT_TRUE(has(f.errors, "CREATE")) << f.errors;
  }
}

TEST(the_load_generator, names_what_is_wrong_with_its_command_line) {
  const auto errors = [](std::vector<std::string> words) {
    words.insert(words.begin(), "sfsload");
    const finished f = run_program(words);
    EXPECT_EQ(f.status, 2);
    return f.errors;
  };
  EXPECT_TRUE(has(errors({"--op=nothing", "p", "f"}), "--op nothing"));
  EXPECT_TRUE(has(errors({"--plain", "/export:data", "f"}), "--connect says where"));
  EXPECT_TRUE(has(errors({"--plain", "--connect=h", "/export", "f"}), "EXPORT:FILE"));
}

}  // namespace
}  // namespace sfs::test
