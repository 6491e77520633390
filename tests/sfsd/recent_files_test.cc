// The files that are kept open for clients, and how they share a few permits.
#include "examples/sfsd/nfs/recent_files.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

class recent : public testing::Test {
 protected:
  static data_call call_for(char name) {
    data_call c;
    c.handle = sealed_handle(as_bytes(std::string_view(&name, 1)));
    return c;
  }
  // Returns its descriptor.
  int remember(recent_files& files, char name, bool for_writing = false, int seconds = 0) {
    fd_owner fd(::open("/dev/null", (for_writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC));
    const int number = fd.get();
    files.remember(call_for(name), async::make_ref<open_file>(std::move(fd), who, for_writing),
                   now + std::chrono::seconds(seconds));
    return number;
  }
  // Which of these files are kept.
  std::string kept(recent_files& files, std::string_view names = "abcdefgh") {
    std::string found;
    for (const char name : names)
      if (files.find(call_for(name), *who, now)) found += name;
    return found;
  }

  const async::ref<const principal> who = make_anonymous();
  const recent_files::time_point now{};
};

TEST_F(recent, files_are_the_last_four) {
  std::counting_semaphore<> permits{10};
  recent_files files(permits);
  for (const char name : {'a', 'b', 'c', 'd'}) remember(files, name);
  EXPECT_EQ(kept(files), "abcd");
  remember(files, 'e');
  remember(files, 'f');
  EXPECT_EQ(kept(files), "cdef");
}

TEST_F(recent, files_take_the_place_of_others_of_the_client_when_there_is_no_permit) {
  std::counting_semaphore<> permits{3};
  recent_files mine(permits), others(permits);
  remember(mine, 'a');
  remember(mine, 'b');
  remember(others, 'a');
  remember(mine, 'c');
  EXPECT_EQ(kept(mine), "bc");
  remember(mine, 'd');
  EXPECT_EQ(kept(mine), "cd");
  EXPECT_EQ(kept(others), "a");
}

TEST_F(recent, files_are_not_kept_without_any_permit) {
  std::counting_semaphore<> permits{0};
  recent_files files(permits);
  remember(files, 'a');
  EXPECT_EQ(kept(files), "");
}

TEST_F(recent, files_give_their_permits_back_when_they_are_cleared_and_in_the_end) {
  std::counting_semaphore<> permits{2};
  {
    recent_files first(permits), second(permits);
    remember(first, 'a');
    remember(first, 'b');
    first.clear();
    EXPECT_EQ(kept(first), "");
    remember(second, 'c');
    remember(second, 'd');
    EXPECT_EQ(kept(second), "cd");
  }
  recent_files later(permits);
  remember(later, 'e');
  remember(later, 'f');
  remember(later, 'g');
  EXPECT_EQ(kept(later), "fg");
}

TEST_F(recent, files_of_one_handle_that_were_written_know_of_errors_since_the_first_was_opened) {
  std::counting_semaphore<> permits{4};
  recent_files files(permits);
  const auto longest = [&](char name) {
    const open_file* const f = files.longest_written(call_for(name).handle.view());
    return f ? f->fd() : -1;
  };
  remember(files, 'a');
  EXPECT_EQ(longest('a'), -1) << "it was only read";
  const int first = remember(files, 'a', true, 2), second = remember(files, 'a', true, 4);
  remember(files, 'b', true, 1);
  EXPECT_EQ(longest('a'), first);
  remember(files, 'c');
  remember(files, 'd');
  EXPECT_EQ(longest('a'), second);
  files.clear();
  EXPECT_EQ(longest('a'), -1);
}

TEST_F(recent, files_that_no_name_leads_to_any_more_can_be_closed) {
  std::counting_semaphore<> permits{4};
  recent_files files(permits);
  remember(files, 'a');
  fd_owner nameless(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(nameless) << system_reason();
  files.remember(call_for('b'), async::make_ref<open_file>(std::move(nameless), who, false), now);
  EXPECT_EQ(kept(files), "ab");
  files.drop_removed();
  EXPECT_EQ(kept(files), "a");
}

}  // namespace
}  // namespace sfs::test
