// The mount's inodes: one for each file, for as long as the kernel wants it; and what the kernel
// may believe, for how long.
#include <gtest/gtest.h>

#include "examples/sfsd/mount/news_queue.h"
#include "tests/sfsd/mount_support.h"

namespace sfs::test {
namespace {

using std::chrono::seconds;

class an_inode_table : public testing::Test {
 protected:
  an_inode_table() {
    inodes.set_lease(seconds(30));
    inodes.store(*root, file_of_size(0, NF3DIR), token());
    inodes.looked_up(*root);
  }
  reply_token token() { return {changes, time.now()}; }
  async::ref<inode> known(unsigned n, std::uint64_t size = 0) {
    const auto i = inodes.of(numbered_handle(n));
    inodes.store(*i, file_of_size(size), token());
    inodes.looked_up(*i);
    return i;
  }
  async::ref<inode> made_directory(unsigned n) {
    const auto i = inodes.of(numbered_handle(n));
    inodes.store(*i, file_of_size(0, NF3DIR), token());
    inodes.looked_up(*i);
    inodes.made_empty(*i, token());
    return i;
  }
  void invalidate(unsigned n) {
    const byte_string h = numbered_handle(n);
    const const_bytes list[] = {h};
    inodes.invalidate(list, ++changes);
  }

