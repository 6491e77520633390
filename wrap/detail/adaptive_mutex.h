// A mutex that spins for a moment before it sleeps: for what is held for nanoseconds, when going to
// sleep costs microseconds.
//
// Stage: none (layer 0).
// Thread safety: as std::mutex.
#pragma once

#include <pthread.h>

namespace async::detail {

class adaptive_mutex {
 public:
  void lock() noexcept { pthread_mutex_lock(&mutex_); }
  void unlock() noexcept { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_ = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
};

}  // namespace async::detail
