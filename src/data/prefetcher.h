// Batches made ahead of their use by a thread of their own, so that a step does not wait for data.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "data/batch.h"

namespace weft::data {

struct PrefetchOptions {
  int64_t first_step = 0;
  int64_t end_step = 0;  // the step after the last one
  int64_t depth = 4;     // batches in the ring
  // Called about once a second while next() waits, by its thread; next() throws what it throws.
  std::function<void()> while_waiting = nullptr;
};

// Gives the micro-batches of steps [first_step, end_step) in their order, the same ones that
// `source` would. The ring is allocated at the start and nothing after it. For one consumer.
class Prefetcher {
 public:
  // `source` must outlive this.
  Prefetcher(const BatchSource& source, const PrefetchOptions& options);
  // Stops the thread, at the latest after the batch that it is making, and its waiting for data.
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // The next batch, valid until the next call. What `source` threw while making it is thrown here,
  // and again by every later call. Must not be called past the end.
  const Batch& next();
  // How long next() has waited in all.
  double seconds_waited() const { return seconds_waited_; }

 private:
  void produce();
  void wait_for_batch(std::unique_lock<std::mutex>& lock);
  size_t slot(int64_t batch) const { return static_cast<size_t>(batch % depth_); }

  const BatchSource& source_;
  const int64_t first_step_;
  const int64_t depth_;
  const int64_t total_;  // batches
  const std::function<void()> while_waiting_;
  std::vector<Batch> ring_;
  double seconds_waited_ = 0;
  int64_t taken_ = 0;  // batches given out; the last of them is still in use

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  int64_t made_ = 0;
  int64_t free_until_ = 0;  // batches below this may be written
  bool stop_ = false;
  std::exception_ptr error_;

  std::thread thread_;
};

}  // namespace weft::data
