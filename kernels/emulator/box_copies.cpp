// Loads and stores of boxes, and when they happen; box_copies.h says what they are.
#include "kernels/emulator/box_copies.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/emulator/block.h"
#include "kernels/emulator/sanitizer.h"
#include "kernels/emulator/swizzle.h"

namespace weft::emulator {
namespace {

using cuda::TensorMapSpec;

constexpr size_t kChunk = 16;
constexpr size_t kTileAlignment = 128;

// Rows of a box that lie inside the tensor: visit(the row's number in the tile, a pointer to
// element 0 of its dimension 0).
template <class Visit>
void for_each_row(const BoxCopy& copy, Visit visit) {
  const TensorMapSpec& m = copy.map;
  size_t row = 0;
  std::array<int64_t, cuda::kMostRank> i{};
  for (i[3] = 0; i[3] < m.box[3]; ++i[3]) {
    for (i[2] = 0; i[2] < m.box[2]; ++i[2]) {
      for (i[1] = 0; i[1] < m.box[1]; ++i[1], ++row) {
        int64_t offset = 0;
        bool inside = true;
        for (size_t d = 1; d < cuda::kMostRank; ++d) {
          const int64_t at = copy.at[d] + i[d];
          inside = inside && at >= 0 && at < m.size[d];
          offset += at * m.stride[d];
        }
        if (inside) visit(row, static_cast<const std::byte*>(m.data) + offset);
      }
    }
  }
}

// The bytes of a row that lie inside the tensor: [begin, end) of the box's row.
struct Inside {
  size_t begin, end;
};
Inside inside_of(const BoxCopy& copy) {
  const int64_t first = copy.at[0], box = copy.map.box[0];
  const auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i, 0, box); };
  const size_t begin = static_cast<size_t>(clamp(-first)) * copy.map.element_bytes;
  const size_t end = static_cast<size_t>(clamp(copy.map.size[0] - first)) * copy.map.element_bytes;
  return {std::min(begin, end), end};
}

// The row's bytes that lie inside, in global memory; nothing if none do.
AccessOf row_in_memory(const BoxCopy& copy, const std::byte* row, Access access) {
  const Inside in = inside_of(copy);
  const auto skip =
      static_cast<int64_t>(copy.at[0]) * copy.map.element_bytes + static_cast<int64_t>(in.begin);
  return {row + skip, in.end - in.begin, access, copy.thread, copy.site, copy.map.element_bytes};
}

// The tile as if nothing were permuted.
class TileBytes {
 public:
  TileBytes(const BoxCopy& copy, SharedMemory& shared) : copy_(copy), shared_(shared) {}

  std::byte* chunk(size_t linear) const {
    const size_t offset = shared_.offset(copy_.tile) + linear;
    return shared_.data() + swizzled(offset, static_cast<unsigned>(copy_.map.swizzle));
  }
  void read(std::byte* to) const {
    for (size_t i = 0; i < copy_.map.box_bytes(); i += kChunk)
      std::memcpy(to + i, chunk(i), kChunk);
  }
  void write(const std::byte* from) const {
    for (size_t i = 0; i < copy_.map.box_bytes(); i += kChunk)
      std::memcpy(chunk(i), from + i, kChunk);
  }

 private:
  const BoxCopy& copy_;
  SharedMemory& shared_;
};

AccessOf tile_of(const BoxCopy& copy, Access access, unsigned actor) {
  return {copy.tile, copy.map.box_bytes(), access, actor, copy.site, kTileAlignment};
}

}  // namespace

void BoxCopies::begin(unsigned threads) {
  loads_.clear();
  unwritten_.clear();
  stores_.assign(threads, {});
}

void BoxCopies::check_tile(const BoxCopy& copy) const {
  const auto span = static_cast<unsigned>(copy.map.swizzle);
  SharedMemory& shared = block_.accesses().shared();
  const bool inside = shared.contains(copy.tile);
  const size_t alignment = std::max<size_t>(kTileAlignment, repeat_of_swizzle(span));
  if (!inside || shared.offset(copy.tile) % alignment != 0) {
    block_.fail(Detector::kBadTensorMap,
                text_of(copy.site) +
                    ": the tile of a box must lie in shared memory, at a multiple of " +
                    std::to_string(alignment) + " bytes");
  }
}

void BoxCopies::load(BoxCopy copy) {
  block_.mbarriers().check_target(copy.mbarrier, copy.site);
  Accesses& accesses = block_.accesses();
  check_tile(copy);  // before what it would write is noted, and before the clock goes on
  accesses.begin_async_write(tile_of(copy, Access::kWrite, copy.thread));
  for_each_row(copy, [&](size_t, const std::byte* row) {
    const AccessOf from = row_in_memory(copy, row, Access::kRead);
    if (from.bytes > 0) accesses.note(from);
  });
  accesses.clocks().release(copy.thread, copy.issued);
  loads_.push_back(std::move(copy));
}