  std::uint64_t changes = 1;
  fake_timing time;
  listening_kernel kernel;
  inode_table inodes{time, kernel};
  async::ref<inode> root = inodes.of(numbered_handle(0));
};

TEST_F(an_inode_table, has_one_inode_for_a_handle) {
  const auto a = known(1), b = known(2);
  EXPECT_EQ(inodes.of(numbered_handle(1)).get(), a.get());
  EXPECT_NE(a->id(), b->id());
  EXPECT_EQ(inodes.find(a->id()).get(), a.get());
  EXPECT_EQ(root->id(), inode_table::root_id);
}

TEST_F(an_inode_table, forgets_what_the_kernel_has_forgotten_as_often_as_it_was_told) {
  std::uint64_t id = 0;
  {
    const auto i = known(1);
    inodes.looked_up(*i);
    id = i->id();
  }
  inodes.forget(id, 1);
  EXPECT_TRUE(inodes.find(id));
  inodes.forget(id, 1);
  EXPECT_FALSE(inodes.find(id));
  inodes.forget(id, 5);
  EXPECT_EQ(inodes.size(), 1u);
  EXPECT_NE(known(1)->id(), id) << "a number is never used again";
}

TEST_F(an_inode_table, keeps_what_an_operation_uses) {
  const auto i = known(1);
  inodes.forget(i->id(), 1);
  EXPECT_EQ(inodes.find(i->id()).get(), i.get());
}

TEST_F(an_inode_table, believes_attributes_for_the_lease_from_when_they_were_asked_for) {
  const reply_token asked = token();
  time.advance(seconds(10));
  const auto i = inodes.of(numbered_handle(1));
  EXPECT_TRUE(inodes.store(*i, file_of_size(5), asked));
  EXPECT_DOUBLE_EQ(inodes.attributes_timeout(*i), 20.0);
  time.advance(seconds(20));
  EXPECT_FALSE(i->is_trusted(time.now()));
}

TEST_F(an_inode_table, believes_for_a_second_without_leases) {
  inodes.set_lease(seconds(0));
  const auto i = known(1);
  EXPECT_DOUBLE_EQ(inodes.attributes_timeout(*i), 1.0);
  EXPECT_GT(inodes.link(*root, "there", i.get(), true), 0.0);
  EXPECT_EQ(inodes.link(*root, "not there", nullptr, true), 0.0);
}

TEST_F(an_inode_table, refuses_types_that_do_not_exist_or_change) {
  const auto i = known(1);
  EXPECT_FALSE(inodes.store(*i, file_of_size(0, NF3DIR), token()));
  EXPECT_FALSE(inodes.store(*i, file_of_size(0, static_cast<ftype3>(9)), token()));
}

TEST_F(an_inode_table, does_not_believe_a_reply_that_a_change_has_overtaken) {
  const auto i = known(1, 5);
  const reply_token before = token();
  inodes.changed(*i, nullptr, token(), ++changes);
  inodes.store(*i, file_of_size(6), before);
  EXPECT_FALSE(i->is_trusted(time.now()));
  inodes.store(*i, file_of_size(7), token());
  EXPECT_TRUE(i->is_trusted(time.now()));
  inodes.store(*i, file_of_size(6), before);
  EXPECT_EQ(i->attributes.size, 7u);
}

TEST_F(an_inode_table, takes_what_our_own_change_brought_and_keeps_the_data) {
  const auto i = known(1, 5);
  i->data_stale = false;
  const fattr3 after = file_of_size(9);
  const reply_token asked = token();
  inodes.changed(*i, &after, asked, ++changes);
  EXPECT_TRUE(i->is_trusted(time.now()));
  EXPECT_EQ(i->attributes.size, 9u);
  EXPECT_FALSE(i->data_stale);
  EXPECT_TRUE(kernel.said.empty());
}

TEST_F(an_inode_table, tells_the_kernel_what_somebody_changed) {
  const auto i = known(1);
  i->data_stale = false;
  invalidate(1);
  EXPECT_TRUE(kernel.was_told("attributes " + std::to_string(i->id())));
  EXPECT_TRUE(kernel.was_told("data " + std::to_string(i->id())));
  EXPECT_TRUE(i->data_stale);
  EXPECT_EQ(inodes.attributes_timeout(*i), 0.0);
}

TEST_F(an_inode_table, finds_changes_of_data_that_nobody_could_tell) {
  const auto i = known(1, 5);
  i->data_stale = false;
  time.advance(seconds(60));
  inodes.store(*i, file_of_size(5), token());
  EXPECT_FALSE(i->data_stale);
  time.advance(seconds(60));
  inodes.store(*i, file_of_size(6), token());
  EXPECT_TRUE(i->data_stale);
}

TEST_F(an_inode_table, tells_of_each_such_change_while_somebody_has_the_file_open) {
  const auto i = known(1, 5);
  const std::string news = "data " + std::to_string(i->id());
  i->data_stale = false;
  i->opens = 1;
  for (const std::uint64_t size : {6, 7}) {
    time.advance(seconds(60));
    kernel.said.clear();
    inodes.store(*i, file_of_size(size), token());
    EXPECT_TRUE(kernel.was_told(news)) << size;
  }
  i->opens = 0;
  time.advance(seconds(60));
  kernel.said.clear();
  inodes.store(*i, file_of_size(8), token());
  EXPECT_FALSE(kernel.was_told(news)) << "it forgets the data when the file is opened";
}

TEST_F(an_inode_table, tells_the_kernel_of_the_names_in_a_changed_directory) {
  const auto i = known(1);
  EXPECT_DOUBLE_EQ(inodes.link(*root, "there", i.get(), true), 30.0);
  EXPECT_DOUBLE_EQ(inodes.link(*root, "not there", nullptr, true), 30.0);
  EXPECT_EQ(inodes.link(*root, "overtaken", nullptr, false), 0.0);
  invalidate(0);
  EXPECT_TRUE(kernel.was_told("name 1/there"));
  EXPECT_TRUE(kernel.was_told("name 1/not there"));
  EXPECT_FALSE(kernel.was_told("name 1/overtaken"));
  EXPECT_EQ(inodes.child_of(*root, "there"), i.get());
  kernel.said.clear();
  invalidate(0);
  EXPECT_FALSE(kernel.was_told("name 1/there")) << "once is enough";
}

TEST_F(an_inode_table, believes_nothing_when_anything_may_have_changed) {
  const auto i = known(1);
  inodes.link(*root, "there", i.get(), true);
  inodes.invalidate({}, ++changes);
  EXPECT_FALSE(i->is_trusted(time.now()));
  EXPECT_FALSE(root->is_trusted(time.now()));
  EXPECT_TRUE(kernel.was_told("name 1/there"));
}

TEST_F(an_inode_table, follows_names) {
  const auto a = known(1), b = known(2);
  inodes.link(*root, "a", a.get(), true);
  inodes.link(*root, "b", b.get(), true);
  inodes.move(*root, "a", *root, "b");
  EXPECT_EQ(inodes.child_of(*root, "b"), a.get());
  EXPECT_EQ(inodes.child_of(*root, "a"), nullptr);
  EXPECT_TRUE(b->names.empty());
  inodes.unlink(*root, "b");
  EXPECT_TRUE(a->names.empty());
  EXPECT_TRUE(root->children.empty());
}

TEST_F(an_inode_table, drops_the_names_of_what_is_forgotten) {
  std::uint64_t id = 0;
  {
    const auto i = known(1);
    id = i->id();
    inodes.link(*root, "one", i.get(), true);
    inodes.link(*root, "two", i.get(), true);
  }
  inodes.forget(id, 1);
  EXPECT_TRUE(root->children.empty());
}

TEST_F(an_inode_table, bounds_the_names_that_are_not_there) {
  for (std::size_t n = 0; n <= inode_table::max_negative; ++n)
    inodes.link(*root, "name" + std::to_string(n), nullptr, true);
  EXPECT_EQ(root->children.size(), inode_table::max_negative);
  EXPECT_TRUE(kernel.was_told("name 1/name0"));
}

TEST_F(an_inode_table, knows_that_a_name_is_not_there_until_it_is_told_otherwise) {
  inodes.link(*root, "not there", nullptr, true);
  time.advance(seconds(10));
  EXPECT_DOUBLE_EQ(inodes.absence(*root, "not there"), 20.0);
  EXPECT_EQ(inodes.absence(*root, "unknown"), 0.0);
  inodes.link(*root, "there", known(1).get(), true);
  EXPECT_EQ(inodes.absence(*root, "there"), 0.0);
  invalidate(0);
  EXPECT_EQ(inodes.absence(*root, "not there"), 0.0);
}

TEST_F(an_inode_table, knows_all_names_in_a_directory_that_we_have_made) {
  const auto made = made_directory(1);
  EXPECT_DOUBLE_EQ(inodes.absence(*made, "a"), 30.0);
  inodes.link(*made, "b", known(2).get(), true);
  EXPECT_EQ(inodes.absence(*made, "b"), 0.0);
  EXPECT_DOUBLE_EQ(inodes.absence(*made, "c"), 30.0);
  inodes.unlink(*made, "b");
  EXPECT_DOUBLE_EQ(inodes.absence(*made, "b"), 30.0);
}

TEST_F(an_inode_table,
       tells_the_kernel_what_it_believes_of_such_a_directory_when_others_change_it) {
  const auto made = made_directory(1);
  inodes.absence(*made, "a");
  invalidate(1);
  EXPECT_TRUE(kernel.was_told("name " + kernel.id(*made) + "/a"));
  EXPECT_EQ(inodes.absence(*made, "a"), 0.0);
  EXPECT_EQ(inodes.absence(*made, "b"), 0.0);
}

TEST_F(an_inode_table, knows_no_such_names_when_the_connection_is_lost) {
  const auto made = made_directory(1);
  inodes.invalidate({}, ++changes);
  EXPECT_EQ(inodes.absence(*made, "a"), 0.0);
}

// What is changed on the server's machine without the server is seen then.
TEST_F(an_inode_table, knows_such_names_for_one_lease_however_often_it_is_renewed) {
  const auto made = made_directory(1);
  time.advance(seconds(20));
  inodes.store(*made, file_of_size(0, NF3DIR), token());
  EXPECT_DOUBLE_EQ(inodes.absence(*made, "a"), 10.0);
  time.advance(seconds(10));
  EXPECT_EQ(inodes.absence(*made, "a"), 0.0);
  EXPECT_EQ(inodes.absence(*made, "b"), 0.0);
}

TEST_F(an_inode_table, does_not_know_the_names_if_somebody_was_faster) {
  const reply_token asked = token();
  inodes.invalidate({}, ++changes);
  const auto made = known(1);
  inodes.made_empty(*made, asked);
  EXPECT_EQ(inodes.absence(*made, "a"), 0.0);
}

TEST_F(an_inode_table, does_not_know_the_names_without_leases) {
  inodes.set_lease(seconds(0));
  EXPECT_EQ(inodes.absence(*made_directory(1), "a"), 0.0);
}

TEST_F(an_inode_table, does_not_know_what_is_there_while_a_call_may_add_a_name) {
  const auto made = made_directory(1);
  inodes.absence(*made, "a");
  ++made->names_changing;
  EXPECT_EQ(inodes.absence(*made, "a"), 0.0);
  EXPECT_EQ(inodes.absence(*made, "b"), 0.0);
}

TEST_F(an_inode_table, doubts_a_name_when_adding_it_has_failed) {
  const auto made = made_directory(1);
  inodes.absence(*made, "a");
  inodes.doubt(*made, "a", false);
  EXPECT_TRUE(kernel.was_told("name " + kernel.id(*made) + "/a"));
  EXPECT_EQ(inodes.absence(*made, "a"), 0.0);
  EXPECT_EQ(inodes.absence(*made, "b"), 0.0);
  const auto i = known(2);
  inodes.link(*made, "there", i.get(), true);
  inodes.doubt(*made, "there", false);
  EXPECT_EQ(inodes.child_of(*made, "there"), i.get()) << "that one was there before";
}

TEST_F(an_inode_table, does_not_know_the_names_when_it_has_forgotten_one) {
  const auto made = made_directory(1);
  std::uint64_t id = 0;
  {
    const auto i = known(2);
    id = i->id();
    inodes.link(*made, "a", i.get(), true);
  }
  inodes.forget(id, 1);
  EXPECT_EQ(inodes.absence(*made, "a"), 0.0);
}

TEST_F(an_inode_table, does_not_know_the_names_when_something_unknown_was_moved_there) {
  const auto made = made_directory(1);
  inodes.move(*root, "unknown", *made, "a");
  EXPECT_EQ(inodes.absence(*made, "a"), 0.0);
}

TEST_F(an_inode_table, finds_a_file_by_the_handle_that_a_restarted_server_gave_it) {
  const auto i = known(1);
  inodes.restarted();
  EXPECT_NE(i->run, inodes.run());
  inodes.rename_handle(*i, numbered_handle(7));
  EXPECT_EQ(i->run, inodes.run());
  EXPECT_EQ(inodes.of(numbered_handle(7)).get(), i.get());
  EXPECT_NE(inodes.of(numbered_handle(1)).get(), i.get());
}

// --- What the kernel has yet to be told ---

TEST(a_news_queue, has_an_inode_once_for_each_kind_of_news_and_gives_them_in_their_order) {
  using kind = news::kind;
  news_queue queue;
  for (int again = 0; again < 3; ++again) {
    queue.add({kind::attributes, 1, {}});
    queue.add({kind::data, 1, {}});
    queue.add({kind::data, 2, {}});
  }
  queue.add({kind::name, 1, "a"});
  queue.add({kind::name, 1, "b"});
  EXPECT_EQ(queue.size(), 5u);
  EXPECT_EQ(queue.take()->what, kind::attributes);
  EXPECT_EQ(queue.take()->what, kind::data);
  queue.add({kind::data, 1, {}});  // changed after it was told
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_EQ(queue.take()->id, 2u);
  EXPECT_EQ(queue.take()->name, "a");
  queue.clear();
  EXPECT_FALSE(queue.take());
  queue.add({kind::data, 1, {}});
  EXPECT_EQ(queue.size(), 1u);
}

}  // namespace
}  // namespace sfs::test
