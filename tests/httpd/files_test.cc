// What paths stand for, and the cache of it.
#include <sys/resource.h>
#include <sys/stat.h>

#include "async/main.h"
#include "examples/httpd/files/loader.h"
#include "examples/httpd/files/page_cache.h"
#include "mp/runtime.h"
#include "tests/httpd/support.h"

namespace httpd::test {
namespace {

struct loading : testing::Test {
  scratch_directory files;
  serving_options options;

  loader open() {
    std::filesystem::create_directories(files.path() / "www");
    auto made = loader::open(files.path() / "www", options);
    if (!made) std::abort();
    return std::move(*made);
  }
  loaded load(const std::string& path) { return open().load(path, nullptr); }
  unsigned status(const std::string& path) { return load(path).status; }
  std::string body(const std::string& path) {
    const loaded l = load(path);
    return l.what ? std::string(l.what->plain().body()) : std::to_string(l.status);
  }
};

TEST_F(loading, gives_a_file_with_its_fields) {
  files.file("www/a.html", "<p>");
  const loaded l = load("/a.html");
  ASSERT_TRUE(l.what);
  const representation& r = l.what->plain();
  EXPECT_TRUE(r.in_memory());
  EXPECT_EQ(r.body(), "<p>");
  EXPECT_EQ(r.whole(), std::string(r.fields()) + "\r\n<p>");
  EXPECT_TRUE(
      r.fields().starts_with("Content-Length: 3\r\nContent-Type: text/html; charset=utf-8"));
  EXPECT_TRUE(r.described().starts_with("Content-Type: "));
  EXPECT_TRUE(r.validated().starts_with("ETag: \"")) << r.validated();
  EXPECT_EQ(body("/none"), "404");
}

TEST_F(loading, keeps_what_is_large_on_the_disk) {
  options.most_in_memory = 10;
  files.file("www/ten", std::string(10, 'x'));
  files.file("www/eleven", std::string(11, 'x'));
  EXPECT_TRUE(load("/ten").what->plain().in_memory());
  const loaded l = load("/eleven");
  EXPECT_FALSE(l.what->plain().in_memory());
  EXPECT_EQ(l.what->plain().size(), 11u);
  EXPECT_GE(l.what->cost(), representation::cost_of_file);
}

TEST_F(loading, knows_directories_by_their_index) {
  files.file("www/sub/index.html", "index");
  std::filesystem::create_directories(files.path() / "www/empty");
  EXPECT_EQ(body("/sub/"), "index");
  EXPECT_TRUE(load("/sub").what->is_redirect());
  EXPECT_EQ(status("/empty/"), 404u);
  EXPECT_EQ(status("/sub/index.html/"), 404u);
}

TEST_F(loading, lists_a_directory_only_if_that_was_said) {
  files.file("www/d/a<b", "");
  files.file("www/d/.hidden", "");
  std::filesystem::create_directories(files.path() / "www/d/sub");
  EXPECT_EQ(status("/d/"), 404u);
  options.listings = true;
  const std::string page = body("/d/");
  EXPECT_NE(page.find("<a href=\"./a%3Cb\">a&lt;b</a>"), std::string::npos) << page;
  EXPECT_NE(page.find("<a href=\"./sub/\">"), std::string::npos) << page;
  EXPECT_EQ(page.find("hidden"), std::string::npos) << page;
}

TEST_F(loading, never_leaves_the_root) {
  files.file("outside", "secret");
  files.file("www/a", "a");
  std::filesystem::create_symlink("../outside", files.path() / "www/out");
  std::filesystem::create_symlink(files.path() / "outside", files.path() / "www/absolute");
  std::filesystem::create_symlink("a", files.path() / "www/in");
  std::filesystem::create_symlink("..", files.path() / "www/up");
  for (const char* path : {"/out", "/absolute", "/in", "/up/outside", "/../outside"})
    EXPECT_NE(status(path), 200u) << path;
  options.symlinks = true;
  EXPECT_EQ(body("/in"), "a");
  for (const char* path : {"/out", "/absolute", "/up/outside", "/../outside"})
    EXPECT_NE(status(path), 200u) << path;
}

TEST_F(loading, gives_dotfiles_only_if_that_was_said) {
  files.file("www/.git/config", "x");
  files.file("www/sub/.htpasswd", "x");
  EXPECT_EQ(status("/.git/config"), 404u);
  EXPECT_EQ(status("/sub/.htpasswd"), 404u);
  options.dotfiles = true;
  EXPECT_EQ(status("/.git/config"), 200u);
}

TEST_F(loading, neither_waits_for_a_pipe_nor_serves_it) {
  std::filesystem::create_directories(files.path() / "www");
  ASSERT_EQ(::mkfifo((files.path() / "www/pipe").c_str(), 0644), 0);
  EXPECT_EQ(status("/pipe"), 404u);
}

TEST_F(loading, finds_the_compressed_form_beside_a_file) {
  files.file("www/a.css", "plain");
  files.file("www/a.css.gz", "packed");
  const loaded l = load("/a.css");
  ASSERT_TRUE(l.what && l.what->has_gzip());
  EXPECT_EQ(l.what->gzip().body(), "packed");
  EXPECT_NE(l.what->gzip().fields().find("Content-Encoding: gzip\r\n"), std::string_view::npos);
  EXPECT_NE(l.what->plain().validated().find("Vary: Accept-Encoding"), std::string_view::npos);
  EXPECT_NE(l.what->plain().state().etag, l.what->gzip().state().etag);
  EXPECT_EQ(l.what->gzip().type(), "text/css; charset=utf-8");
  EXPECT_EQ(body("/a.css.gz"), "packed");
  options.gzip = false;
  EXPECT_FALSE(load("/a.css").what->has_gzip());
}

TEST_F(loading, again_gives_the_same_until_the_file_changes) {
  files.file("www/a", "one");
  const loader files_of = open();
  const loaded first = files_of.load("/a", nullptr);
  EXPECT_EQ(files_of.load("/a", first.what).what, first.what);
  files.file("www/b", "two");  // a new file of the same size in its place
  std::filesystem::rename(files.path() / "www/b", files.path() / "www/a");
  const loaded second = files_of.load("/a", first.what);
  EXPECT_NE(second.what, first.what);
  EXPECT_NE(second.what->plain().state().etag, first.what->plain().state().etag);
}

TEST(media_types, come_from_the_ending_of_the_name) {
  const scratch_directory files;
  const mime_types types(
      files.file("mime.types", "# comment\ntext/x-odd odd ODD2\nbad\"type x\ntext/x-html html\n"));
  EXPECT_EQ(types.of("/a.b/x.ODD"), "text/x-odd; charset=utf-8");
  EXPECT_EQ(types.of("/x.odd2"), "text/x-odd; charset=utf-8");
  EXPECT_EQ(types.of("/x.html"), "text/html; charset=utf-8");
  EXPECT_EQ(types.of("/x.png"), "image/png");
  EXPECT_EQ(types.of("/x"), "application/octet-stream");
  EXPECT_EQ(types.of("/x.x"), "application/octet-stream");
}

// --- The cache ---

struct caching : loading {
  // Has `path` fetched, and waits for it.
  static loaded fetch(page_cache& cache, const std::string& path) {
    loaded got;
    cache.fetch(path, async::cwrap(async::color::fresh(), [&got](loaded l) {
                  got = std::move(l);
                  async::stop();
                }));
    async::amain();
    return got;
  }
};

// A uniprocessor build has no threads that may load.
#if defined(ASYNC_UNIPROCESSOR)
constexpr async::blocking_limits pool_limits{.threads = 0};
#else
constexpr async::blocking_limits pool_limits{.threads = 2};
#endif

constexpr std::uint32_t before_all_checks = 0;

TEST_F(caching, a_hit_is_what_was_fetched) {
  files.file("www/a", "a");
  const loader disk = open();
  async::blocking_pool pool(pool_limits);
  page_cache cache(disk, pool, async::color::fresh(), 1 << 20, 1600);
  EXPECT_FALSE(cache.find("/a", before_all_checks));
  const loaded a = fetch(cache, "/a");
  EXPECT_EQ(a.status, 200u);
  EXPECT_EQ(cache.find("/a", before_all_checks), a.what);
  EXPECT_EQ(cache.cost(), a.what->cost());
  EXPECT_EQ(fetch(cache, "/none").status, 404u);
  EXPECT_FALSE(cache.find("/none", before_all_checks));
}

TEST_F(caching, one_asker_has_what_is_stale_checked_and_others_get_it) {
  files.file("www/a", "a");
  const loader disk = open();
  async::blocking_pool pool(pool_limits);
  page_cache cache(disk, pool, async::color::fresh(), 1 << 20, 1600);
  const loaded a = fetch(cache, "/a");
  const std::uint32_t later = a.what->fresh_until + 1;
  EXPECT_FALSE(cache.find("/a", later));
  EXPECT_EQ(cache.find("/a", later), a.what);
  EXPECT_EQ(fetch(cache, "/a").what, a.what);
  std::filesystem::remove(files.path() / "www/a");
  EXPECT_EQ(fetch(cache, "/a").status, 404u);
  EXPECT_FALSE(cache.find("/a", before_all_checks));
}

// The file can't be looked at, which says nothing of it.
TEST_F(caching, keeps_a_file_while_there_are_no_descriptors) {
  if (async::test::sanitized) GTEST_SKIP() << "a sanitizer's checks need descriptors";
  files.file("www/a", "a");
  const loader disk = open();
  async::blocking_pool pool(pool_limits);
  page_cache cache(disk, pool, async::color::fresh(), 1 << 20, 1600);
  const auto own = async::color::fresh();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  loaded first, again;
  cache.fetch("/a", async::cwrap(own, [&](loaded l) {
                first = std::move(l);
                const rlimit none{0, before.rlim_max};
                ::setrlimit(RLIMIT_NOFILE, &none);
                cache.fetch("/a", async::cwrap(own, [&](loaded a) {
                              again = std::move(a);
                              ::setrlimit(RLIMIT_NOFILE, &before);
                              async::stop();
                            }));
              }));
  async::amain();
  EXPECT_EQ(first.status, 200u);
  EXPECT_EQ(again.status, 200u);
  EXPECT_EQ(again.what, first.what);
  EXPECT_EQ(cache.find("/a", before_all_checks), first.what);
}

TEST_F(caching, keeps_what_was_used_last_within_its_bounds) {
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) files.file("www/" + std::to_string(i), std::string(1000, 'x'));
  const loader disk = open();
  async::blocking_pool pool(pool_limits);
  page_cache cache(disk, pool, async::color::fresh(), 16 * 10'000, 1600);
  for (int i = 0; i < count; ++i) {
    fetch(cache, "/" + std::to_string(i));
    cache.find("/0", before_all_checks);
    ASSERT_LE(cache.cost(), 16u * 10'000u);
  }
  EXPECT_TRUE(cache.find("/0", before_all_checks)) << "it was used all the time";
  EXPECT_TRUE(cache.find("/199", before_all_checks));
  EXPECT_FALSE(cache.find("/1", before_all_checks));
}

TEST_F(caching, many_who_ask_for_one_new_file_have_it_read_once) {
  files.file("www/a", "a");
  const loader disk = open();
  async::blocking_pool pool(pool_limits);
  page_cache cache(disk, pool, async::color::fresh(), 1 << 20, 1600);
  std::set<const resource*> got;
  constexpr int askers = 100;
  int answers = 0;
  const auto own = async::color::fresh();
  for (int i = 0; i < askers; ++i)
    cache.fetch("/a", async::cwrap(own, [&](loaded l) {
                  got.insert(l.what.get());
                  if (++answers == askers) async::stop();
                }));
  async::amain();
  // All have asked before the first can be answered: they were posted first, to one color.
  EXPECT_EQ(got.size(), 1u);
  EXPECT_TRUE(*got.begin());
}

}  // namespace
}  // namespace httpd::test
