// Launches on the emulated device: at once, or into the queue of the stream; blocks one after
// another in the schedule's order, or on several OS threads.
#include "kernels/cuda/launch.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "kernels/emulator/block.h"
#include "kernels/emulator/queue.h"
#include "kernels/emulator/schedule.h"

namespace weft::emulator {
namespace {

constexpr size_t kArgsAlignment = 64;  // tensor maps are aligned to this

Schedule the_schedule;
int the_capability = 80;
std::atomic<uint32_t> last_run{0};

struct alignas(kArgsAlignment) Args {
  std::byte bytes[4096];
};

// The launch with a copy of its arguments, so that it may run later.
struct Work {
  cuda::Launch launch;
  cuda::KernelCall call;
  std::shared_ptr<Args> args;
};

void check(const cuda::Launch& launch) {
  const bool warps = launch.threads > 0 && launch.threads % 32 == 0;
  const bool blocks = launch.grid.x > 0 && launch.grid.y > 0 && launch.grid.z > 0 &&
                      launch.grid.y <= 65535 && launch.grid.z <= 65535;
  if (warps && blocks && launch.threads <= Block::kMostThreads &&
      launch.shared_bytes <= most_shared_bytes()) {
    return;
  }
  throw Fault(Detector::kBadLaunch,
              std::string("kernel ") + launch.name + ": " + std::to_string(launch.threads) +
                  " threads (whole warps, at most 1024), " + std::to_string(launch.shared_bytes) +
                  " bytes of shared memory (at most " + std::to_string(most_shared_bytes()) +
                  "), grid " + std::to_string(launch.grid.x) + " x " +
                  std::to_string(launch.grid.y) + " x " + std::to_string(launch.grid.z));
}

std::vector<uint32_t> block_order(uint32_t blocks, const Schedule& schedule) {
  std::vector<uint32_t> order(blocks);
  std::iota(order.begin(), order.end(), 0u);
  if (schedule.order == Order::kReversed) std::reverse(order.begin(), order.end());
  if (schedule.order == Order::kShuffled) {
    std::shuffle(order.begin(), order.end(), std::mt19937_64(schedule.seed));
  }
  return order;
}

// Blocks `first`, `first + step`, ... of the order.
struct Share {
  const std::vector<uint32_t>* order;
  BlockTask task;  // of no block yet
  unsigned first, step;
};

void run_share(const Share& share, Block& block) {
  const cuda::Grid& grid = share.task.launch->grid;
  for (size_t i = share.first; i < share.order->size(); i += share.step) {
    const uint32_t index = (*share.order)[i];
    BlockTask task = share.task;
    task.index = {index % grid.x, index / grid.x % grid.y, index / grid.x / grid.y};
    task.run = share.task.first_run + index;
    block.run(task);
  }
}

// Blocks are dealt out beforehand: a shared counter would order them for ThreadSanitizer, to which
// a fiber is a thread that is dear to make, so that their stacks serve the next launch too.
void run_on_workers(const Share& all) {
  thread_local std::vector<std::unique_ptr<Block>> blocks;
  while (blocks.size() < all.step) blocks.push_back(std::make_unique<Block>());
  std::vector<std::exception_ptr> faults(all.step);
  std::vector<std::thread> workers;
  for (unsigned w = 0; w < all.step; ++w) {
    workers.emplace_back([&all, &faults, &block = *blocks[w], w] {
      Share share = all;
      share.first = w;
      try {
        run_share(share, block);
      } catch (...) {
        faults[w] = std::current_exception();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const std::exception_ptr& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
}

void run_now(const Work& work) {
  const Schedule schedule = the_schedule;
  const cuda::Grid& grid = work.launch.grid;
  const uint32_t blocks = grid.x * grid.y * grid.z;
  const uint32_t first_run = last_run.fetch_add(blocks) + 1;
  const std::vector<uint32_t> order = block_order(blocks, schedule);
  const Share all{&order,
                  {&work.launch, &work.call, {}, first_run, first_run, device_memory(), schedule},
                  0,
                  std::max(1u, schedule.workers)};
  if (all.step > 1) return run_on_workers(all);
  thread_local Block block;  // its fibers' stacks serve the next launch too
  run_share(all, block);
}

}  // namespace

const Schedule& schedule() {
  return the_schedule;
}

ScopedSchedule::ScopedSchedule(const Schedule& schedule) : before_(the_schedule) {
  the_schedule = schedule;
}
ScopedSchedule::~ScopedSchedule() {
  the_schedule = before_;
}

int compute_capability() {
  return the_capability;
}

size_t most_shared_bytes() {
  constexpr size_t kKiB = 1024;
  switch (the_capability) {
    case 80:
    case 87: return 163 * kKiB;
    case 86:
    case 89:
    case 120:
    case 121: return 99 * kKiB;
    default: return 227 * kKiB;
  }
}

ScopedComputeCapability::ScopedComputeCapability(int capability) : before_(the_capability) {
  the_capability = capability;
}
ScopedComputeCapability::~ScopedComputeCapability() {
  the_capability = before_;
}

}  // namespace weft::emulator

namespace weft::cuda {

void launch_call(Stream stream, const Launch& launch, const KernelCall& call) {
  using namespace emulator;
  check(launch);
  Work work{launch, call, std::make_shared<Args>()};
  std::memcpy(work.args->bytes, call.args, call.args_bytes);
  work.call.args = work.args->bytes;
  if (stream.handle == nullptr) return run_now(work);
  static_cast<WorkQueue*>(stream.handle)->push([work] { run_now(work); });
}

}  // namespace weft::cuda
