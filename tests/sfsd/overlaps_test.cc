// Calls that overlap: what a client is told of a file as it was before its own change (RFC 1813,
// section 2.6) never lets it take another's change for its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "examples/sfsd/nfs/lone_change.h"
#include "tests/sfsd/kernel_faults.h"
#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

class a_lone_change : public testing::Test {
 protected:
  using owner = std::unique_ptr<lone_change>;
  owner of(const byte_string& handle) { return std::make_unique<lone_change>(watch, handle); }

  const byte_string here{1, 2, 3}, elsewhere{2, 2, 3};
  std::unique_ptr<change_watch> watch_ = std::make_unique<change_watch>();
  change_watch& watch = *watch_;
};

TEST_F(a_lone_change, is_alone_if_nobody_else_is_there) {
  for (int again = 0; again < 3; ++again) EXPECT_TRUE(of(here)->is_alone());
}

TEST_F(a_lone_change, is_not_alone_with_who_came_before_and_is_still_there) {
  owner first = of(here);
  const owner second = of(here);
  EXPECT_FALSE(second->is_alone());
  first.reset();
  EXPECT_FALSE(second->is_alone()) << "who is gone now may have changed the file since";
}

TEST_F(a_lone_change, is_not_alone_with_who_came_after_it_though_he_has_gone) {
  const owner first = of(here);
  owner second = of(here);
  EXPECT_FALSE(first->is_alone());
  second.reset();
  EXPECT_FALSE(first->is_alone());
  EXPECT_FALSE(of(here)->is_alone()) << "the first is still there";
}

TEST_F(a_lone_change, is_alone_once_all_others_have_left_before) {
  owner first = of(here), second = of(here);
  first.reset();
  second.reset();
  EXPECT_TRUE(of(here)->is_alone());
}

TEST_F(a_lone_change, does_not_mind_who_changes_another_file) {
  const owner one = of(here), other = of(elsewhere);
  EXPECT_TRUE(one->is_alone());
  EXPECT_TRUE(other->is_alone());
}

TEST_F(a_lone_change, of_one_file_twice_in_one_call_is_one) {
  {
    const lone_change from(watch, here), to(watch, here, from);
    EXPECT_TRUE(from.is_alone());
    EXPECT_TRUE(to.is_alone());
    const owner other = of(here);
    EXPECT_FALSE(from.is_alone());
    EXPECT_FALSE(to.is_alone());
  }
  EXPECT_TRUE(of(here)->is_alone()) << "and it has left once";
}

TEST_F(a_lone_change, of_two_files_is_alone_in_each_for_itself) {
  const lone_change from(watch, here), to(watch, elsewhere, from);
  const owner other = of(elsewhere);
  EXPECT_TRUE(from.is_alone());
  EXPECT_FALSE(to.is_alone());
}

TEST_F(a_lone_change, of_what_is_no_handle_is_one_too) {
  EXPECT_TRUE(of({})->is_alone());
  EXPECT_TRUE(of({9})->is_alone());
  EXPECT_TRUE(of({0xff, 0xff})->is_alone());
}

class overlapping : public a_writable_export {
 protected:
  // Whether a call that another one overlaps tells what the file is now, and not what it was.
  testing::AssertionResult tells_only_after(const wcc_data& wcc, byte_string& file) {
    if (wcc.before.attributes_follow) return testing::AssertionFailure() << "it tells of before";
    if (!wcc.after.attributes_follow) return testing::AssertionFailure() << "nothing of after";
    if (!same_attributes(wcc.after.post_op_attr_u.attributes, nfs.attributes(file)))
      return testing::AssertionFailure() << "after is wrong";
    return testing::AssertionSuccess();
  }
  // As one client's call is about to change something, another's is carried out.
  template <class Call, class Other>
  auto with(Other other, Call call) {
    faults_for_a_test kernel;
    bool done = false;
    kernel.meanwhile = [&] {
      other();
      done = true;
    };
    const auto result = call();
    EXPECT_TRUE(done);
    return result;
  }
  // Alone again, it tells of before.
  void expect_alone(byte_string& file) {
    const fattr3 before = nfs.attributes(file);
    EXPECT_TRUE(tells(nfs, nfs.set(file, wanted().mtime_now()).wcc, before, file));
  }
};
INSTANTIATE_FOR_BOTH_NAMINGS(overlapping);

TEST_P(overlapping, changes_of_one_file_tell_nothing_of_before) {
  byte_string f = file_of(*alice, "f", "0123456789");
  const auto others_write = [&] { EXPECT_EQ(nfs.write(f, 3, "other").status, NFS3_OK); };
  const auto others_set = [&] { EXPECT_EQ(nfs.set(f, wanted().mode(0600)).status, NFS3_OK); };
  EXPECT_TRUE(tells_only_after(with(others_write, [&] { return nfs.write(f, 0, "mine").wcc; }), f));
  EXPECT_TRUE(tells_only_after(with(others_set, [&] { return nfs.write(f, 0, "mine").wcc; }), f));
  EXPECT_TRUE(
      tells_only_after(with(others_write, [&] { return nfs.set(f, wanted().size(4)).wcc; }), f));
  EXPECT_TRUE(tells_only_after(with(others_write, [&] { return nfs.commit(f).wcc; }), f));
  expect_alone(f);
}

