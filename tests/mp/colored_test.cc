// Data that belongs to a color: what may touch it, and that a debug build aborts where another
// color does, naming the line.
//
// Serves stage 5. Thread safety: one runtime at a time, made by the test's own thread.
#include "mp/colored.h"

#include <gtest/gtest.h>

#include <string>

#include "mp/color.h"
#include "mp/runtime.h"
#include "tests/mp/tools.h"

namespace async::test {
namespace {

// Runs `f` under `c`, on one CPU.
template <class F>
void run_under(const color& c, F f) {
  post(c, [f] {
    f();
    stop();
  });
  runtime({.cpus = 1}).run();
}

TEST(colored_data, is_touched_by_its_own_color_and_outside_of_all_runtimes) {
  const color own = color::fresh();
  colored<std::string> text(own, "made");
  text() += " before";
  run_under(own, [&] {
    assert_color(own);
    text() += " within";
  });
  EXPECT_EQ(text(), "made before within");
  assert_color(own);
}

#if defined(NDEBUG)

static_assert(sizeof(colored<int>) == sizeof(int), "free in release builds");

TEST(colored_data, is_not_looked_at_in_a_release_build) {
  colored<int> n(color{1}, 7);
  run_under(color{2}, [&] {
    assert_color(color{1});
    ++n();
  });
  EXPECT_EQ(n(), 8);
}

#else

TEST(colored_data_death, aborts_at_the_line_of_another_color_and_names_both) {
  const color own{1};
  colored<int> n(own, 7);
  EXPECT_DEATH(run_under(color{2}, [&] { ++n(); }),
               "colored_test\\.cc:[0-9]+: this belongs to color 1, and a callback of color 2");
  const auto& read_only = n;
  EXPECT_DEATH(run_under(color{2}, [&] { static_cast<void>(read_only()); }),
               "a callback of color 2");
}

TEST(colored_data_death, aborts_where_a_function_of_another_color_is_called) {
  const int line = __LINE__ + 1;
  const auto flush = [] { assert_color(color{3}); };
  EXPECT_DEATH(run_under(color{}, flush), "colored_test\\.cc:" + std::to_string(line) +
                                              ": this belongs to color 3, and a callback of the "
                                              "default color touches it");
}

TEST(colored_data_death, names_fresh_colors_and_those_of_objects) {
  int object = 0;
  EXPECT_DEATH(run_under(color::fresh(), [&] { assert_color(color::of(&object)); }),
               "the color of object 0x[0-9a-f]+, and a callback of fresh color [0-9]+");
}

#if !defined(ASYNC_UNIPROCESSOR) && !defined(__SANITIZE_THREAD__)  // no threads in its children

TEST(colored_data_death, may_not_be_touched_by_a_thread_beside_a_runtime) {
  EXPECT_DEATH(
      {
        runtime cpus({.cpus = 1});
        cpus.start();
        assert_color(color{1});
      },
      "color 1, and a thread that runs no callback");
}

#endif
#endif

}  // namespace
}  // namespace async::test
