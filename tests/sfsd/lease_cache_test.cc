// The lease cache: what it gives is what the server would say now, in whatever order replies,
// invalidations and our own changes come.
#include <gtest/gtest.h>

#include "examples/sfsd/client/learn.h"
#include "tests/sfsd/fake_server.h"

namespace sfs::test {
namespace {

using std::chrono::seconds;

byte_string cached_handle(unsigned n) {
  byte_string h(32);
  store_be32(h.data(), n);
  return h;
}

fattr3 sized(std::uint64_t size, unsigned links = 1) {
  fattr3 a{};
  a.type = NF3REG;
  a.nlink = links;
  a.size = size;
  return a;
}

class a_lease_cache : public testing::Test {
 protected:
  explicit a_lease_cache(std::size_t most = 100) : cache(time, most) {
    cache.set_lease(seconds(60));
  }

  reply_token token() { return {changes, time.now()}; }
  void put(unsigned n, std::uint64_t size) { cache.store(cached_handle(n), sized(size), token()); }
  void invalidate(unsigned n) {
    const byte_string h = cached_handle(n);
    const const_bytes list[] = {h};
    cache.invalidate(list, ++changes);
  }
  // The size that it says the file has; -1: it says nothing.
  std::int64_t size(unsigned n) {
    const fattr3* a = cache.find(cached_handle(n));
    return a ? static_cast<std::int64_t>(a->size) : -1;
  }

