// See room.h.
#include "examples/chat/room.h"

#include <atomic>
#include <chrono>
#include <string_view>

namespace chat {
namespace {

constexpr std::size_t longest_line = 1000;
constexpr std::size_t longest_room_name = 40;

// Who does not read for so long is disconnected; lines are dropped before that.
async::ref<const async::aios_options> stream_options() {
  auto options = async::make_ref<async::aios_options>();
  options->write_limit = std::chrono::seconds(30);
  return options;
}

std::string next_name() {
  static std::atomic<unsigned> last = 0;
  return "guest" + std::to_string(++last);
}

}  // namespace

member::member(async::incoming& from)
    : io_([&] {
        static const auto options = stream_options();
        return async::aios::make(from.take(), options, from.slot.its_color());
      }()),
      name_(next_name()),
      slot_(std::move(from.slot)) {}

void member::begin() {
  slot_.on_drain<&member::drained>(this);
  io_->format("Welcome, %s. Enter a room with /join ROOM.\n", name_.c_str());
  next();
}

void member::next() {
  if (!leaving_) io_->read_line(longest_line, async::wrap(async::mkref(this), &member::got));
}

void member::got(async::aios_read& line) {
  if (!line) return leave(line.status() == async::aios_status::too_long ? "Too long.\n" : "");
  const std::string_view text = line.text();
  const auto self = async::mkref(this);
  if (text.starts_with("/join ")) {
    const std::string name(text.substr(6, longest_room_name));
    leave_room();
    return async::post(async::color(), [name, self] { lobby::find(name, self); });
  }
  if (!room_) {
    io_->write("You are in no room: /join ROOM\n");
    return next();
  }
  const said all = async::make_ref<std::string>(name_ + ": " + std::string(text) + '\n');
  async::post(room_->its_color(), [r = room_, all, self] { r->say(all, self); });
}

void member::entered(const async::ref<room>& r) {
  room_ = r;
  if (leaving_) return leave_room();
  async::post(r->its_color(), [r, self = async::mkref(this)] { r->enter(self); });
}

void member::hear(const said& line) {
  if (leaving_) return;
  if (io_->full()) {
    ++missed_;
    return;
  }
  if (missed_ != 0) io_->format("(you have missed %u lines)\n", std::exchange(missed_, 0));
  io_->print(line->data(), line->size(), line);
}

void member::leave(const char* last_words) {
  if (std::exchange(leaving_, true)) return;
  io_->cancel_read();
  leave_room();
  io_->write(last_words);
  io_->when_written(async::wrap(async::mkref(this), &member::gone));
}

void member::leave_room() {
  if (!room_) return;
  async::post(room_->its_color(),
              [r = async::ref<room>(room_), self = async::mkref(this)] { r->leave(self); });
  room_ = nullptr;
}

void member::gone(std::error_code) {
  io_->close();
  slot_.end();
}

void room::enter(const async::ref<member>& m) {
  members_.insert(m);
  const said note = async::make_ref<std::string>("You are in " + name_ + ".\n");
  async::post(m->its_color(), [m, note] {
    m->hear(note);
    m->next();
  });
}

void room::leave(const async::ref<member>& m) {
  members_.erase(m);
  async::post(async::color(), [r = async::mkref(this)] { lobby::left(r); });
}

void room::say(const said& line, const async::ref<member>& from) {
  for (const auto& m : members_) async::post(m->its_color(), [m, line] { m->hear(line); });
  async::post(from->its_color(), [from] { from->next(); });
}

void lobby::find(const std::string& name, const async::ref<member>& for_whom) {
  auto at = rooms_.find(name);
  if (at == rooms_.end()) at = rooms_.emplace(name, place{async::make_ref<room>(name)}).first;
  ++at->second.members;
  async::post(for_whom->its_color(), [for_whom, r = at->second.its] { for_whom->entered(r); });
}

void lobby::left(const async::ref<room>& r) {
  const auto at = rooms_.find(r->name());
  if (--at->second.members == 0) rooms_.erase(at);
}

}  // namespace chat
