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

// A loop is announced by a new generation number. A worker takes tiles from `next` until none is
// left and then reports itself done; the caller waits for all workers, so that no one still reads
// the loop's description when the next loop is written.
struct ThreadPool::Impl {
  std::vector<std::thread> workers;
  std::atomic<uint64_t> generation{0};
  std::atomic<int> busy{0};
  std::atomic<bool> stop{false};
  alignas(64) std::atomic<int64_t> next{0};
  int64_t tiles = 0;
  Body body = nullptr;
  void* context = nullptr;
  std::mutex mutex;
  std::condition_variable wake;

  void take_tiles(int worker) {
    for (int64_t tile; (tile = next.fetch_add(1, std::memory_order_relaxed)) < tiles;)
      body(context, tile, worker);
  }

  uint64_t wait_for_loop(uint64_t seen) {
    for (int spin = 0; spin < kSpins; ++spin) {
      const uint64_t now = generation.load(std::memory_order_acquire);
      if (now != seen) return now;
      _mm_pause();
    }
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return generation.load(std::memory_order_acquire) != seen; });
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

  void announce() {
    {
      const std::lock_guard lock(
          mutex);  // a worker between its check and its sleep must not miss it
      generation.fetch_add(1, std::memory_order_release);
    }
    wake.notify_all();
  }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  if (threads < 1)
    throw Error("a thread pool needs at least 1 thread, got " + std::to_string(threads));
  for (int worker = 1; worker < threads; ++worker)
    impl_->workers.emplace_back([this, worker] { impl_->work(worker); });
}

ThreadPool::~ThreadPool() {
  impl_->stop.store(true, std::memory_order_relaxed);
  impl_->announce();
  for (std::thread& worker : impl_->workers) worker.join();
}

int ThreadPool::threads() const {
  return static_cast<int>(impl_->workers.size()) + 1;
}

void ThreadPool::run(int64_t tiles, Body body, void* context) const {
  Impl& pool = *impl_;
  if (pool.workers.empty() || tiles <= 1) {
    for (int64_t tile = 0; tile < tiles; ++tile) body(context, tile, 0);
    return;
  }
  pool.tiles = tiles;
  pool.body = body;
  pool.context = context;
  pool.next.store(0, std::memory_order_relaxed);
  pool.busy.store(static_cast<int>(pool.workers.size()), std::memory_order_relaxed);
  pool.announce();
  pool.take_tiles(0);
  for (int spin = 0; pool.busy.load(std::memory_order_acquire) != 0; ++spin) {
    _mm_pause();
    if (spin > kSpins) std::this_thread::yield();
  }
}

}  // namespace weft
