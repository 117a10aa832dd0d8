// The scheduler of one block: who runs next, barriers, collectives, and what is stuck.
#include "kernels/emulator/block.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "kernels/emulator/sanitizer.h"

namespace weft::emulator {
namespace {

#if defined(WEFT_ASAN) || defined(WEFT_TSAN)
constexpr size_t kStackBytes = 512 * 1024;  // redzones make frames several times as large
#else
constexpr size_t kStackBytes = 128 * 1024;
#endif
constexpr unsigned kLanes = 32;

thread_local Block* current_block = nullptr;

uint64_t next_random(uint64_t& state) {  // xorshift64 (Marsaglia, 2003)
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

}  // namespace

Block::Block()
    : accesses_([this](Detector d, const std::string& text) { fail(d, text); }),
      mbarriers_(*this),
      box_copies_(*this),
      warp_groups_(*this) {}

unsigned Block::thread() const {
  const OwnBooks books;
  return running_;
}

Block& Block::current() {
  WEFT_ASSERT(current_block != nullptr);  // kernel code runs in a launch only
  return *current_block;
}

std::string Block::place() const {
  const BlockIndex& at = task_.index;
  return std::string(" (kernel ") + task_.launch->name + ", block " + std::to_string(at.x) + "," +
         std::to_string(at.y) + "," + std::to_string(at.z) + ")";
}

void Block::fail(Detector detector, const std::string& message) {
  throw Fault(detector, message + place());
}

void Block::run(const BlockTask& task) {
  task_ = task;
  const cuda::Grid& grid = task.launch->grid;
  launch_ = {{grid.x, grid.y, grid.z}, task.launch->threads};
  current_block = this;
  {
    const OwnBooks books;
    scheduler_.emplace();
    const unsigned units = launch_.threads / kWarpGroup + 1;  // tensor cores, and the copy engine
    accesses_.begin({task.run, task.first_run, launch_.threads, units, task.launch->shared_bytes,
                     task.map, task.schedule.workers <= 1});
    mbarriers_.begin();
    box_copies_.begin(launch_.threads);
    warp_groups_.begin(launch_.threads);
    start_threads();
  }
  tsan_release(&launch_token_);
  run_rounds();
  tsan_acquire(&end_token_);
  current_block = nullptr;
  if (fault_) std::rethrow_exception(std::exchange(fault_, nullptr));
  const OwnBooks books;
  box_copies_.end();
  warp_groups_.end();
  mbarriers_.end();
  accesses_.end();
}

void Block::start_threads() {
  while (threads_.size() < launch_.threads) {
    threads_.push_back({std::make_unique<Fiber>(kStackBytes), State::kDone, {}, {}});
  }
  for (unsigned i = 0; i < launch_.threads; ++i) {
    threads_[i].state = State::kRunnable;
    threads_[i].copies = {};
    threads_[i].fiber->start(&Block::thread_entry, this);
  }
  order_.resize(launch_.threads);
  std::iota(order_.begin(), order_.end(), 0u);
  if (task_.schedule.order == Order::kReversed) std::reverse(order_.begin(), order_.end());
  random_ = (task_.schedule.seed + task_.run) * 0x9E3779B97F4A7C15u | 1u;
  barriers_.fill({});
  warp_barriers_.assign(launch_.threads / kLanes, {});
  gatherings_.assign(launch_.threads / kLanes, {});
  done_ = 0;
}

void Block::thread_entry(void* block) {
  Block& b = *static_cast<Block*>(block);
  tsan_acquire(&b.launch_token_);
  try {
    b.task_.call->call(b.task_.call->function, b.task_.call->args);
  } catch (...) {  // an exception cannot leave its stack; the other threads are left where they are
    b.fault_ = std::current_exception();
  }
  b.leave(State::kDone, {}, &b.end_token_);
}

void Block::run_rounds() {
  const OwnBooks books;
  while (done_ < launch_.threads && !fault_) {
    order_round();
    if (!run_round() && !fault_ && !land_copy()) report_stuck();
  }
}

void Block::order_round() {
  if (task_.schedule.order != Order::kShuffled) return;
  if (next_random(random_) % 4 == 0) land_copy();
  for (size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[next_random(random_) % i]);
  }
}

// A load of a box lands when nothing else can happen, which shows who does not wait for it; in
// shuffled orders now and then before.
bool Block::land_copy() {
  try {
    return box_copies_.land(task_.schedule.order, next_random(random_));
  } catch (...) {
    fault_ = std::current_exception();
  }
  return true;
}

bool Block::run_round() {
  bool any = false;
  for (const unsigned i : order_) {
    if (threads_[i].state != State::kRunnable) continue;
    any = true;
    running_ = i;
    scheduler_->switch_to(*threads_[i].fiber);
    if (fault_) break;
  }
  return any;
}

// Every thread that is not done waits for something that no thread will do.
void Block::report_stuck() {
  const bool split = std::any_of(threads_.begin(), threads_.begin() + launch_.threads,
                                 [](const Thread& t) { return t.state == State::kInCollective; });
  const auto why = mbarriers_.stuck();
  if (why && (!split || why->detector == Detector::kTransactionCount)) {
    fault_ = std::make_exception_ptr(Fault(why->detector, why->text + place()));
    return;
  }
  std::string text;
  Detector detector = Detector::kDeadlock;
  unsigned named = 0;
  for (unsigned i = 0; i < launch_.threads && named < 3; ++i) {
    const Thread& t = threads_[i];
    if (t.state == State::kDone || (i > 0 && threads_[i - 1].site == t.site)) continue;
    const bool barrier = t.state == State::kAtBarrier;
    if (split) detector = Detector::kDivergentCollective;
    else if (barrier) detector = Detector::kDivergentBarrier;
    text += text_of(t.site) + ": thread " + std::to_string(i) + " waits " +
            (barrier                           ? "at a barrier"
             : t.state == State::kInCollective ? "for its warp"
                                               : "at an mbarrier") +
            "; ";
    ++named;
  }
  const auto stuck = std::to_string(launch_.threads - done_);
  fault_ =
      std::make_exception_ptr(Fault(detector, text + stuck + " threads wait and " +
                                                  std::to_string(done_) + " are done" + place()));
}

void Block::leave(State state, Site site, void* token) {
  Fiber *self = nullptr, *scheduler = nullptr;
  {
    const OwnBooks books;
    scheduler = &*scheduler_;
    Thread& thread = threads_[running_];
    thread.state = state;
    thread.site = site;
    if (state == State::kDone) ++done_;
    self = thread.fiber.get();
  }
  if (token != nullptr) tsan_release(token);
  self->switch_to(*scheduler);
}

// ThreadSanitizer is told of a release before and an acquire after a barrier, on one of two tokens
// by turns: with one, whoever arrives at the next barrier would leak into what this one's last
// waiters acquire, and hide that a second barrier is missing.
void Block::barrier(const Rendezvous& at) {
  if (at.id >= kNamedBarriers || at.threads > launch_.threads || at.threads % kLanes != 0) {
    fail(Detector::kBadLaunch, text_of(at.site) + ": barrier " + std::to_string(at.id) + " of " +
                                   std::to_string(at.threads) + " threads");
  }
  arrive(barriers_[at.id], at, at.threads == launch_.threads);
}

void Block::warp_barrier(uint32_t mask, Site site) {
  const unsigned lane = thread() % kLanes;
  if ((mask >> lane & 1u) == 0) {
    fail(Detector::kDivergentCollective,
         text_of(site) + ": the mask lacks the calling lane " + std::to_string(lane));
  }
  arrive(warp_barriers_[thread() / kLanes],
         {0, static_cast<unsigned>(std::popcount(mask)), true, site}, false);
}

void Block::arrive(Barrier& barrier, const Rendezvous& at, bool whole) {
  char* token = &barrier.tokens[barrier.turn % 2];
  tsan_release(token);
  const bool last = count_arrival(barrier, at, whole);
  if (!at.wait) return;
  if (!last) leave(State::kAtBarrier, at.site);
  tsan_acquire(token);
}

bool Block::count_arrival(Barrier& barrier, const Rendezvous& at, bool whole) {
  const OwnBooks books;
  if (barrier.arrived == 0) {
    barrier.expected = at.threads;
    barrier.site = at.site;
  }
  if (barrier.expected != at.threads || (whole && !(barrier.site == at.site))) {
    fail(Detector::kDivergentBarrier, text_of(at.site) + ": thread " + std::to_string(running_) +
                                          " arrives where others wait at " + text_of(barrier.site));
  }
  if (!whole) accesses_.clocks().release(running_, barrier.token);
  if (at.wait) barrier.waiting.push_back(running_);
  if (++barrier.arrived < barrier.expected) return false;
  complete(barrier, whole);
  return true;
}

void Block::complete(Barrier& barrier, bool whole) {
  if (whole) accesses_.clocks().order_all();
  for (const unsigned i : barrier.waiting) {
    if (!whole) accesses_.clocks().acquire(i, barrier.token);
    threads_[i].state = State::kRunnable;
  }
  barrier.waiting.clear();
  barrier.token = {};
  barrier.arrived = 0;
  ++barrier.turn;
}

void Block::collective(const Collective& what, uint32_t mask, void* operands, Site site) {
  if (!gather(what, mask, operands, site)) leave(State::kInCollective, site);
}

bool Block::gather(const Collective& what, uint32_t mask, void* operands, Site site) {
  const OwnBooks books;
  Gathering& g = gatherings_[running_ / kLanes];
  const unsigned lane = running_ % kLanes;
  if (g.arrived == 0) {
    g.what = &what;
    g.mask = mask;
  }
  if (g.what != &what || g.mask != mask || (mask >> lane & 1u) == 0) {
    fail(Detector::kDivergentCollective,
         text_of(site) + ": lane " + std::to_string(lane) + " executes " + what.name +
             " while others of its warp execute " + g.what->name + ", or another mask");
  }
  g.arrived |= 1u << lane;
  g.operands[lane] = operands;
  if (g.arrived != g.mask) return false;
  what.run(g.operands.data());
  const unsigned first = running_ / kLanes * kLanes;
  for (unsigned i = 0; i < kLanes; ++i) {
    if ((mask >> i & 1u) != 0) threads_[first + i].state = State::kRunnable;
  }
  g = {};
  return true;
}

// What the vocabulary calls (thread.h).

unsigned thread_index() {
  return Block::current().thread();
}
BlockIndex block_index() {
  return Block::current().task().index;
}
const BlockLaunch& launch_of_block() {
  return Block::current().launch();
}

void* shared_memory(size_t bytes, Site site) {
  SharedMemory& shared = Block::current().accesses().shared();
  if (bytes > shared.bytes()) {
    Block::current().fail(Detector::kBadLaunch,
                          text_of(site) + ": " + std::to_string(bytes) +
                              " bytes of shared memory are used, and the launch has " +
                              std::to_string(shared.bytes()));
  }
  return shared.data();
}

size_t shared_offset(const void* p) {
  return Block::current().accesses().shared().offset(p);
}

void note_access(const void* p, size_t bytes, Access access, Site site) {
  const OwnBooks books;
  Block& block = Block::current();
  block.accesses().note({p, bytes, access, block.thread(), site});
}

void block_barrier(unsigned id, unsigned threads, Site site) {
  Block::current().barrier({id, threads, true, site});
}
void block_arrive(unsigned id, unsigned threads, Site site) {
  Block::current().barrier({id, threads, false, site});
}
void warp_barrier(uint32_t mask, Site site) {
  Block::current().warp_barrier(mask, site);
}

void collective(const Collective& what, uint32_t mask, void* operands, Site site) {
  Block::current().collective(what, mask, operands, site);
}

}  // namespace weft::emulator
