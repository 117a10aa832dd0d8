// Products of warp groups under way; warp_groups.h says when what happens.
#include "kernels/emulator/warp_groups.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/emulator/block.h"
#include "kernels/emulator/matrix_descriptor.h"
#include "kernels/emulator/sanitizer.h"
#include "kernels/emulator/swizzle.h"
#include "weft/dtype.h"
#include "weft/error.h"

namespace weft::emulator {
namespace {

constexpr size_t kChunkBytes = 16;
constexpr unsigned kRegistersOfAMultiprocessor = 65536;

// Where element i of thread t's sums lies: m64nN's fragment of D.
struct Cell {
  size_t row, column;
};
Cell cell_of(unsigned t, unsigned i) {
  return {t / 32 * 16 + t % 32 / 4 + 8 * (i % 4 / 2), i / 4 * 8 + t % 4 * 2 + i % 2};
}

// The descriptor's operand, or the rule that it breaks.
const char* broken_rule(const MatrixDescriptor& d, bool k_major,
                        const std::vector<uint32_t>& chunks) {
  if (d.others != 0) return "sets bits that are not used, or a base offset";
  const size_t pattern = repeat_of_swizzle(d.swizzle);
  const size_t start = d.swizzle == 0 ? 0
                       : k_major      ? d.start % pattern - d.start % d.swizzle
                                      : d.start % pattern;
  if (start != 0) return "does not begin where its swizzle does";
  std::vector<uint32_t> sorted = chunks;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    return "names the same bytes twice: its strides are too small";
  return nullptr;
}

}  // namespace

struct WarpGroups::Product {
  WgmmaCall call;  // of the group's first thread
  unsigned group = 0;
  std::shared_ptr<SumsInFlight> sums;
  std::vector<uint32_t> registers_a;         // 4 of each thread, if A comes from registers
  std::vector<uint32_t> chunks_a, chunks_b;  // offsets in shared memory
  Clocks::Token issued, done;
  bool ran = false;
};

void AccumulatorMark::access(Site site) {
  if (pending > 0) {
    Block::current().fail(Detector::kAccumulatorInFlight,
                          text_of(site) + ": thread " + std::to_string(Block::current().thread()) +
                              " accesses sums of a wgmma that it has not waited for");
  }
  touched = true;
}

void WarpGroups::begin(unsigned threads) {
  gatherings_.assign(threads / kWarpGroup, {});
  products_.assign(threads, {});
  registers_.assign(threads / kWarpGroup, 0);
}

void WarpGroups::end() {
  for (const ThreadProducts& p : products_) {
    const bool left = !p.open.empty() || !p.groups.empty();
    const Pending* first = !p.open.empty()                     ? &p.open.front()
                           : left && !p.groups.front().empty() ? &p.groups.front().front()
                                                               : nullptr;
    if (first == nullptr) continue;
    block_.fail(
        Detector::kAccumulatorInFlight,
        text_of(first->product->call.site) + ": the block ends before a wgmma was waited for");
  }
}

WarpGroups::Gathering* WarpGroups::gather(const char* what, const void* operands, Site site) {
  const unsigned thread = block_.thread(), group = thread / kWarpGroup;
  if (group >= gatherings_.size()) {
    block_.fail(Detector::kBadLaunch,
                text_of(site) + ": " + what + " by a warp group that is not whole");
  }
  Gathering& g = gatherings_[group];
  if (g.arrived == 0) g.what = what;
  if (std::strcmp(g.what, what) != 0) {
    block_.fail(Detector::kDivergentCollective,
                text_of(site) + ": thread " + std::to_string(thread) + " executes " + what +
                    " while others of its warp group execute " + g.what);
  }
  g.operands[thread % kWarpGroup] = operands;
  return ++g.arrived == kWarpGroup ? &g : nullptr;
}

void WarpGroups::release(Gathering& g) {
  const unsigned first = static_cast<unsigned>(&g - gatherings_.data()) * kWarpGroup;
  const unsigned self = block_.thread();
  g = {};
  for (unsigned t = first; t < first + kWarpGroup; ++t) {
    if (t != self) block_.wake(t);
  }
}

void WarpGroups::multiply(const WgmmaCall& call) {
  {
    const OwnBooks books;
    if (Gathering* all = gather("wgmma", &call, call.site)) {
      issue(*all);
      return release(*all);
    }
  }
  block_.wait_in_collective(call.site);
}

void WarpGroups::check_alike(const Gathering& g) const {
  const auto& first = *static_cast<const WgmmaCall*>(g.operands[0]);
  for (const void* operands : g.operands) {
    const auto& c = *static_cast<const WgmmaCall*>(operands);
    const bool alike = c.n == first.n && c.descriptor_b == first.descriptor_b &&
                       (c.a == nullptr) == (first.a == nullptr) &&
                       c.descriptor_a == first.descriptor_a && c.accumulate == first.accumulate &&
                       c.transposed_a == first.transposed_a && c.transposed_b == first.transposed_b;
    if (!alike) {
      block_.fail(Detector::kDivergentCollective,
                  text_of(c.site) + ": the threads of a warp group give wgmma different operands");
    }
    if (c.mark->touched) {
      block_.fail(
          Detector::kMissingFence,
          text_of(c.site) + ": wgmma with sums that were accessed since the last wgmma_fence");
    }
  }
}

std::shared_ptr<SumsInFlight> WarpGroups::take_sums(const Gathering& g) {
  const auto& first = *static_cast<const WgmmaCall*>(g.operands[0]);
  std::shared_ptr<SumsInFlight> sums;
  if (first.mark->sums != nullptr) {
    sums = first.mark->sums->shared_from_this();
  } else {
    sums = std::make_shared<SumsInFlight>();
    sums->n = first.n;
    sums->values.resize(static_cast<size_t>(kWgmmaRows) * static_cast<size_t>(first.n));
  }
  for (unsigned t = 0; t < kWarpGroup; ++t) {
    const auto& c = *static_cast<const WgmmaCall*>(g.operands[t]);
    if (c.mark->sums != first.mark->sums || sums->n != c.n) {
      block_.fail(Detector::kAccumulatorInFlight,
                  text_of(c.site) + ": sums are under way in another wgmma, or of another shape");
    }
    if (first.mark->sums != nullptr) continue;
    for (unsigned i = 0; i < static_cast<unsigned>(c.n / 2); ++i) {
      const Cell cell = cell_of(t, i);
      sums->values[cell.row * static_cast<size_t>(c.n) + cell.column] =
          std::exchange(c.sums[i], std::numeric_limits<float>::quiet_NaN());
    }
  }
  return sums;
}

void WarpGroups::issue(const Gathering& g) {
  check_alike(g);
  auto product = std::make_shared<Product>();
  product->call = *static_cast<const WgmmaCall*>(g.operands[0]);
  product->group = block_.thread() / kWarpGroup;
  product->sums = take_sums(g);
  for (unsigned t = 0; t < kWarpGroup; ++t) {
    const auto& c = *static_cast<const WgmmaCall*>(g.operands[t]);
    if (c.a != nullptr) product->registers_a.insert(product->registers_a.end(), c.a, c.a + 4);
  }
  start_reads(*product);
  for (unsigned t = 0; t < kWarpGroup; ++t) {
    const auto& c = *static_cast<const WgmmaCall*>(g.operands[t]);
    c.mark->sums = product->sums.get();
    ++c.mark->pending;
    products_[product->group * kWarpGroup + t].open.push_back({product, c.sums, c.mark});
  }
}

void WarpGroups::start_reads(Product& p) {
  Accesses& accesses = block_.accesses();
  p.issued = accesses.clocks().common(p.group * kWarpGroup, kWarpGroup);
  const auto start = [&](uint64_t bits, int mn, bool k_major) {
    const MatrixDescriptor d = decode_descriptor(bits);
    std::vector<uint32_t> chunks = chunks_of_operand(d, mn, k_major);
    if (const char* rule = broken_rule(d, k_major, chunks)) {
      block_.fail(Detector::kBadDescriptor, text_of(p.call.site) + ": a descriptor of wgmma " +
                                                rule + " (start " + std::to_string(d.start) +
                                                ", leading " + std::to_string(d.leading) +
                                                ", stride " + std::to_string(d.stride) +
                                                ", swizzle " + std::to_string(d.swizzle) + ")");
    }
    for (const uint32_t at : chunks) {
      accesses.begin_async_read({accesses.shared().data() + at, kChunkBytes, Access::kRead,
                                 block_.matrix_unit(p.group), p.call.site},
                                p.issued);
    }
    return chunks;
  };
  if (p.call.a == nullptr)
    p.chunks_a = start(p.call.descriptor_a, kWgmmaRows, !p.call.transposed_a);
  p.chunks_b = start(p.call.descriptor_b, p.call.n, !p.call.transposed_b);
}

namespace {

// Chunks as a matrix of k rows of mn floats.
std::vector<float> gather_operand(const std::byte* shared, const std::vector<uint32_t>& chunks,
                                  size_t mn, bool k_major) {
  std::vector<float> matrix(static_cast<size_t>(kWgmmaK) * mn);
  const size_t along = k_major ? 2 : mn / 8;
  for (size_t i = 0; i < chunks.size(); ++i) {
    BFloat16 values[8];
    std::memcpy(values, shared + chunks[i], sizeof(values));
    const size_t line = i / along, c = i % along;
    for (size_t e = 0; e < 8; ++e) {
      const size_t k = k_major ? c * 8 + e : line, at = k_major ? line : c * 8 + e;
      matrix[k * mn + at] = static_cast<float>(values[e]);
    }
  }
  return matrix;
}

std::vector<float> spread_registers(const std::vector<uint32_t>& registers) {
  std::vector<float> matrix(static_cast<size_t>(kWgmmaK * kWgmmaRows));
  for (unsigned t = 0; t < kWarpGroup; ++t) {
    for (unsigned r = 0; r < 4; ++r) {
      const size_t row = t / 32 * 16 + t % 32 / 4 + 8 * (r % 2), k = t % 4 * 2 + 8 * (r / 2);
      const uint32_t pair = registers[t * 4 + r];
      for (unsigned half = 0; half < 2; ++half) {
        matrix[(k + half) * kWgmmaRows + row] =
            static_cast<float>(BFloat16::from_bits(static_cast<uint16_t>(pair >> (16 * half))));
      }
    }
  }
  return matrix;
}

// sums [64, n] += a^T b of [16, 64] and [16, n]: in the order of k, 8 columns at a time.
WEFT_UNWATCHED void add_product(float* sums, const float* a, const float* b, size_t n) {
  for (size_t row = 0; row < static_cast<size_t>(kWgmmaRows); ++row) {
    for (size_t column = 0; column < n; column += 8) {
      float* out = sums + row * n + column;
      for (size_t k = 0; k < static_cast<size_t>(kWgmmaK); ++k) {
        const float left = a[k * static_cast<size_t>(kWgmmaRows) + row];
        const float* right = b + k * n + column;
        for (size_t i = 0; i < 8; ++i) out[i] += left * right[i];
      }
    }
  }
}

}  // namespace

void WarpGroups::run(Product& p) {
  if (p.ran) return;
  p.ran = true;
  Accesses& accesses = block_.accesses();
  const std::byte* shared = accesses.shared().data();
  const auto n = static_cast<size_t>(p.call.n);
  if (!p.call.accumulate) std::fill(p.sums->values.begin(), p.sums->values.end(), 0.0f);
  const std::vector<float> a =
      p.call.a != nullptr ? spread_registers(p.registers_a)
                          : gather_operand(shared, p.chunks_a, kWgmmaRows, !p.call.transposed_a);
  const std::vector<float> b = gather_operand(shared, p.chunks_b, n, !p.call.transposed_b);
  WEFT_ASSERT(p.sums->values.size() == static_cast<size_t>(kWgmmaRows) * n);
  add_product(p.sums->values.data(), a.data(), b.data(), n);
  const unsigned unit = block_.matrix_unit(p.group);
  for (const std::vector<uint32_t>* chunks : {&p.chunks_a, &p.chunks_b}) {
    for (const uint32_t at : *chunks) {
      accesses.end_async_read({shared + at, kChunkBytes, Access::kRead, unit, p.call.site});
    }
  }
  accesses.clocks().publish(unit, p.issued, p.done);
}

void WarpGroups::retire(Pending& pending) {
  run(*pending.product);
  block_.accesses().clocks().acquire(block_.thread(), pending.product->done);
  AccumulatorMark& mark = *pending.mark;
  if (--mark.pending > 0) return;
  const SumsInFlight& sums = *mark.sums;
  for (unsigned i = 0; i < static_cast<unsigned>(sums.n / 2); ++i) {
    const Cell cell = cell_of(block_.thread() % kWarpGroup, i);
    pending.sums[i] = sums.values[cell.row * static_cast<size_t>(sums.n) + cell.column];
  }
  mark.sums = nullptr;
}

void WarpGroups::commit() {
  ThreadProducts& mine = products_[block_.thread()];
  mine.groups.push_back(std::exchange(mine.open, {}));
}

void WarpGroups::wait(size_t pending) {
  ThreadProducts& mine = products_[block_.thread()];
  while (mine.groups.size() > pending) {
    for (Pending& p : mine.groups.front()) retire(p);
    mine.groups.pop_front();
  }
}

void WarpGroups::set_registers(unsigned count, Site site) {
  {
    const OwnBooks books;
    if (count < 24 || count > 256 || count % 8 != 0) {
      block_.fail(Detector::kBadLaunch, text_of(site) + ": setmaxnreg of " + std::to_string(count) +
                                            " registers: 24 to 256, a multiple of 8");
    }
    if (Gathering* all = gather("setmaxnreg", nullptr, site)) {
      registers_[block_.thread() / kWarpGroup] = count;
      unsigned total = 0;
      for (const unsigned r : registers_) total += r * kWarpGroup;
      if (total > kRegistersOfAMultiprocessor) {
        block_.fail(Detector::kBadLaunch, text_of(site) + ": warp groups ask for " +
                                              std::to_string(total) + " registers of 65536");
      }
      return release(*all);
    }
  }
  block_.wait_in_collective(site);
}

void wgmma(const WgmmaCall& call) {
  Block::current().warp_groups().multiply(call);
}
void wgmma_commit() {
  const OwnBooks books;
  Block::current().warp_groups().commit();
}
void wgmma_wait(size_t pending) {
  const OwnBooks books;
  Block::current().warp_groups().wait(pending);
}
void set_registers(unsigned count, Site site) {
  Block::current().warp_groups().set_registers(count, site);
}

}  // namespace weft::emulator
