// Who is there and who hears what: a color for each room and for each member.
//
// Thread safety: as said of each; nothing here has a lock.
// Invariant: a member is in at most one room, and leaves it before he enters another.
#pragma once

#include <map>
#include <string>
#include <unordered_set>

#include "async/aios.h"
#include "async/server.h"

namespace chat {

class room;

// What somebody has said: made once, and sent to all from the same memory.
using said = async::ref<const async::refcounted<std::string>>;

// A connection. All its functions run under its color, that of its stream.
class member : public async::refcount {
 public:
  explicit member(async::incoming& from);

  void begin();
  void hear(const said& line);
  void entered(const async::ref<room>& r);
  void next();

  const async::color& its_color() const noexcept { return io_->its_color(); }

 private:
  void got(async::aios_read& line);
  void drained() { leave("The server ends. Bye.\n"); }
  void leave(const char* last_words);
  void leave_room();
  void gone(std::error_code);

  const async::aios_t io_;
  const std::string name_;
  async::connection_slot slot_;
  async::ptr<room> room_;  // null between two of them, too
  unsigned missed_ = 0;    // lines, since he does not read
  bool leaving_ = false;
};

// Under its own color, but for the name.
class room : public async::refcount {
 public:
  explicit room(std::string name) : name_(std::move(name)) {}

  void enter(const async::ref<member>& m);
  void leave(const async::ref<member>& m);
  // Tells it to all, and `from` to go on: so a member has at most one line on its way.
  void say(const said& line, const async::ref<member>& from);

  const std::string& name() const noexcept { return name_; }
  const async::color& its_color() const noexcept { return color_; }

 private:
  const std::string name_;
  const async::color color_ = async::color::fresh();
  std::unordered_set<async::ref<member>> members_;
};

// All rooms that have somebody in them, or will have. The default color.
class lobby {
 public:
  static void find(const std::string& name, const async::ref<member>& for_whom);
  static void left(const async::ref<room>& r);

 private:
  struct place {
    async::ref<room> its;
    std::size_t members = 0;
  };
  static inline std::map<std::string, place> rooms_;
};

}  // namespace chat
