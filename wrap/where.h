// where: a place in a source file, kept by every callback so that each message can name the line
// where the callback was wrapped.
//
// Stage: none (layer 0); stages 2 to 5 quote it in traces and error messages.
// Thread safety: a value type over string literals; copies may be used from any thread.
// Invariants: file_name() and function_name() point to strings that live as long as the program.
//
//   void f(int x, async::where site = async::where::current());   // `site` is the caller's line
#pragma once

#include <version>

#if defined(__cpp_lib_source_location)
#include <source_location>
#else
#include <cstdint>
#endif

namespace async {

#if defined(__cpp_lib_source_location)

// One pointer with g++, to a constant that the compiler makes.
using where = std::source_location;

#else

// The same interface for compilers without __builtin_source_location (clang before 15); three
// words, so callbacks are 16 bytes larger there.
class where {
 public:
  constexpr where() noexcept = default;

  // As a default argument of a function, the line of that function's caller.
  static constexpr where current(const char* file = __builtin_FILE(),
                                 const char* function = __builtin_FUNCTION(),
                                 std::uint_least32_t line = __builtin_LINE()) noexcept {
    where result;
    result.file_ = file;
    result.function_ = function;
    result.line_ = line;
    return result;
  }

  constexpr std::uint_least32_t line() const noexcept { return line_; }
  constexpr std::uint_least32_t column() const noexcept { return 0; }
  constexpr const char* file_name() const noexcept { return file_; }
  constexpr const char* function_name() const noexcept { return function_; }

 private:
  const char* file_ = "";
  const char* function_ = "";
  std::uint_least32_t line_ = 0;
};

#endif

}  // namespace async
