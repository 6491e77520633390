// What the fuzzers call, and the mutation test too: functions that take any bytes at all. Each
// feeds them to one part of the server that reads what strangers send; nothing may crash, hang, or
// be accepted that was not sealed.
//
// tests/sfsd/fuzz_build makes libFuzzer's programs of them. Serves no stage of its own. Thread
// safety: one thread.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/nfs/service.h"
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

// A small export, made once.
struct fuzz_export {
  scratch_directory scratch;
  std::unique_ptr<export_tree> tree;
  async::ref<const principal> who = make_anonymous();
  std::vector<sealed_handle> handles;

  fuzz_export() {
    scratch.file("file", std::string(100'000, 'x'));
    scratch.directory("directory");
    std::filesystem::create_symlink("file", scratch.path() / "link");
    auto opened = export_tree::open(scratch.path(), secret_of(1), {.allowed = anonymous::read});
    if (!opened) fuzz_found("cannot open the export");
    tree = std::move(*opened);
    const located root = tree->walk("/", *who);
    handles.push_back(tree->handle_of(root));
    for (const char* name : {"file", "directory", "link"})
      handles.push_back(tree->handle_of(tree->look_up(root, name, *who)));
  }
};

// Arguments of every procedure. The first bytes choose the procedure and perhaps a good handle,
// which could not be guessed; the rest is the arguments as they are.
inline void fuzz_nfs(const_bytes input) {
  static fuzz_export world;
  static service nfs(*world.tree);
  if (input.size() < 2) return;
  const std::uint32_t procedure = input[0] % 24;
  const bool mount = input[1] & 0x80, with_handle = input[1] & 0x40;
  byte_string message(rpc_call_size(0));
  write_call(message.data(), 1, mount ? MOUNT_PROGRAM : NFS_PROGRAM, 3, procedure);
  if (with_handle) {
    const sealed_handle& h = world.handles[input[1] % world.handles.size()];
    message.insert(message.end(), {0, 0, 0, static_cast<std::uint8_t>(h.size)});
    message.insert(message.end(), h.held, h.held + h.size);
  }
  message.insert(message.end(), input.begin() + 2, input.end());
  classified c;
  classify(message, c);
  block_pool pool;
  nfsstat3 why = NFS3_OK;
  lease_notes notes;
  if (c.kind == call_class::nonsense) fuzz_found("a good header was not understood");
  if (c.kind == call_class::data) {
    const auto file = nfs.open(c.data, world.who, why);
    (void)nfs.read_or_write(c.data, file.get(), why, patience::wait, notes, pool)->frame();
  } else if (c.kind == call_class::files) {
    (void)nfs.answer(c.call, *world.who, notes, pool).frame();
  }
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

}  // namespace sfs::test
