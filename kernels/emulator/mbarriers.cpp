// Phases, arrivals and transaction counts; mbarriers.h says what an mbarrier is.
#include "kernels/emulator/mbarriers.h"

#include <utility>

#include "kernels/emulator/block.h"
#include "kernels/emulator/sanitizer.h"

namespace weft::emulator {
namespace {

constexpr unsigned kMostArrivals = (1u << 20) - 1;  // and bytes, either way
constexpr size_t kObjectBytes = 8;

}  // namespace

Mbarriers::Mbarrier& Mbarriers::find(void* object, Site site) {
  Accesses& accesses = block_.accesses();
  const auto at =
      accesses.shared().contains(object) ? all_.find(accesses.shared().offset(object)) : all_.end();
  if (at == all_.end()) {
    block_.fail(Detector::kBadMbarrier,
                text_of(site) + ": there is no mbarrier that was initialised");
  }
  Mbarrier& m = at->second;
  if (!accesses.clocks().ordered(m.made, block_.thread())) {
    block_.fail(Detector::kRaceInBlock,
                text_of(site) + ": thread " + std::to_string(block_.thread()) +
                    " uses an mbarrier that thread " + std::to_string(m.made.thread) +
                    " made at line " + std::to_string(m.made.line) + ", with no barrier between");
  }
  return m;
}

std::string Mbarriers::describe(size_t offset, const Mbarrier& m) const {
  return "the mbarrier at " + std::to_string(offset) + " of shared memory, made at line " +
         std::to_string(m.made.line) + ", in phase " + std::to_string(m.phase) + ", lacks " +
         std::to_string(m.pending) + " of " + std::to_string(m.count) + " arrivals and " +
         std::to_string(m.bytes) + " bytes";
}

void Mbarriers::init(void* object, unsigned count, Site site) {
  const OwnBooks books;
  Accesses& accesses = block_.accesses();
  const AccessOf place{object, kObjectBytes, Access::kWrite, block_.thread(), site};
  accesses.note(place);
  if (!accesses.shared().contains(object) || count == 0 || count > kMostArrivals) {
    block_.fail(Detector::kBadMbarrier, text_of(site) + ": an mbarrier of " +
                                            std::to_string(count) +
                                            " arrivals, or not in shared memory");
  }
  Mbarrier& m = all_[accesses.shared().offset(object)];
  m = {};
  m.count = m.pending = count;
  m.made = accesses.clocks().now(block_.thread(), site.line);
}

void Mbarriers::fence_init(unsigned thread) {
  for (auto& [offset, m] : all_) m.fenced = m.fenced || m.made.thread == thread;
}

void Mbarriers::arrive(void* object, int64_t bytes, Site site) {
  Mbarrier* m = nullptr;
  {
    const OwnBooks books;
    m = &find(object, site);
    if (m->pending == 0) {
      block_.fail(Detector::kBadMbarrier,
                  text_of(site) + ": an arrival too many: " +
                      describe(block_.accesses().shared().offset(object), *m));
    }
  }
  tsan_release(&m->tokens[m->phase % 2]);
  const OwnBooks books;
  m->bytes += bytes;
  block_.accesses().clocks().release(block_.thread(), m->arriving);
  --m->pending;
  advance(*m);
}

void Mbarriers::advance(Mbarrier& m) {
  if (m.pending > 0 || m.bytes != 0) return;
  m.ended = std::exchange(m.arriving, {});
  m.pending = m.count;
  ++m.phase;
  for (const Waiting& w : m.waiting) block_.wake(w.thread);
  m.waiting.clear();
}

// Parity p waits for the phase that is numbered p modulo 2: who asks for the one that is under way
// waits, who asks for the one before goes on.
void Mbarriers::wait(void* object, unsigned parity, Site site) {
  Mbarrier* m = nullptr;
  while (true) {
    {
      const OwnBooks books;
      m = &find(object, site);
      if (m->phase % 2 != parity % 2) break;
      m->waiting.push_back({block_.thread(), site});
    }
    block_.wait_at_mbarrier(site);
  }
  {
    const OwnBooks books;
    block_.accesses().clocks().acquire(block_.thread(), m->ended);
  }
  tsan_acquire(&m->tokens[parity % 2]);
}

void Mbarriers::check_target(void* object, Site site) {
  const Mbarrier& m = find(object, site);
  if (m.fenced) return;
  block_.fail(Detector::kMissingFence,
              text_of(site) + ": a copy completes on an mbarrier that was made at line " +
                  std::to_string(m.made.line) + " with no fence_mbarriers() since");
}

void Mbarriers::complete(void* object, int64_t bytes, unsigned unit, const Clocks::Token& issued) {
  Accesses& accesses = block_.accesses();
  Mbarrier& m = all_.at(accesses.shared().offset(object));
  m.bytes -= bytes;
  accesses.clocks().publish(unit, issued, m.arriving);
  advance(m);
}

std::optional<Mbarriers::Stuck> Mbarriers::stuck() const {
  std::optional<Stuck> why;
  for (const auto& [offset, m] : all_) {
    if (m.waiting.empty()) continue;
    const bool bytes = m.bytes != 0;
    if (why && !bytes) continue;
    const Waiting& w = m.waiting.front();
    why = {bytes ? Detector::kTransactionCount : Detector::kDeadlock,
           text_of(w.site) + ": thread " + std::to_string(w.thread) +
               " waits for ever: " + describe(offset, m) + "; "};
  }
  return why;
}

void Mbarriers::end() {
  for (const auto& [offset, m] : all_) {
    if (m.bytes == 0) continue;
    block_.fail(Detector::kTransactionCount, "at the end of the block " + describe(offset, m));
  }
}

void mbarrier_init(void* object, unsigned count, Site site) {
  Block::current().mbarriers().init(object, count, site);
}
void mbarrier_fence_init() {
  const OwnBooks books;
  Block::current().mbarriers().fence_init(Block::current().thread());
}
void mbarrier_arrive(void* object, int64_t bytes, Site site) {
  Block::current().mbarriers().arrive(object, bytes, site);
}
void mbarrier_wait(void* object, unsigned parity, Site site) {
  Block::current().mbarriers().wait(object, parity, site);
}

void fence_proxy() {
  const OwnBooks books;
  Block& block = Block::current();
  block.mbarriers().fence_init(block.thread());
  block.accesses().fence_proxy(block.thread());
}

}  // namespace weft::emulator
