// What the fuzzers call, and the mutation test too: functions that take any bytes at all. Each
// feeds them to one part of the server that reads what strangers send; nothing may crash, hang, or
// be accepted that was not sealed.
//
// `./run fuzz` makes libFuzzer's programs of them, and runs them. Serves no stage of its own.
// Thread safety: one thread.
#pragma once

#include <sys/fsuid.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "examples/sfsd/base/config_file.h"
#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/learn.h"
#include "examples/sfsd/nfs/recent_files.h"
#include "examples/sfsd/nfs/service.h"
#include "examples/sfsd/users/agent_protocol.h"
#include "examples/sfsd/users/login.h"
#include "examples/sfsd/users/revocation.h"
#include "examples/sfsd/users/table_lines.h"
#include "tests/sfsd/support.h"

namespace sfs::test {

[[noreturn]] inline void fuzz_found(const char* what) {
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

// Bytes from the wire, as a client's records: without the key nothing opens.
inline void fuzz_record(const_bytes input) {
  if (input.empty()) return;
  const suite s = all_suites[input[0] % std::size(all_suites)];
  const std::size_t piece = 1 + input[0] / 3;
  inbox in(max_call);
  in.open_with(receiver(s, secret_of(1)));
  for (std::size_t at = 1; at < input.size();) {
    const bytes space = in.space();
    const std::size_t n = std::min({piece, space.size(), input.size() - at});
    std::copy_n(input.begin() + static_cast<std::ptrdiff_t>(at), n, space.begin());
    in.received(n);
    at += n;
    const_bytes message;
    const auto got = in.next(message);
    if (got == inbox::got::message || got == inbox::got::closed)
      fuzz_found("a forged record opened");
    if (got == inbox::got::failed) return;
  }
}

// What is inside the records: message after message, each a call's header, or a reply's.
inline void fuzz_rpc(const_bytes input) {
  if (input.empty()) return;
  const std::size_t piece = 1 + input[0];
  message_reader reader(1000);
  for (std::size_t at = 1; at < input.size(); at += piece) {
    reader.feed(input.subspan(at, std::min(piece, input.size() - at)));
    const_bytes message;
    auto got = message_reader::got::more;
    while ((got = reader.next(message)) == message_reader::got::message) {
      if (message.size() > 1000) fuzz_found("a message is too long");
      rpc_call call;
      if (parse_call(message, call) == call_header::good && call.arguments.size() > message.size())
        fuzz_found("arguments reach beyond the message");
      (void)parse_reply(message);
    }
    if (got == message_reader::got::failed) return;
  }
}

// A small export, made once, and a user who may do with it what he likes: root's rights on a server
// that is root would reach too far, so there he is an ordinary user to whom it belongs.
struct fuzz_export {
  scratch_directory scratch;
  std::unique_ptr<export_tree> tree;
  async::ref<const principal> anybody = make_anonymous(), owner = owner_of_all();
  std::vector<sealed_handle> handles;
  unsigned calls = 0;

  fuzz_export() {
    auto opened = export_tree::open(scratch.path(), secret_of(1), {.allowed = anonymous::read});
    if (!opened) fuzz_found("cannot open the export");
    tree = std::move(*opened);
    // Files that grow are cut off: what is in the scratch directory stays small.
    const rlimit most{1 << 20, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &most) < 0) fuzz_found("cannot limit the size of files");
    std::signal(SIGXFSZ, SIG_IGN);
  }

  ~fuzz_export() { empty(scratch.path()); }

  // Makes it as it was at first, from time to time and before the first call.
  void refresh() {
    if (calls++ % 100 != 0) return;
    empty(scratch.path());
    scratch.file("file", std::string(100'000, 'x'));
    scratch.directory("directory");
    std::filesystem::create_symlink("file", scratch.path() / "link");
    handles.clear();
    const located root = tree->walk("/", *anybody);
    handles.push_back(tree->handle_of(root));
    for (const char* name : {"file", "directory", "link"}) {
      handles.push_back(tree->handle_of(tree->look_up(root, name, *anybody)));
      give(scratch.path() / name);
    }
    give(scratch.path());
  }

 private:
  static async::ref<const principal> owner_of_all() {
    user u;
    u.name = "owner";
    u.uid = u.gid = can_act() ? 12345 : ::getuid();
    u.groups = {u.gid};
    return async::make_ref<principal>(std::move(u));
  }
  // Whatever modes were set meanwhile.
  static void empty(const std::filesystem::path& directory) {
    ::chmod(directory.c_str(), 0755);
    for (const auto& e : std::filesystem::directory_iterator(directory)) {
      if (e.symlink_status().type() == std::filesystem::file_type::directory) empty(e.path());
      std::filesystem::remove(e.path());
    }
  }
  void give(const std::filesystem::path& at) const {
    if (can_act() && ::lchown(at.c_str(), owner->account.uid, owner->account.gid) < 0)
      fuzz_found("cannot give the export away");
  }
};

// Arguments of every procedure. The first bytes choose the procedure, who calls it, and perhaps a
// good handle, which could not be guessed; the rest is the arguments as they are. `0xfe 0xed` and a
// digit among them stand for a good handle too: LINK and RENAME have two.
inline byte_string with_handles(const_bytes arguments, const fuzz_export& world) {
  byte_string made;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i + 2 < arguments.size() && arguments[i] == 0xfe && arguments[i + 1] == 0xed) {
      const sealed_handle& h = world.handles[arguments[i + 2] % world.handles.size()];
      made.insert(made.end(), {0, 0, 0, static_cast<std::uint8_t>(h.size)});
      made.insert(made.end(), h.held, h.held + h.size);
      i += 2;
    } else {
      made.push_back(arguments[i]);
    }
  }
  return made;
}

inline void fuzz_nfs(const_bytes input) {
  static fuzz_export world;
  static service nfs(*world.tree);
  static std::counting_semaphore<> permits{recent_files::most};
  static recent_files open(permits);
  if (input.size() < 2) return;
  world.refresh();
  const std::uint32_t procedure = input[0] % 24;
  const bool mount = input[1] & 0x80, with_handle = input[1] & 0x40;
  const auto& who = input[1] & 0x20 ? world.anybody : world.owner;
  byte_string message(rpc_call_size(0));
  write_call(message.data(), 1, mount ? MOUNT_PROGRAM : NFS_PROGRAM, 3, procedure);
  if (with_handle) {
    const byte_string one{0xfe, 0xed, input[1]};
    const byte_string handle = with_handles(one, world);
    message.insert(message.end(), handle.begin(), handle.end());
  }
  const byte_string arguments = with_handles(input.subspan(2), world);
  message.insert(message.end(), arguments.begin(), arguments.end());
  classified c;
  classify(message, c);
  block_pool pool;
  nfsstat3 why = NFS3_OK;
  lease_notes notes;
  notes.note_shown = notes.note_changed = true;
  if (c.kind == call_class::nonsense) fuzz_found("a good header was not understood");
  if (c.kind == call_class::data) {
    if (c.data.writes && c.data.data.size() != c.data.count) fuzz_found("a WRITE of two lengths");
    auto file = nfs.open(c.data, who, why);
    (void)nfs.read_or_write(c.data, file.get(), why, patience::wait, notes, pool)->frame();
    if (file) open.remember(c.data, std::move(file), {});
  } else if (c.kind == call_class::files) {
    (void)nfs.answer(c.call, *who, notes, open, pool).frame();
  }
  if (can_act() && ::setfsuid(static_cast<uid_t>(-1)) != 0) fuzz_found("a user's rights were kept");
}

// The arguments of WRITE: whatever is taken lies within what was given.
inline void fuzz_write(const_bytes input) {
  data_call call;
  if (!parse_write(input, call)) return;
  if (call.handle.size > max_sealed_handle || call.count > data_max ||
      call.data.size() != call.count || call.data.data() < input.data() ||
      call.data.data() + call.data.size() > input.data() + input.size())
    fuzz_found("a WRITE that reaches beyond itself was taken");
}

// The arguments of the SFS program, and what is called back.
inline void fuzz_channel(const_bytes input) {
  xdr_value<HELLOargs, xdr_HELLOargs> hello;
  xdr_value<LOGINargs, xdr_LOGINargs> login;
  xdr_value<u_int, xdr_u_int> number;
  xdr_value<INVALIDATEargs, xdr_INVALIDATEargs> changed;
  (void)hello.decode(input);
  (void)number.decode(input);
  (void)changed.decode(input);
  if (!login.decode(input)) return;
  ed25519_public key;
  ed25519_signature signature;
  std::copy_n(login->key, key.size(), key.begin());
  std::copy_n(login->signature, signature.size(), signature.begin());
  static const hostid id = new_key().id();
  if (verify_login(key, {"localhost", id, {}, login->sequence}, signature))
    fuzz_found("a login was forged");
}

// Files that an administrator or a stranger wrote: configurations, tables of users, revocations.
inline void fuzz_texts(const_bytes input) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  if (const auto words = parse_config(text, "config"))
    for (const std::string& word : *words)
      if (!word.starts_with("--") || word.find('\n') != word.npos)
        fuzz_found("a configuration with a word that is no option");
  if (const auto lines = parse_table(text, "users"))
    for (const table_entry& e : *lines) {
      const auto again = parse_table(e.text() + "\n", "users");
      if (!again || again->size() != 1 || again->front().text() != e.text())
        fuzz_found("a line of the table that does not read as it was written");
    }
  if (const auto r = revocation::parse(text); r && r->text() != text)
    fuzz_found("a certificate with two texts");
}