bool BoxCopies::land(Order order, uint64_t random) {
  if (loads_.empty()) return false;
  const size_t which = order == Order::kForward    ? 0
                       : order == Order::kReversed ? loads_.size() - 1
                                                   : random % loads_.size();
  const BoxCopy copy = std::move(loads_[which]);
  loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(which));
  Accesses& accesses = block_.accesses();
  std::vector<std::byte> tile(copy.map.box_bytes());  // zeros where nothing lies inside
  const Inside in = inside_of(copy);
  for_each_row(copy, [&](size_t i, const std::byte* row) {
    const AccessOf from = row_in_memory(copy, row, Access::kRead);
    if (from.bytes == 0) return;
    std::memcpy(tile.data() + i * copy.map.row_bytes() + in.begin, from.p, from.bytes);
  });
  TileBytes(copy, accesses.shared()).write(tile.data());
  const unsigned unit = block_.copy_unit();
  accesses.end_async_write(tile_of(copy, Access::kWrite, unit));
  block_.mbarriers().complete(copy.mbarrier, static_cast<int64_t>(copy.map.box_bytes()), unit,
                              copy.issued);
  return true;
}

void BoxCopies::store(BoxCopy copy) {
  check_tile(copy);
  block_.accesses().clocks().release(copy.thread, copy.issued);
  block_.accesses().begin_async_read(tile_of(copy, Access::kRead, copy.thread), copy.issued);
  stores_[copy.thread].open.push_back(std::move(copy));
}

void BoxCopies::commit_stores() {
  ThreadStores& mine = stores_[block_.thread()];
  mine.groups.push_back(std::exchange(mine.open, {}));
}

void BoxCopies::take(BoxCopy& copy, Site site) {
  if (copy.read) return;
  copy.read = true;
  copy.taken.resize(copy.map.box_bytes());
  TileBytes(copy, block_.accesses().shared()).read(copy.taken.data());
  AccessOf ended = tile_of(copy, Access::kRead, copy.thread);
  ended.site = site;
  block_.accesses().end_async_read(ended);
}

void BoxCopies::write(BoxCopy& copy) {
  const Inside in = inside_of(copy);
  for_each_row(copy, [&](size_t i, const std::byte* row) {
    const AccessOf to = row_in_memory(copy, row, Access::kWrite);
    if (to.bytes == 0) return;
    block_.accesses().note(to);
    std::memcpy(const_cast<void*>(to.p), copy.taken.data() + i * copy.map.row_bytes() + in.begin,
                to.bytes);
  });
}

void BoxCopies::wait_for_stores(size_t pending, bool written, Site site) {
  ThreadStores& mine = stores_[block_.thread()];
  for (size_t i = 0; i + pending < mine.groups.size(); ++i) {
    for (BoxCopy& copy : mine.groups[i]) take(copy, site);
  }
  while (mine.groups.size() > pending) {
    for (BoxCopy& copy : mine.groups.front()) {
      if (written) write(copy);
      else unwritten_.push_back(std::move(copy));
    }
    mine.groups.pop_front();
  }
  if (!written) return;
  for (BoxCopy& copy : unwritten_) {
    if (copy.thread == block_.thread()) write(copy);
  }
  std::erase_if(unwritten_, [&](const BoxCopy& c) { return c.thread == block_.thread(); });
}

void BoxCopies::end() {
  for (BoxCopy& copy : unwritten_) write(copy);
  const BoxCopy* left = loads_.empty() ? nullptr : &loads_.front();
  for (const ThreadStores& s : stores_) {
    if (!s.open.empty()) left = &s.open.front();
    for (const std::vector<BoxCopy>& group : s.groups) {
      if (!group.empty()) left = &group.front();
    }
  }
  if (left == nullptr) return;
  block_.fail(Detector::kCopyInFlight,
              text_of(left->site) +
                  ": the block ends and gives up shared memory of a copy of thread " +
                  std::to_string(left->thread) + " that was not waited for");
}

BoxCopy box_copy(const cuda::TensorMap& map, std::array<int, cuda::kMostRank> at, const void* tile,
                 Site site) {
  BoxCopy copy;
  std::memcpy(&copy.map, map.bytes, sizeof(copy.map));
  copy.at = at;
  copy.tile = static_cast<std::byte*>(const_cast<void*>(tile));
  copy.site = site;
  copy.thread = Block::current().thread();
  return copy;
}

void load_box(BoxCopy copy, void* mbarrier) {
  const OwnBooks books;
  copy.mbarrier = mbarrier;
  Block::current().box_copies().load(std::move(copy));
}
void store_box(BoxCopy copy) {
  const OwnBooks books;
  Block::current().box_copies().store(std::move(copy));
}
void commit_boxes() {
  const OwnBooks books;
  Block::current().box_copies().commit_stores();
}
void wait_for_boxes(size_t pending, bool written, Site site) {
  const OwnBooks books;
  Block::current().box_copies().wait_for_stores(pending, written, site);
}

}  // namespace weft::emulator
