// The one thread pool of the program, and how many threads a process may use. Kernels see it as a
// ParallelFor; nothing else makes threads for arithmetic.
#pragma once

#include <memory>

#include "weft/parallel_for.h"

namespace weft {

// Threads that this process may run at the same time: its CPU affinity, limited by the quota of its
// cgroup (v1 or v2), at least 1.
int usable_threads();

// A pool of `threads` - 1 workers and the calling thread. Workers spin for a short while after a
// loop, since the next one follows within microseconds in a training step, then sleep. One thread
// at a time may start loops.
class ThreadPool final : public ParallelFor {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const override;

 protected:
  void run(int64_t tiles, Body body, void* context) const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
