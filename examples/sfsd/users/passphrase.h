// Passphrases: from the terminal, or from a file. Serves no stage; it blocks, and belongs in a
// program's start.
//
// Thread safety: one thread at a time: signal handlers are changed while the terminal is asked.
// Invariants: what is typed is not shown; the terminal is as it was before when this returns, also
// when a signal ends it.
#pragma once

#include <optional>
#include <string>

#include "examples/sfsd/base/key_file.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/base/secret_text.h"

namespace sfs {

// Asks on the terminal, not on the standard input. Fails if there is none, or nothing was typed.
outcome<secret_text> ask_passphrase(const std::string& question);

// Asks twice, until a passphrase has been typed twice. Fails as above.
outcome<secret_text> ask_new_passphrase(const std::string& question);

// The first line of a file that nobody else may read or write.
outcome<secret_text> read_passphrase(const std::string& path);

// For loading a key file: from the file if there is one, else from the terminal.
passphrase_source passphrase_for(const std::string& key_file,
                                 const std::optional<std::string>& passphrase_file);

}  // namespace sfs
