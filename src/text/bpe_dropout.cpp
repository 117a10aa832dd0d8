// Merges of which some are left out at random (EncodeOptions::dropout_key), as in Hugging Face's
// library: of the pairs in their order, each is passed over with the model's probability, until one
// merges; then all are looked at again. The random numbers are ours.
#include <algorithm>
#include <functional>

#include "text/bpe_model.h"
#include "weft/philox.h"

namespace weft::text {
namespace {

// Uniform in [0, 1): a function of the key and of how many numbers the text has used before.
float next_random(ModelScratch& scratch) {
  const uint64_t count = scratch.dropout_count++;
  return uniform_from(philox(*scratch.dropout_key, count / 4)[count % 4]);
}

}  // namespace

void BpeModel::merge_some(ModelScratch& scratch) const {
  auto& ids = scratch.ids;
  auto& links = scratch.links;
  const auto size = static_cast<uint32_t>(ids.size());
  links.resize(size);
  scratch.heap.clear();
  for (uint32_t i = 0; i < size; ++i) links[i] = {i - 1, i + 1};  // before the first: UINT32_MAX
  for (uint32_t i = 0; i < size; ++i) push_pair(scratch, i);
  std::vector<uint64_t> passed_over;
  while (!scratch.heap.empty()) {
    std::ranges::pop_heap(scratch.heap, std::greater<>());
    const uint64_t entry = scratch.heap.back();
    scratch.heap.pop_back();
    const auto at = static_cast<uint32_t>(entry);
    const uint32_t after = links[at].after;
    if (ids[at] < 0 || after == size) continue;
    const Merge merge = merges_.find(ids[at], ids[after]);
    if (merge.rank != static_cast<uint32_t>(entry >> 32)) continue;
    if (static_cast<double>(next_random(scratch)) < dropout_) {
      passed_over.push_back(entry);
      continue;
    }
    for (const uint64_t passed : passed_over) {
      scratch.heap.push_back(passed);
      std::ranges::push_heap(scratch.heap, std::greater<>());
    }
    passed_over.clear();
    join(scratch, at, merge.id);
  }
  std::erase(ids, -1);
}

}  // namespace weft::text