  fake_timing time;
  lease_cache cache;
  std::uint64_t changes = 1;
};

TEST_F(a_lease_cache, knows_what_it_was_told_until_the_lease_of_the_call_ends) {
  const reply_token asked = token();
  time.advance(seconds(20));
  cache.store(cached_handle(1), sized(7), asked);
  EXPECT_EQ(size(1), 7);
  EXPECT_EQ(size(2), -1);
  time.advance(seconds(39));
  EXPECT_EQ(size(1), 7);
  time.advance(seconds(1));
  EXPECT_EQ(size(1), -1) << "60 seconds after the call was sent, not after the reply came";
}

TEST_F(a_lease_cache, keeps_nothing_without_leases) {
  cache.set_lease(seconds(0));
  put(1, 7);
  EXPECT_EQ(size(1), -1);
  cache.set_lease(seconds(60));
  put(1, 7);
  cache.set_lease(seconds(0));
  EXPECT_EQ(size(1), -1);
}

TEST_F(a_lease_cache, takes_no_attributes_of_a_type_that_there_is_not) {
  for (const std::uint32_t type : {0u, 8u, 0x7fffffffu, 0xffffffffu}) {
    fattr3 a = sized(7);
    std::memcpy(&a.type, &type, sizeof type);
    cache.store(cached_handle(1), a, token());
    cache.changed(cached_handle(1), &a, token(), changes);
    EXPECT_EQ(size(1), -1) << type;
  }
}

TEST_F(a_lease_cache, forgets_what_is_invalidated_and_nothing_else) {
  put(1, 7);
  put(2, 8);
  invalidate(1);
  EXPECT_EQ(size(1), -1);
  EXPECT_EQ(size(2), 8);
  put(1, 9);
  EXPECT_EQ(size(1), 9);
  cache.invalidate({}, ++changes);
  EXPECT_EQ(size(1), -1);
  EXPECT_EQ(size(2), -1);
}

TEST_F(a_lease_cache, takes_nothing_from_a_reply_whose_call_was_sent_before_the_invalidation) {
  const reply_token before = token();
  invalidate(1);
  cache.store(cached_handle(1), sized(7), before);
  EXPECT_EQ(size(1), -1);
  cache.store(cached_handle(2), sized(8), before);
  EXPECT_EQ(size(2), 8) << "another file's";
  cache.invalidate({}, ++changes);
  cache.store(cached_handle(2), sized(8), before);
  EXPECT_EQ(size(2), -1);
}

TEST_F(a_lease_cache, takes_our_own_changes_for_what_they_are) {
  const reply_token asked = token(), written = token();
  const fattr3 after = sized(100);
  cache.changed(cached_handle(1), &after, written, ++changes);
  EXPECT_EQ(size(1), 100);
  cache.store(cached_handle(1), sized(7), asked);  // a GETATTR that the WRITE has overtaken
  EXPECT_EQ(size(1), 100);
  const fattr3 between = sized(50);
  cache.changed(cached_handle(1), &between, written,
                ++changes);  // which WRITE was first, who knows
  EXPECT_EQ(size(1), -1);
}

TEST_F(a_lease_cache, forgets_files_with_several_names_when_some_file_loses_one) {
  cache.store(cached_handle(1), sized(7, 2), token());
  put(2, 8);
  const reply_token before = token();
  cache.changed_links(++changes);
  EXPECT_EQ(size(1), -1);
  put(2, 8);
  cache.changed_links(++changes);
  EXPECT_EQ(size(2), 8);
  cache.store(cached_handle(1), sized(7, 2), before);
  EXPECT_EQ(size(1), -1);
}

class a_small_lease_cache : public a_lease_cache {
 protected:
  a_small_lease_cache() : a_lease_cache(4) {}
};

TEST_F(a_small_lease_cache, makes_room_by_forgetting_what_was_not_used_for_longest) {
  for (unsigned n = 1; n <= 4; ++n) put(n, n);
  EXPECT_EQ(size(1), 1);
  put(5, 5);
  EXPECT_EQ(cache.size(), 4u);
  EXPECT_EQ(size(1), 1);
  EXPECT_EQ(size(2), -1);
  EXPECT_EQ(size(5), 5);
}

TEST_F(a_small_lease_cache, forgets_no_invalidation_when_it_makes_room) {
  const reply_token before = token();
  invalidate(1);
  for (unsigned n = 2; n <= 10; ++n) put(n, n);
  cache.store(cached_handle(1), sized(7), before);
  EXPECT_EQ(size(1), -1);
  cache.store(cached_handle(2), sized(7), before);
  EXPECT_EQ(size(2), -1) << "it no longer knows which file it was";
  put(1, 8);
  EXPECT_EQ(size(1), 8);
}

// A model that remembers everything: find() may know less than it, and nothing else.
TEST_F(a_small_lease_cache, never_gives_what_a_server_would_not_say) {
  auto random = async::test::make_prng();
  std::map<unsigned, std::uint64_t> now;  // sizes
  struct reply {
    unsigned file;
    std::uint64_t size;
    reply_token token;
  };
  std::vector<reply> on_their_way;
  unsigned known = 0;
  for (int step = 0; step < 200'000; ++step) {
    const unsigned file = static_cast<unsigned>(random() % 8);
    switch (random() % 6) {
      case 0:  // a GETATTR is sent and carried out; its reply takes a while
        on_their_way.push_back({file, now[file], token()});
        break;
      case 1:
      case 2:
        if (on_their_way.empty()) break;
        {
          const auto at =
              on_their_way.begin() + static_cast<std::ptrdiff_t>(random() % on_their_way.size());
          cache.store(cached_handle(at->file), sized(at->size), at->token);
          on_their_way.erase(at);
        }
        break;
      case 3:  // somebody else changes the file, and we are told at once
        if (random() % 4 != 0) break;
        ++now[file];
        invalidate(file);
        break;
      default:
        if (const auto s = size(file); s >= 0) {
          ++known;
          ASSERT_EQ(static_cast<std::uint64_t>(s), now[file]) << "step " << step;
        }
    }
    ASSERT_LE(cache.size(), 4u);
  }
  EXPECT_GT(known, 1000u);
}

// --- What replies teach ---

class learning : public a_lease_cache {
 protected:
  learning() : s(async::make_ref<session>(server.path(), session_options{})) {}

  template <class Args, class Res>
  void learn_from(std::uint32_t procedure, bool_t (*args_routine)(XDR*, Args*), Args args,
                  bool_t (*res_routine)(XDR*, Res*), Res res) {
    results = encoded(res_routine, res);
    call_reply r;
    r.what = call_reply::kind::results;
    r.results = results;
    r.token = {s->changes(), time.now()};
    learn(cache, *s, procedure, encoded(args_routine, args), r);
  }
  static post_op_attr some(std::uint64_t size) {
    post_op_attr a{};
    a.attributes_follow = TRUE;
    a.post_op_attr_u.attributes = sized(size);
    return a;
  }