// The first bytes of a connection, as the server and as the client see them.
inline void fuzz_handshake(const_bytes input) {
  static const server_key key = new_key();
  static const std::vector<suite> suites(std::begin(all_suites), std::end(all_suites));
  static const server_settings serving(key, suites);
  static const client_settings expecting(key.path(), suites);
  if (input.empty()) return;
  handshake server(serving), client(expecting);
  for (handshake* h : {&server, &client}) {
    const std::size_t used = h->feed(input.subspan(1));
    if (used > input.size() - 1) fuzz_found("more was used than there was");
    if (h->done()) fuzz_found("a handshake without a partner is done");
    (void)h->take_output();
  }
}

// What a server answers, and what a gateway or a mount learns from it. The first byte is the
// procedure, the second says how much of the rest the call's arguments were.
inline void fuzz_replies(const_bytes input) {
  constexpr std::size_t most = 100;
  static timing& time = timing::real();
  static const async::ref<session> unopened =
      async::make_ref<session>(new_key().path(), session_options{});
  static lease_cache cache(time, most);
  if (input.size() < 2) return;
  cache.set_lease(std::chrono::hours(1));
  const std::size_t split = std::min<std::size_t>(input[1], input.size() - 2);
  call_reply reply;
  reply.what = call_reply::kind::results;
  reply.results = input.subspan(2 + split);
  reply.token = {unopened->changes(), time.now()};
  learn(cache, *unopened, input[0] % 24, input.subspan(2, split), reply);
  if (cache.size() > most) fuzz_found("the lease cache grows beyond its limit");
}

// What a client and the agent say to each other, message after message.
inline void fuzz_agent(const_bytes input) {
  auto reads_as_written = [](const auto& message, auto decode) {
    const std::string text = encode(message);
    const const_bytes body = as_bytes(text).subspan(4);
    const auto again = decode(body);
    if (!again || encode(*again) != text) fuzz_found("a message that does not read as written");
  };
  std::size_t used = 0;
  for (const_bytes rest = input;; rest = rest.subspan(used)) {
    const auto message = next_agent_message(rest, max_agent_question, used);
    if (!message || used == 0) return;
    if (message->size() > max_agent_question) fuzz_found("a message is too long");
    if (const auto question = decode_question(*message)) {
      reads_as_written(*question, decode_question);
      if (!std::holds_alternative<agent_list>(*question) &&
          !std::holds_alternative<agent_refused>(answer(*question, {})))
        fuzz_found("an agent without keys has signed");
    }
    if (const auto said = decode_answer(*message)) reads_as_written(*said, decode_answer);
  }
}

}  // namespace sfs::test
