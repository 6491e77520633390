// The programs as their users see them.
#include <gtest/gtest.h>

#include "async/net.h"
#include "tests/sfsd/repository.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

class the_client : public testing::Test {
 protected:
  running_server server;
  std::string there = "--connect=" + server.place().text;
  std::string path(std::string_view rest) { return server.path().text() + std::string(rest); }
};

TEST_F(the_client, lists_a_directory) {
  std::filesystem::create_symlink("data", server.scratch().path() / "export/link");
  const finished f = run_program({"sfs", "ls", there, path("")});
  EXPECT_EQ(f.status, 0) << f.errors;
  EXPECT_EQ(f.output, "data\ndirectory\nlink\n");
  const finished l = run_program({"sfs", "ls", "-l", there, path("/")});
  EXPECT_TRUE(has(l.output, "-rw-r--r--      3000000")) << l.output;
  EXPECT_TRUE(has(l.output, "drwxr-xr-x"));
  EXPECT_TRUE(has(l.output, "link -> data"));
  EXPECT_EQ(run_program({"sfs", "ls", there, path("/directory/small")}).output, "small\n");
}

TEST_F(the_client, copies_a_file_byte_by_byte) {
  const auto copy = server.scratch().path() / "copy";
  const finished f = run_program({"sfs", "get", there, path("/data"), copy.string()});
  EXPECT_EQ(f.status, 0) << f.errors;
  const std::string got = text_of_file(copy);
  EXPECT_TRUE(std::ranges::equal(got, server.content(), [](char a, std::uint8_t b) {
    return static_cast<std::uint8_t>(a) == b;
  }));
  EXPECT_EQ(run_program({"sfs", "get", there, path("/directory/small"), "-"}).output, "hello\n");
}

TEST_F(the_client, says_what_is_wrong_and_leaves_nothing_behind) {
  const auto copy = server.scratch().path() / "copy";
  auto why = [&](std::string_view rest) {
    const finished f = run_program({"sfs", "get", there, path(rest), copy.string()});
    EXPECT_NE(f.status, 0);
    EXPECT_FALSE(std::filesystem::exists(copy));
    for (const auto& file : std::filesystem::directory_iterator(server.scratch().path()))
      EXPECT_FALSE(file.path().filename().string().starts_with('.')) << file.path();
    return f.errors;
  };
  EXPECT_TRUE(has(why("/nothing"), "nothing: there is no such file"));
  EXPECT_TRUE(has(why("/directory"), "not a regular file"));
  EXPECT_TRUE(has(why("/data/below"), "it is not a directory"));
  EXPECT_EQ(run_program({"sfs", "ls", "/etc"}).status, 2);
  EXPECT_EQ(run_program({"sfs", "ls", "--frobnicate", path("")}).status, 2);
  EXPECT_EQ(run_program({"sfs", "ls", "--connect=127.0.0.1%1", path("")}).status, 1);
}

TEST_F(the_client, says_what_is_wrong_with_which_name_and_says_it_once) {
  const auto says = [&](std::vector<std::string> words, const std::string& expected) {
    words.insert(words.begin(), "sfs");
    words.emplace_back("--quiet");
    const finished f = run_program(std::move(words));
    EXPECT_EQ(f.status, 1);
    EXPECT_EQ(without_impatience(f.errors), "sfs: fatal: " + expected + "\n");
  };
  const std::string here = server.scratch().path(), copy = here + "/copy", link = here + "/link",
                    none = ": there is no such file";
  std::filesystem::create_symlink("/nowhere/copy", link);
  says({"ls", there, path("/nothing")}, "/nothing" + none);
  says({"ls", there, path("/directory/nothing/")}, "/directory/nothing/" + none);
  says({"ls", there, path("/no/such/file")}, "/no/such/file: no" + none);
  says({"stat", there, path("/data/below")}, "/data/below: data: it is not a directory");
  says({"cat", there, path("/nothing")}, "/nothing" + none);
  says({"cat", there, path("/directory")}, "/directory: it is not a regular file");
  says({"get", there, path("/nothing"), copy}, "/nothing" + none);
  says({"get", there, path("/data"), "/nowhere/copy"}, "/nowhere/copy: No such file or directory");
  says({"get", there, path("/data"), link}, link + ": /nowhere/copy: No such file or directory");
  says({"get", there, path("/data"), here}, here + ": it is a directory");
  says({"get", there, path("/data"), "/dev/full"}, "/dev/full: No space left on device");
  says({"get", there, "--resume", path("/data"), "/dev/null"},
       "/dev/null: only a regular file is resumed");
  says({"put", there, "/nowhere", path("/new")}, "/nowhere: No such file or directory");
  says({"put", there, here, path("/new")}, here + ": it is a directory");
  says({"put", there, "/dev/null", path("/no/such")}, "/no/such: no" + none);
  says({"put", there, "/dev/null", path("/directory")}, "/directory: it is a directory");
  says({"put", there, "/dev/null", path("/new")}, "/new: the server does not allow it");
  says({"rm", there, path("/nothing")}, "/nothing" + none);
  says({"rm", there, path("/no/such")}, "/no/such: no" + none);
  says({"rm", there, path("/directory")},
       "/directory: it is a directory; -r removes it with all that is in it");
  says({"rm", there, path("")}, "/: the server's root cannot be removed");
  says({"ls", "--connect=127.0.0.1%1", path("")}, "127.0.0.1: 127.0.0.1%1: Connection refused");
  says({"ls", there, "--user-key=/nowhere", path("")},
       "the user's key: /nowhere: No such file or directory");
  self_certifying_path elsewhere = server.path();
  elsewhere.location = *server_location::parse("127.0.0.1%1");
  says({"ls", elsewhere.text()}, "127.0.0.1%1: Connection refused");
}

