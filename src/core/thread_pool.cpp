#include "core/thread_pool.h"

#include <immintrin.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "weft/error.h"

namespace weft {
namespace {

// Threads that a cgroup's quota stands for, rounded up; 0 if there is no limit.
int threads_of_quota(double quota, double period) {
  return quota > 0 && period > 0 ? static_cast<int>(std::ceil(quota / period)) : 0;
}

int cgroup_limit() {
  std::string quota;
  double period = 0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> quota >> period)
    return quota == "max" ? 0 : threads_of_quota(std::atof(quota.c_str()), period);
  double q = 0;
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  return v1_quota >> q && v1_period >> period ? threads_of_quota(q, period) : 0;
}

constexpr int kSpins = 2000;  // some 50 us: longer than the gap between two operators

}  // namespace

int usable_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int affinity = sched_getaffinity(0, sizeof set, &set) == 0
                           ? CPU_COUNT(&set)
                           : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int limit = cgroup_limit();
  return std::max(1, limit > 0 ? std::min(affinity, limit) : affinity);
}

// A loop is announced by a new generation number. The tiles are dealt out in contiguous ranges, one
// for each worker: the operators of a step mostly cut the same rows, so a worker finds in its own
// cache what it wrote in the loop before. Who has finished its range helps the others with theirs.
// A worker without work reports itself done; the caller waits for all workers, so that no one still
// reads the loop's description when the next loop is written.
struct ThreadPool::Impl {
  struct alignas(64) Range {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  std::vector<std::thread> workers;
  std::vector<Range> ranges;  // of the caller, then of the workers
  std::atomic<uint64_t> generation{0};
  std::atomic<int> sleepers{0};
  alignas(64) std::atomic<int> busy{0};
  std::atomic<bool> stop{false};
  Body body = nullptr;
  void* context = nullptr;
  std::mutex mutex;
  std::condition_variable wake;

  explicit Impl(int threads) : ranges(static_cast<size_t>(threads)) {}

  void deal_out(int64_t tiles) {
    const auto count = static_cast<int64_t>(ranges.size());
    for (int64_t i = 0; i < count; ++i) {
      Range& range = ranges[static_cast<size_t>(i)];
      range.next.store((tiles * i + count - 1) / count, std::memory_order_relaxed);
      range.end = (tiles * (i + 1) + count - 1) / count;
    }
  }

  // Also of those workers that were started before the system refused one.
  ~Impl() {
    stop.store(true, std::memory_order_relaxed);
    announce();
    for (std::thread& worker : workers) worker.join();
  }

  void take_tiles(int worker) {
    for (size_t i = 0; i < ranges.size(); ++i) {
      Range& range = ranges[(static_cast<size_t>(worker) + i) % ranges.size()];
      while (range.next.load(std::memory_order_relaxed) < range.end) {
        const int64_t tile = range.next.fetch_add(1, std::memory_order_relaxed);
        if (tile < range.end) body(context, tile, worker);
      }
    }
  }

  uint64_t wait_for_loop(uint64_t seen) {
    for (int spin = 0; spin < kSpins; ++spin) {
      const uint64_t now = generation.load(std::memory_order_acquire);
      if (now != seen) return now;
      _mm_pause();
    }
    std::unique_lock lock(mutex);
    sleepers.fetch_add(1);
    wake.wait(lock, [&] { return generation.load() != seen; });
    sleepers.fetch_sub(1);
    return generation.load(std::memory_order_acquire);
  }

  void work(int worker) {
    for (uint64_t seen = 0;;) {
      seen = wait_for_loop(seen);
      if (stop.load(std::memory_order_relaxed)) return;
      take_tiles(worker);
      busy.fetch_sub(1, std::memory_order_release);
    }
  }

  // Either a worker that goes to sleep sees the new generation, or it is counted here before.
  void announce() {
    generation.fetch_add(1);
    if (sleepers.load() == 0) return;
    { const std::lock_guard lock(mutex); }  // it is between its check and its sleep, or asleep
    wake.notify_all();
  }
};

ThreadPool::ThreadPool(int threads) {
  if (threads < 1)
    throw Error("a thread pool needs at least 1 thread, got " + std::to_string(threads));
  impl_ = std::make_unique<Impl>(threads);
  for (int worker = 1; worker < threads; ++worker)
    impl_->workers.emplace_back([this, worker] { impl_->work(worker); });
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const {
  return static_cast<int>(impl_->workers.size()) + 1;
}

void ThreadPool::run(int64_t tiles, Body body, void* context) const {
  Impl& pool = *impl_;
  if (pool.workers.empty() || tiles <= 1) {
    for (int64_t tile = 0; tile < tiles; ++tile) body(context, tile, 0);
    return;
  }
  pool.deal_out(tiles);
  pool.body = body;
  pool.context = context;
  pool.busy.store(static_cast<int>(pool.workers.size()), std::memory_order_relaxed);
  pool.announce();
  pool.take_tiles(0);
  for (int spin = 0; pool.busy.load(std::memory_order_acquire) != 0; ++spin) {
    _mm_pause();
    if (spin > kSpins) std::this_thread::yield();
  }
}

}  // namespace weft
