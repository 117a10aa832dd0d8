// What a run takes from the system, seen from outside the plan: resident memory, and allocations
// within steps. A program of its own, for it replaces malloc.
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <numeric>
#include <vector>

#include "core/process.h"
#include "data/prefetcher.h"
#include "tests/train/training_test.h"
#include "train/text_evaluation.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int64_t> ours{0};    // allocations while counting, of all threads
std::atomic<int64_t> onednn{0};  // of them, those that oneDNN makes in its own code
std::atomic<void*> first_of_ours{nullptr};

void count(void* caller) {
  if (!counting.load(std::memory_order_relaxed)) return;
  Dl_info info{};
  const bool known = dladdr(caller, &info) != 0 && info.dli_fname != nullptr;
  if (known && std::strstr(info.dli_fname, "dnnl") != nullptr) {
    onednn.fetch_add(1);
    return;
  }
  void* none = nullptr;
  first_of_ours.compare_exchange_strong(none, caller);
  ours.fetch_add(1);
}

}  // namespace

extern "C" {
void* __libc_malloc(size_t bytes);                      // NOLINT: glibc's names
void* __libc_calloc(size_t count, size_t bytes);        // NOLINT
void* __libc_realloc(void* old, size_t bytes);          // NOLINT
void* __libc_memalign(size_t alignment, size_t bytes);  // NOLINT

void* malloc(size_t bytes) {
  count(__builtin_return_address(0));
  return __libc_malloc(bytes);
}
void* calloc(size_t number, size_t bytes) {
  count(__builtin_return_address(0));
  return __libc_calloc(number, bytes);
}
void* realloc(void* old, size_t bytes) {
  count(__builtin_return_address(0));
  return __libc_realloc(old, bytes);
}
int posix_memalign(void** out, size_t alignment, size_t bytes) {
  count(__builtin_return_address(0));
  *out = __libc_memalign(alignment, bytes);
  return *out == nullptr ? 12 : 0;  // ENOMEM
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  count(__builtin_return_address(0));
  return __libc_memalign(alignment, bytes);
}
}

// libstdc++'s would hide the caller. Not inlined: the compiler would see malloc's memory deleted.
[[gnu::noinline]] void* operator new(size_t bytes) {
  count(__builtin_return_address(0));
  void* memory = __libc_malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new[](size_t bytes) {
  count(__builtin_return_address(0));
  void* memory = __libc_malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, size_t) noexcept {
  std::free(memory);
}

namespace weft::train {
namespace {

class Memory : public TrainingTest {
 protected:
  Memory() { keep_freed_memory(); }  // as the program does
};

// Of steps 3 to 10: data, inputs, micro-batches, update; not the log, which is written beside them.
constexpr int kFirstStep = 3, kLastStep = 10;
struct Taken {
  int64_t allocations = 0, by_onednn = 0;
  std::vector<int64_t> page_faults;  // of each step
};

Taken taken_by_steps(const PretrainConfig& c) {
  const TrainingData data(c, c.model->vocab_size);
  Session session(plan_pretraining(c, 2), 1);
  data::Prefetcher batches(data.batches(), {.first_step = 0, .end_step = kLastStep + 5});
  Taken taken;
  taken.page_faults.reserve(kLastStep);
  ours = onednn = 0;
  first_of_ours = nullptr;
  for (int step = 1; step <= kLastStep; ++step) {
    const int64_t faults = page_faults();
    counting = step >= kFirstStep;
    session.begin_step(2 * c.micro_batch_size * 32);
    for (int micro = 0; micro < 2; ++micro) {
      copy_inputs(batches.next(), session.step_program());
      session.micro_batch();
    }
    session.end_step(1e-3);
    if (step >= kFirstStep) taken.page_faults.push_back(page_faults() - faults);
  }
  counting = false;
  taken.allocations = ours;
  taken.by_onednn = onednn;
  return taken;
}

// Steps take no pages. A thread that runs some code for the first time, whenever it gets such a
// tile, may take one of its stack or of the program: so few in all, and none in some three steps.
void expect_no_pages(const std::vector<int64_t>& faults) {
  const std::string all = testing::PrintToString(faults) + " page faults in steps 3 to 10";
  EXPECT_LE(std::accumulate(faults.begin(), faults.end(), int64_t{0}), 8) << all;
  const std::vector<int64_t> none(3, 0);
  EXPECT_NE(std::search(faults.begin(), faults.end(), none.begin(), none.end()), faults.end())
      << all;
}

void expect_nothing_is_taken(const PretrainConfig& c) {
  const Taken taken = taken_by_steps(c);
  Dl_info info{};
  dladdr(first_of_ours.load(), &info);
  EXPECT_EQ(taken.allocations, 0) << "the first at "
                                  << static_cast<char*>(first_of_ours.load()) -
                                         static_cast<char*>(info.dli_fbase)
                                  << " in " << (info.dli_fname != nullptr ? info.dli_fname : "?");
  expect_no_pages(taken.page_faults);
  std::printf("oneDNN made %.0f allocations of its own in a step\n",
              static_cast<double>(taken.by_onednn) / (kLastStep - kFirstStep + 1));
}

TEST_F(Memory, StepsTakeNothingFromTheSystem) {
  for (const std::string precision : {"fp32", "bf16"}) {
    SCOPED_TRACE(precision);
    expect_nothing_is_taken(
        config("x", {"gradient_accumulation_steps=2", "max_steps=15", "precision=" + precision}));
  }
}

// What oneDNN takes for its panels is large here.
TEST_F(Memory, StepsOfALargerModelTakeNothingFromTheSystem) {
  expect_nothing_is_taken(config(
      "x", {"gradient_accumulation_steps=2", "max_steps=15", "model.hidden_size=512",
            "model.intermediate_size=2048", "model.vocab_size=8192", "micro_batch_size=16"}));
}

// Anonymous memory of the process: what it has written to. Pages of programs and libraries are not
// the run's, and the system drops them at will.
int64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) * 1024;
  ADD_FAILURE() << "the system does not say";
  return 0;
}

TEST_F(Memory, OfTheProcessIsWhatThePlanSays) {
  const int64_t before = anonymous_bytes();
  const auto process = open(config(
      "run", {"model.hidden_size=512", "model.intermediate_size=1024", "model.vocab_size=16384",
              "model.num_hidden_layers=3", "micro_batch_size=4", "threads=2", "max_steps=2"}));
  process->run();
  const double taken = static_cast<double>(anonymous_bytes() - before);
  const double planned = static_cast<double>(process->plan().bytes);
  EXPECT_GE(planned, 200 << 20);
  std::printf("planned %.1f MiB, anonymous resident memory grew by %.1f MiB, %+.1f %%\n",
              planned / (1 << 20), taken / (1 << 20), 100 * (taken / planned - 1));
  EXPECT_LE(std::abs(taken - planned), 0.05 * planned);
  EXPECT_LE(process->baseline_bytes(), 64 << 20);
}

}  // namespace
}  // namespace weft::train
