// Copies under way, by thread and group, and the marks on their targets.
#include "kernels/emulator/async_copies.h"

#include <utility>

#include "kernels/emulator/block.h"
#include "kernels/emulator/sanitizer.h"

namespace weft::emulator {
namespace {

// A copy reads from a multiple of 16 bytes, however few of them.
AccessOf source_of(const void* from, size_t bytes, unsigned thread, Site site) {
  return {from, bytes, Access::kRead, thread, site, Copy::kBytes};
}

void mark(const Copy& copy, uint32_t flight) {
  SharedMemory& shared = Block::current().accesses().shared();
  Granule* g = shared.granules(copy.to);
  for (size_t i = 0; i < Copy::kBytes / Granule::kBytes; ++i) g[i].flight = flight;
}

}  // namespace

void copy_async(void* to, const void* from, size_t bytes, Site site) {
  const OwnBooks books;
  Block& block = Block::current();
  Accesses& accesses = block.accesses();
  const AccessOf target{to, Copy::kBytes, Access::kWrite, block.thread(), site};
  accesses.check_place(target);
  if (!accesses.shared().contains(to) || bytes > Copy::kBytes) {
    block.fail(Detector::kSharedOutOfBounds,
               text_of(site) + ": cp.async to what is not shared memory, or of more than 16 bytes");
  }
  if (bytes > 0) accesses.check_place(source_of(from, bytes, block.thread(), site));
  accesses.note(target);  // what is read there later races with this copy, or is ordered after it
  const Copy copy{to, from, bytes};
  mark(copy, accesses.run());
  block.copies().open.push_back(copy);
}

void commit_copies() {
  const OwnBooks books;
  ThreadCopies& copies = Block::current().copies();
  copies.groups.push_back(std::exchange(copies.open, {}));
}

std::vector<Copy> take_copies(size_t pending) {
  const OwnBooks books;
  ThreadCopies& copies = Block::current().copies();
  std::vector<Copy> landed;
  while (copies.groups.size() > pending) {
    landed.insert(landed.end(), copies.groups.front().begin(), copies.groups.front().end());
    copies.groups.pop_front();
  }
  return landed;
}

void Copy::note_landing(const Copy& copy, Site site) {
  const OwnBooks books;
  Block& block = Block::current();
  mark(copy, 0);
  block.accesses().note({copy.to, kBytes, Access::kWrite, block.thread(), site});
  if (copy.bytes > 0) {
    block.accesses().note(source_of(copy.from, copy.bytes, block.thread(), site));
  }
}

}  // namespace weft::emulator