TEST_F(the_client, wants_a_name_for_the_file_here) {
  for (const auto& words : {std::vector<std::string>{"sfs", "put", there, "", path("/new")},
                            std::vector<std::string>{"sfs", "get", there, path("/data"), ""}}) {
    const finished f = run_program(words);
    EXPECT_EQ(f.status, 2);
    EXPECT_TRUE(has(f.errors, "FILE is empty: name a file, or -")) << f.errors;
  }
}

TEST_F(the_client, writes_to_devices_and_not_over_them_or_over_directories) {
  const finished f = run_program({"sfs", "get", there, path("/data"), "/dev/null"});
  EXPECT_EQ(f.status, 0) << f.errors;
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  const finished full = run_program({"sfs", "get", there, path("/directory/small"), "/dev/full"});
  EXPECT_EQ(full.status, 1);
  EXPECT_TRUE(has(full.errors, "/dev/full: No space left")) << full.errors;
  const finished d = run_program({"sfs", "get", there, path("/data"), server.scratch().path()});
  EXPECT_EQ(d.status, 1);
  EXPECT_TRUE(has(d.errors, "it is a directory")) << d.errors;
}

TEST_F(the_client, leaves_nothing_behind_where_files_may_not_be_as_large) {
  const std::string copy = server.scratch().path() / "copies";
  std::filesystem::create_directory(copy);
  const finished f = child_process({"/bin/sh", "-c",
                                    "ulimit -c 0; ulimit -f 100; exec " + program("sfs") + " get " +
                                        there + " " + path("/data") + " " + copy + "/one"})
                         .finish();
  EXPECT_NE(f.status, 0);
  EXPECT_TRUE(std::filesystem::is_empty(copy));
}

// Runs a program with its standard output on a device that is full.
finished run_into_full_device(const std::string& words) {
  return child_process({"/bin/sh", "-c", "exec " + words + " >/dev/full"}).finish();
}

TEST_F(the_client, says_when_its_output_could_not_be_written) {
  const finished f = run_into_full_device(program("sfs") + " ls " + there + " " + path(""));
  EXPECT_EQ(f.status, 1);
  EXPECT_TRUE(has(f.errors, "standard output: No space left")) << f.errors;
}

TEST_F(the_client, shows_names_in_a_way_that_cannot_control_a_terminal) {
  server.scratch().file("export/bad\x1b[31mname\n", "");
  server.scratch().file(
      "export/c1 \xc2\x9b"
      "31m",
      "");
  server.scratch().file(
      "export/raw \x9b"
      "31m",
      "");
  for (const char* how : {"ls", "ls -l"}) {
    SCOPED_TRACE(how);
    std::vector<std::string> words{"sfs", "ls", there, path("")};
    if (how[2] != '\0') words.push_back("-l");
    const finished f = run_program(words);
    EXPECT_TRUE(has(f.output, "bad\\x1b[31mname\\x0a\n")) << f.output;
    EXPECT_TRUE(has(f.output, "c1 \\xc2\\x9b31m\n")) << f.output;
    EXPECT_TRUE(has(f.output, "raw \\x9b31m\n")) << f.output;
  }
}

TEST_F(the_client, refuses_a_server_with_another_key) {
  self_certifying_path wrong = server.path();
  wrong.id = new_key("127.0.0.1").id();
  const finished f = run_program({"sfs", "ls", there, wrong.text()});
  EXPECT_EQ(f.status, 1);
  EXPECT_TRUE(has(f.errors, "HOSTID")) << f.errors;
}

