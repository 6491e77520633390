// Teaches: a pipeline of colors, in order and bounded.
//
// Lines go through three stages: read, hash, print. Each stage is a callback with a color of its
// own, so it works on one line while the next stage is at the line before. Called from another
// color, such a callback is posted; a color runs what is posted to it in order, so lines come out
// as they went in. Reading pauses while many lines are on their way: without that bound, what a
// slow stage has not yet done would pile up in memory.
//
// Run:     build/release/examples/09_pipeline <FILE
// Prints:  the number of each line, its hash, and the line. Ends with its input.
#include <cstdio>
#include <string>
#include <string_view>

#include "async/async.h"

namespace {

// Lives in main(), longer than any callback: so `this` may be bound as it is.
struct pipeline {
  // Stage 1. All that is about reading and pausing runs under one color.
  void read() {
    const async::io_status status = in.input(0, 4096).status;
    if (status == async::io_status::would_block) return;
    ended = status != async::io_status::done;
    if (ended && !in.empty()) in.copy("\n");  // the last line had none
    std::string_view text(in.pullup(in.resid()), in.resid());
    for (std::size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
      to_hash(std::string(text.substr(0, end)));
      ++on_their_way;
    }
    in.rembytes(in.resid() - text.size());
    pause_or_go_on();
  }

  void printed() {
    --on_their_way;
    pause_or_go_on();
  }

  void pause_or_go_on() {
    if (ended && on_their_way == 0) async::stop();
    if (reading == (!ended && on_their_way < 1000)) return;
    reading = !reading;
    async::callback<void>::ptr next;
    if (reading) next = async::cwrap(first, this, &pipeline::read);
    async::fdcb(0, async::selread, next);
  }

  void hash(const std::string& line) {  // stage 2
    unsigned h = 0;
    for (const unsigned char c : line) h = h * 31 + c;
    to_print(h, line);
  }

  void print(unsigned hash, const std::string& line) {  // stage 3
    std::printf("%d %08x %s\n", ++lines, hash, line.c_str());
    then();
  }

  const async::color first = async::color::fresh();
  const async::callback<void, const std::string&>::ref to_hash =
      async::cwrap(async::color::fresh(), this, &pipeline::hash);
  const async::callback<void, unsigned, const std::string&>::ref to_print =
      async::cwrap(async::color::fresh(), this, &pipeline::print);
  const async::cbv then = async::cwrap(first, this, &pipeline::printed);

  async::suio in;
  bool reading = false, ended = false;
  int on_their_way = 0;
  int lines = 0;  // stage 3's
};

}  // namespace

int main() {
  pipeline lines;
  lines.pause_or_go_on();
  async::amain();
}