  fake_server server;
  async::ref<session> s;
  byte_string results, first = cached_handle(1), second = cached_handle(2);
  nfs_fh3 one = as_handle(first), two = as_handle(second);
};

TEST_F(learning, takes_attributes_from_getattr_lookup_and_read) {
  GETATTR3res g{};
  g.GETATTR3res_u.obj_attributes = sized(5);
  learn_from(NFSPROC3_GETATTR, xdr_GETATTR3args, GETATTR3args{one}, xdr_GETATTR3res, g);
  EXPECT_EQ(size(1), 5);
  LOOKUP3res l{};
  l.LOOKUP3res_u.resok = {two, some(6), some(7)};
  learn_from(NFSPROC3_LOOKUP, xdr_LOOKUP3args, LOOKUP3args{{one, as_name("x")}}, xdr_LOOKUP3res, l);
  EXPECT_EQ(size(1), 7);
  EXPECT_EQ(size(2), 6);
  READ3res r{};
  char data[] = "abcd";
  r.READ3res_u.resok = {some(8), 4, TRUE, {4, data}};
  learn_from(NFSPROC3_READ, xdr_READ3args, READ3args{two, 0, 4}, xdr_READ3res, r);
  EXPECT_EQ(size(2), 8);
}

TEST_F(learning, takes_attributes_from_readdirplus) {
  entryplus3 e{};
  e.name = as_name("x");
  e.name_attributes = some(9);
  e.name_handle.handle_follows = TRUE;
  e.name_handle.post_op_fh3_u.handle = two;
  READDIRPLUS3res r{};
  r.READDIRPLUS3res_u.resok.dir_attributes = some(4);
  r.READDIRPLUS3res_u.resok.reply.entries = &e;
  learn_from(NFSPROC3_READDIRPLUS, xdr_READDIRPLUS3args, READDIRPLUS3args{one, 0, {}, 10, 10},
             xdr_READDIRPLUS3res, r);
  EXPECT_EQ(size(1), 4);
  EXPECT_EQ(size(2), 9);
}

TEST_F(learning, takes_what_changed_from_writes_and_from_what_is_made) {
  put(1, 5);
  WRITE3res w{};
  w.WRITE3res_u.resok.file_wcc.after = some(10);
  learn_from(NFSPROC3_WRITE, xdr_WRITE3head, WRITE3head{one, 0, 4, UNSTABLE, 4}, xdr_WRITE3res, w);
  EXPECT_EQ(size(1), 10);
  new_object_res m{};
  m.new_object_res_u.resok.obj.handle_follows = TRUE;
  m.new_object_res_u.resok.obj.post_op_fh3_u.handle = two;
  m.new_object_res_u.resok.obj_attributes = some(0);
  learn_from(NFSPROC3_MKDIR, xdr_MKDIR3args, MKDIR3args{{one, as_name("d")}, {}},
             xdr_new_object_res, m);
  EXPECT_EQ(size(1), -1) << "the directory has changed, and the reply does not say how";
  EXPECT_EQ(size(2), 0);
}

TEST_F(learning, forgets_what_a_change_may_have_touched_whatever_the_reply_says) {
  const WRITE3head w{one, 0, 4, UNSTABLE, 4};
  put(1, 5);
  call_reply failed;
  failed.why = "gone";
  WRITE3head args = w;
  learn(cache, *s, NFSPROC3_WRITE, encoded(xdr_WRITE3head, args), failed);
  EXPECT_EQ(size(1), -1);
  changes = s->changes();
  put(1, 5);
  call_reply nonsense;
  nonsense.what = call_reply::kind::results;
  const byte_string junk(7, 0xff);
  nonsense.results = junk;
  nonsense.token.changes = s->changes();
  learn(cache, *s, NFSPROC3_SETATTR, encoded(xdr_WRITE3head, args), nonsense);
  EXPECT_EQ(size(1), -1);
}

TEST_F(learning, survives_any_reply) {
  auto random = async::test::make_prng(3);
  for (int i = 0; i < 30'000; ++i) {
    const byte_string arguments = random_bytes(random, random() % 80);
    byte_string junk = random_bytes(random, random() % 300);
    if (junk.size() > 8 && i % 2) std::fill_n(junk.begin(), 7, std::uint8_t{0});
    call_reply r;
    r.what = call_reply::kind::results;
    r.results = junk;
    r.token.changes = s->changes();
    learn(cache, *s, static_cast<std::uint32_t>(random() % 24), arguments, r);
  }
}

}  // namespace
}  // namespace sfs::test