TEST_F(the_client, is_told_when_anonymous_clients_may_do_nothing) {
  running_server closed({"--anonymous", "nothing"});
  const finished f =
      run_program({"sfs", "ls", "--connect=" + closed.place().text, closed.path().text()});
  EXPECT_EQ(f.status, 1);
  EXPECT_TRUE(has(f.errors, "anonymous clients nothing: log in with --user-key")) << f.errors;
}

TEST_F(the_client, is_told_what_to_do_when_it_may_not_be_anonymous_whichever_program_it_is) {
  running_server closed({"--anonymous", "nothing"});
  const scratch_directory scratch;
  const std::string home = "HOME=" + scratch.path().string();
  const auto says = [&](const std::vector<std::string>& first,
                        const std::vector<std::string>& last = {}) {
    std::vector<std::string> words{"/usr/bin/env",    "-u", "XDG_CONFIG_HOME", "-u",
                                   "XDG_RUNTIME_DIR", home};
    words.push_back(program(first[0]));
    words.insert(words.end(), first.begin() + 1, first.end());
    words.insert(words.end(), {"--connect=" + closed.place().text, closed.path().text()});
    words.insert(words.end(), last.begin(), last.end());
    const finished f = child_process(std::move(words)).finish();
    EXPECT_EQ(f.status, 1);
    return f.errors;
  };
  EXPECT_TRUE(has(says({"sfs", "ls"}), "log in with --user-key FILE"));
  EXPECT_TRUE(has(says({"sfs", "ls", "--no-login"}), "leave out --no-login"));
  if (!std::filesystem::exists(program("sfsmount"))) return;  // it needs libfuse
  const std::vector<std::string> place{scratch.path().string()};
  EXPECT_TRUE(has(says({"sfsmount"}, place), "log in with --user-key FILE"));
  EXPECT_TRUE(has(says({"sfsmount", "--no-login"}, place), "leave out --no-login"));
}

TEST_F(the_client, measures_with_sfsload_and_checks_what_it_reads) {
  const std::string data = (server.scratch().path() / "export/data").string();
  for (const char* size : {"8192", "65536", "1000"}) {
    const finished f = run_program({"sfsload", there, "--size", size, "--seconds", "1", "--warmup",
                                    "0", "--connections", "2", path("/data"), data});
    EXPECT_EQ(f.status, 0) << f.errors;
    EXPECT_TRUE(has(f.output, "\"mb_per_s\": ")) << f.output;
    EXPECT_FALSE(has(f.output, "\"checked\": 0,")) << f.output;
  }
}

TEST_F(the_client, finds_out_with_sfsload_when_the_file_is_not_what_is_served) {
  byte_string other = server.content();
  for (std::size_t i = 0; i < other.size(); i += 4096) other[i] ^= 1;
  const auto file =
      server.scratch().file("other", {reinterpret_cast<const char*>(other.data()), other.size()});
  const finished f =
      run_program({"sfsload", there, "--seconds", "1", path("/data"), file.string()});
  EXPECT_EQ(f.status, 1);
  EXPECT_TRUE(has(f.errors, "something else than the file")) << f.errors;
}

TEST_F(the_client, is_told_by_sfsload_that_there_is_no_such_server_process) {
  const std::string data = (server.scratch().path() / "export/data").string();
  for (const char* pid : {"0", "4194305", "self", "1/../1"}) {
    const finished f = run_program({"sfsload", there, "--server-pid", pid, path("/data"), data});
    EXPECT_EQ(f.status, 1);
    EXPECT_TRUE(has(f.errors, "there is no process")) << f.errors;
  }
}

TEST(the_key_program, says_when_its_output_could_not_be_written) {
  const scratch_directory scratch;
  const std::string file = scratch.path() / "key";
  for (const std::string command : {"gen ", "show "}) {
    const finished f = run_into_full_device(program("sfskey") + " " + command + file);
    EXPECT_EQ(f.status, 1);
    EXPECT_TRUE(has(f.errors, "standard output: No space left")) << f.errors;
  }
}

