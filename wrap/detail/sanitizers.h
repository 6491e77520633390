// Which sanitizer a program is built with, in g++'s words (clang++ says it otherwise), and what
// follows of it.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif

// Whether what block_cache.h gives out is blocks of the heap: AddressSanitizer sees their misuse,
// and ThreadSanitizer a color that uses what another has freed, but takes nothing for a race of the
// one that had a block before with the one that has it now.
#if defined(__SANITIZE_ADDRESS__) || defined(ASYNC_CHECK_COLORS)
#define ASYNC_HEAP_BLOCKS 1
#endif
