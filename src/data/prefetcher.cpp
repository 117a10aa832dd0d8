// One producer, one consumer, and a ring between them.
#include "data/prefetcher.h"

#include <algorithm>
#include <chrono>

namespace weft::data {

Prefetcher::Prefetcher(const BatchSource& source, const PrefetchOptions& options)
    : source_(source),
      first_step_(options.first_step),
      depth_(options.depth),
      total_((options.end_step - options.first_step) * source.micro_batches()),
      while_waiting_(options.while_waiting),
      free_until_(options.depth) {
  // With one slot the thread could only work while the consumer has nothing to read.
  WEFT_ASSERT(depth_ >= 2 && options.first_step >= 0 && total_ >= 0);
  ring_.reserve(static_cast<size_t>(depth_));
  for (int64_t i = 0; i < depth_; ++i) ring_.emplace_back(source.rows(), source.sequence_len());
  thread_ = std::thread([this] { produce(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  source_.stop_waiting();
  thread_.join();
}

void Prefetcher::produce() {
  for (int64_t batch = 0; batch < total_; ++batch) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || batch < free_until_; });
      if (stop_) return;
    }
    std::exception_ptr error;
    try {
      const int64_t micro_batches = source_.micro_batches();
      source_.fill(first_step_ + batch / micro_batches, batch % micro_batches, ring_[slot(batch)]);
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    if (error) error_ = error;
    else made_ = batch + 1;
    changed_.notify_all();
    if (error) return;
  }
}

const Batch& Prefetcher::next() {
  WEFT_ASSERT(taken_ < total_);
  std::unique_lock lock(mutex_);
  // All batches given out may be overwritten; the one before this call was in use until now.
  free_until_ = taken_ + depth_;
  changed_.notify_all();
  if (made_ <= taken_ && !error_) wait_for_batch(lock);
  if (made_ <= taken_) std::rethrow_exception(error_);
  return ring_[slot(taken_++)];
}

void Prefetcher::wait_for_batch(std::unique_lock<std::mutex>& lock) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto count = [&] {
    seconds_waited_ += std::chrono::duration<double>(Clock::now() - begin).count();
  };
  while (
      !changed_.wait_for(lock, std::chrono::seconds(1), [&] { return made_ > taken_ || error_; })) {
    if (!while_waiting_) continue;
    lock.unlock();
    try {
      while_waiting_();
    } catch (...) {
      count();
      throw;
    }
    lock.lock();
  }
  count();
}

}  // namespace weft::data