TEST(the_key_program, makes_a_key_once_and_shows_its_path) {
  const scratch_directory scratch;
  const std::string file = scratch.path() / "key";
  const finished made = run_program({"sfskey", "gen", "--location", "host.example%99", file});
  EXPECT_EQ(made.status, 0) << made.errors;
  EXPECT_TRUE(self_certifying_path::parse(made.output.substr(0, made.output.size() - 1)));
  EXPECT_TRUE(made.output.starts_with("/sfs/@host.example%99,"));
  EXPECT_EQ(run_program({"sfskey", "show", file}).output, made.output);
  EXPECT_EQ(run_program({"sfskey", "gen", file}).status, 1) << "an existing file stays";
  EXPECT_EQ(run_program({"sfskey", "show", file}).output, made.output);
  EXPECT_EQ(run_program({"sfskey", "gen", "--location", "a b", file + "2"}).status, 2);
  EXPECT_EQ(run_program({"sfskey", "--location", "host.example", "gen", file + "3"}).status, 0);
  EXPECT_EQ(run_program({"sfskey", "show", "--location", "host.example", file}).status, 2);
}

TEST(every_program, teaches_its_use_and_refuses_what_it_does_not_know) {
  for (const char* name : {"sfsd", "sfs", "sfscd", "sfskey", "sfsload", "sfsagent"}) {
    const finished help = run_program({name, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_TRUE(help.output.starts_with("usage: ")) << name;
    for (const char* asks : {"--help", "-h"})
      EXPECT_EQ(run_program({name, "--nonsense", "word", asks}).output, help.output) << name;
    EXPECT_EQ(run_program({name, "--nonsense"}).status, 2) << name;
    EXPECT_EQ(run_program({name}).status, 2) << name;
  }
  EXPECT_EQ(
      run_program({"sfsd", "--export", "/", "--key", "/nothing", "--users", "/nothing"}).status, 1);
}

TEST(a_server, that_nobody_could_use_does_not_start_and_says_who_can_be_let_in) {
  const finished f = run_program({"sfsd", "--export", "/", "--key", "/nothing"});
  EXPECT_EQ(f.status, 2);
  EXPECT_TRUE(has(f.errors, "nobody could use this server: --users FILE lets users log in"))
      << f.errors;
  EXPECT_TRUE(has(f.errors, "--anonymous read lets everybody read")) << f.errors;
}

TEST(every_program, says_of_which_kind_a_key_is_when_the_other_is_needed) {
  const scratch_directory scratch;
  const std::string servers = scratch.path() / "server", users = scratch.path() / "user";
  const std::string to =
      run_program({"sfskey", "gen", "--location", "127.0.0.1%1", servers}).output;
  ASSERT_EQ(run_program({"sfskey", "gen", "--user", users}).status, 0);
  const std::string path = to.substr(0, to.size() - 1), socket = scratch.path() / "socket";
  const auto says = [](const std::vector<std::string>& words, const std::string& why) {
    const finished f = run_program(words);
    EXPECT_EQ(f.status, 1) << words[0];
    EXPECT_TRUE(has(f.errors, why)) << words[0] << " says " << f.errors;
  };
  const std::string no_user = servers + ": this is a server's key, and a user's is needed",
                    no_server = users + ": this is a user's key, and a server's is needed";
  says({"sfsd", "--export", "/", "--key", users, "--anonymous", "read"}, no_server);
  says({"sfskey", "revoke", users}, no_server);
  says({"sfskey", "register", "--users", scratch.path() / "table", "--user", "me", servers},
       no_user);
  says({"sfs", "ls", "--user-key", servers, path}, no_user);
  says({"sfsagent", "--socket", socket, servers}, no_user);
  says({"sfscd", "--user-key", servers, path}, no_user);
  says({"sfsmount", "--user-key", servers, path, scratch.directory("mount")}, no_user);
}

TEST(every_program, asks_whether_a_misspelt_option_is_the_one_that_is_missing) {
  const auto errors = [](const std::vector<std::string>& words) {
    const finished f = run_program(words);
    EXPECT_EQ(f.status, 2);
    return f.errors;
  };
  EXPECT_TRUE(has(errors({"sfsd", "--exprt", "/"}), "unknown option --exprt: is it --export?"));
  EXPECT_TRUE(has(errors({"sfsd", "--export", "/", "--kye=f"}), "--kye: is it --key?"));
  EXPECT_TRUE(has(errors({"sfsd", "--list", "/"}), "--export DIR is missing"));
  EXPECT_TRUE(has(errors({"sfskey", "register", "--user", "u"}), "--users TABLE is missing"));
  EXPECT_TRUE(has(errors({"sfskey", "register", "--users", "t"}), "--user NAME is missing"));
}

TEST(every_program, names_the_address_that_is_wrong) {
  const scratch_directory scratch;
  const std::string key = scratch.path() / "key";
  ASSERT_EQ(run_program({"sfskey", "gen", key}).status, 0);
  const auto errors = [](const std::vector<std::string>& words) {
    const finished f = run_program(words);
    EXPECT_NE(f.status, 0);
    return f.errors;
  };
  EXPECT_TRUE(has(errors({"sfs", "ls", "/etc"}), "/etc: a self-certifying path"));
  EXPECT_TRUE(has(errors({"sfs", "ls", "--connect=a b", "/etc"}), "--connect a b: a LOCATION"));
  EXPECT_TRUE(has(errors({"sfsload", "/etc", "f"}), "/etc: a self-certifying path"));
  EXPECT_TRUE(has(errors({"sfsload", "--connect=a b", "/etc", "f"}), "--connect a b: a LOCATION"));
  EXPECT_TRUE(has(errors({"sfskey", "gen", "--location=a b", "f"}), "--location a b: a LOCATION"));
  std::vector<std::string> serve{"sfsd",    "--export", "/",        "--key", key,
                                 "--users", key,        "--listen", "a:b"};
  EXPECT_TRUE(has(errors(serve), "--listen a:b: it is [ADDR:]PORT"));
  serve.back() = "nowhere:0";
  EXPECT_TRUE(has(errors(serve), "can't listen on nowhere port 0: Invalid argument"));
}

TEST(every_client_program, says_that_it_waits_for_a_server_that_does_not_answer) {
  const fd_owner door(async::tcp_listen(0, "127.0.0.1"));  // where nobody accepts
  const std::string there = "--connect=127.0.0.1%" + std::to_string(async::local_port(door.get()));
  const std::string path = new_key("127.0.0.1").path().text();
  const scratch_directory scratch;
  const auto says = [&](std::vector<std::string> words) {
    words[0] = program(words[0]);
    words.insert(words.end(), {there, "--no-login", path});
    return child_process(std::move(words)).read_error_line();
  };
  EXPECT_EQ(says({"sfs", "ls"}), "sfs: 127.0.0.1 does not answer; trying for 30 s");
  EXPECT_EQ(says({"sfscd"}), "sfscd: 127.0.0.1 does not answer; trying on");
  if (!std::filesystem::exists(program("sfsmount"))) return;  // it needs libfuse
  child_process mount(
      {program("sfsmount"), "--foreground", there, "--no-login", path, scratch.path().string()});
  EXPECT_EQ(mount.read_error_line(), "sfsmount: 127.0.0.1 does not answer; trying for 30 s");
}

TEST(the_mount_program, mounts_nothing_after_whoever_called_it_was_killed) {
  if (!std::filesystem::exists(program("sfsmount"))) GTEST_SKIP() << "it needs libfuse";
  const fd_owner door(async::tcp_listen(0, "127.0.0.1"));  // where nobody accepts
  const scratch_directory scratch;
  child_process mount({program("sfsmount"),
                       "--connect=127.0.0.1%" + std::to_string(async::local_port(door.get())),
                       "--no-login", new_key("127.0.0.1").path().text(), scratch.path().string()});
  EXPECT_TRUE(has(mount.read_error_line(), "trying for 30 s"));
  ::kill(mount.pid(), SIGKILL);
  EXPECT_EQ(mount.finish().errors, "");  // it would say that it gives up
}

TEST(every_client_program, says_why_it_waits_for_a_server_that_is_not_there) {
  if (!std::filesystem::exists(program("sfsmount"))) GTEST_SKIP() << "it needs libfuse";
  const scratch_directory scratch;
  child_process mount({program("sfsmount"), "--foreground", "--connect=127.0.0.1%1", "--no-login",
                       new_key("127.0.0.1").path().text(), scratch.path().string()});
  EXPECT_EQ(mount.read_error_line(),
            "sfsmount: 127.0.0.1: cannot connect: Connection refused; trying for 30 s");
}

#if defined(ASYNC_UNIPROCESSOR)

TEST(a_uniprocessor_server, refuses_a_second_cpu_and_colors) {
  for (const char* option : {"--cpus=2", "--parallel=all"}) {
    const finished f = run_program({"sfsd", "--export", "/", "--key", "/nothing", option});
    EXPECT_EQ(f.status, 2);
    EXPECT_TRUE(has(f.errors, "this is a uniprocessor build")) << f.errors;
  }
}

#endif

TEST(the_readme, counts_the_lines_that_each_coloring_step_changed) {
  const finished f = child_process({repository() / "tools/colored_lines",
                                    repository() / "examples/sfsd", "--check"})
                         .finish();
  EXPECT_EQ(f.status, 0) << f.errors;
}

}  // namespace
}  // namespace sfs::test
