// What threads and callbacks cost: Capriccio's table of primitives, and its producers and
// consumers.
//
// Thread safety: for the measuring thread, which runs one after the other.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace papers {

// In nanoseconds, except `..._bytes`: by name.
using costs = std::map<std::string, double>;

// What `count` threads cost to make, switch between, and lock for; and in memory.
costs costs_of_threads(std::size_t count);

// The same of callbacks: to make one under a color of its own and run it; to go from one to the
// next, of another color; to call one that needs its color; and in memory, with their colors.
costs costs_of_callbacks(std::size_t count);

// How many items per second `pairs` producers hand to as many consumers, who share a store with
// room for `room` items. Of threads: a mutex and two conditions. Of callbacks: a color for each,
// and one for the store.
double items_of_threads(unsigned cpus, std::size_t pairs, std::size_t room, double seconds);
double items_of_callbacks(unsigned cpus, std::size_t pairs, std::size_t room, double seconds);

}  // namespace papers