TEST_P(overlapping, a_write_that_fails_tells_nothing_of_before_either) {
  byte_string f = file_of(*alice, "f", "0123456789");
  const wcc_data wcc = with([&] { nfs.write(f, 3, "other"); },
                            [&] {
                              faults()->write_error = EIO;
                              faults()->writes_left = 1;  // the other's
                              const written w = nfs.write(f, 0, "mine");
                              EXPECT_EQ(w.status, NFS3ERR_IO);
                              return w.wcc;
                            });
  EXPECT_TRUE(tells_only_after(wcc, f));
}

TEST_P(overlapping, a_creation_that_cuts_a_file_is_a_change_of_that_file) {
  byte_string f = file_of(*alice, "f", "0123456789");
  const auto others_create = [&] {
    EXPECT_EQ(nfs.create(top, "f", UNCHECKED, wanted().size(0)).status, NFS3_OK);
  };
  EXPECT_TRUE(
      tells_only_after(with(others_create, [&] { return nfs.write(f, 0, "mine").wcc; }), f));
}

TEST_P(overlapping, what_is_given_to_a_new_file_is_a_change_of_that_file) {
  byte_string f;
  wcc_data wcc{};
  // The other finds the new file before it has the size that was asked for.
  const auto others_write = [&] {
    f = nfs.look_up(top, "n");
    wcc = nfs.write(f, 0, "other").wcc;
  };
  with(others_write, [&] { return nfs.create(top, "n", GUARDED, wanted().size(3)).status; });
  ASSERT_FALSE(f.empty());
  EXPECT_FALSE(wcc.before.attributes_follow);
}

TEST_P(overlapping, what_is_given_to_a_new_file_is_told_to_who_was_shown_it_before) {
  const auto is_told_of = [&](const made& m) {
    const auto& told = nfs.notes.changed;
    return std::find(told.begin(), told.end(), sealed_handle(m.handle)) != told.end();
  };
  nfs.notes.note_changed = true;
  EXPECT_TRUE(is_told_of(nfs.create(top, "f", GUARDED, wanted().size(3))));
  EXPECT_TRUE(is_told_of(nfs.make_directory(top, "d", wanted().uid(alice_id))));
  EXPECT_TRUE(is_told_of(nfs.make_node(top, "n", NF3FIFO, wanted().mtime({1, 0}))));
  EXPECT_FALSE(is_told_of(nfs.create(top, "g", GUARDED, wanted().mode(0640)))) << "it began so";
}

TEST_P(overlapping, changes_of_one_directory_tell_nothing_of_before) {
  byte_string d = directory_of(*alice, "d"), e = directory_of(*alice, "e");
  byte_string f = nfs.create(d, "f", GUARDED).handle;
  int number = 0;
  const auto others = [&] {
    EXPECT_EQ(nfs.create(d, "other" + std::to_string(++number), GUARDED).status, NFS3_OK);
  };
  EXPECT_TRUE(
      tells_only_after(with(others, [&] { return nfs.make_directory(d, "m").directory; }), d));
  EXPECT_TRUE(
      tells_only_after(with(others, [&] { return nfs.make_directory(d, "m").directory; }), d))
      << "it fails, for the name is there";
  EXPECT_TRUE(tells_only_after(with(others, [&] { return nfs.remove_directory(d, "m").wcc; }), d));
  EXPECT_TRUE(tells_only_after(with(others, [&] { return nfs.link(f, d, "l").directory; }), d));
  EXPECT_TRUE(tells_only_after(with(others, [&] { return nfs.remove(d, "l").wcc; }), d));
  const renamed within = with(others, [&] { return nfs.rename(d, "f", d, "g"); });
  EXPECT_TRUE(tells_only_after(within.from, d));
  EXPECT_TRUE(tells_only_after(within.to, d));
  EXPECT_TRUE(tells_only_after(with(others, [&] { return nfs.rename(d, "g", e, "g").from; }), d));
  EXPECT_TRUE(tells_only_after(with(others, [&] { return nfs.rename(e, "g", d, "g").to; }), d));
  expect_alone(d);
  expect_alone(e);
}

TEST_P(overlapping, a_rename_within_a_directory_alone_tells_what_that_was_before) {
  byte_string d = directory_of(*alice, "d");
  nfs.create(d, "f", GUARDED);
  const fattr3 before = nfs.attributes(d);
  const renamed r = nfs.rename(d, "f", d, "g");
  EXPECT_TRUE(tells(nfs, r.from, before, d));
  EXPECT_TRUE(tells(nfs, r.to, before, d));
}

}  // namespace
}  // namespace sfs::test
