// Buffers and caches that calls from any thread borrow and give back, so that what they learned
// serves the next call. Not here: what they hold.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace weft::text {

// A number for the calling thread; few threads share one.
inline size_t number_of_thread() {
  static std::atomic<size_t> next{0};
  thread_local const size_t kNumber = next.fetch_add(1, std::memory_order_relaxed);
  return kNumber;
}

// Scratch has is_large(): grown by a huge text, and not worth keeping. A thread gets back what it
// gave back itself, which lies in its core's caches: megabytes that would have to move between
// cores if threads that take a line each exchanged them.
template <class Scratch>
class ScratchPool {
 public:
  class Lease {
   public:
    explicit Lease(ScratchPool& pool) : pool_(pool), scratch_(pool.take()) {}
    ~Lease() {
      if (!scratch_->is_large()) pool_.give(std::move(scratch_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Scratch& get() { return *scratch_; }

   private:
    ScratchPool& pool_;
    std::unique_ptr<Scratch> scratch_;
  };

  ScratchPool() = default;
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;
  ~ScratchPool() {
    for (Place& place : places_) delete place.scratch.load(std::memory_order_relaxed);
  }

 private:
  static constexpr size_t kPlaces = 128;
  struct alignas(64) Place {
    std::atomic<Scratch*> scratch{nullptr};
  };

  Place& own_place() { return places_[number_of_thread() % kPlaces]; }
  std::unique_ptr<Scratch> take() {
    if (Scratch* own = own_place().scratch.exchange(nullptr, std::memory_order_acquire))
      return std::unique_ptr<Scratch>(own);
    if (auto left = take_left_over()) return left;
    return std::make_unique<Scratch>();
  }
  void give(std::unique_ptr<Scratch> scratch) {
    Scratch* nothing = nullptr;
    if (own_place().scratch.compare_exchange_strong(
            nothing, scratch.get(), std::memory_order_release, std::memory_order_relaxed)) {
      (void)scratch.release();
      return;
    }
    const std::lock_guard lock(mutex_);
    left_over_.push_back(std::move(scratch));
  }
  // What no thread waits for, or what another one, which may have ended, has left in its place.
  std::unique_ptr<Scratch> take_left_over() {
    const std::lock_guard lock(mutex_);
    if (!left_over_.empty()) {
      std::unique_ptr<Scratch> scratch = std::move(left_over_.back());
      left_over_.pop_back();
      return scratch;
    }
    for (Place& place : places_) {
      if (Scratch* other = place.scratch.exchange(nullptr, std::memory_order_acquire))
        return std::unique_ptr<Scratch>(other);
    }
    return nullptr;
  }

  std::array<Place, kPlaces> places_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> left_over_;
};

}  // namespace weft::text
