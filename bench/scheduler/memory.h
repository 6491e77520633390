#pragma once
// The measurements of memory run in a process of their own, whose heap nothing has used before:
// the benchmark program starts itself again with `--measure-memory WHAT`. Serves stage 3 (posting).

#include <string>

namespace bench {

/// Measures in this process and prints the bytes per item; the exit status for main.
int measure_memory(const std::string& what);

}  // namespace bench
