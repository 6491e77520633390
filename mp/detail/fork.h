// What fork() has to do with the queue (fork.cc): the locks that are held across it, so that the
// child finds them free and what they guard consistent.
#pragma once

namespace async::detail {

void lock_color_tables();
void unlock_color_tables();
// Forgets all named colors: the child makes new ones.
void clear_color_tables();

// Installs the handlers, once.
void handle_forks();
// In the child: the runtime and its pending callbacks are the parent's.
void forget_runtime();

}  // namespace async::detail
