// A trie whose edges lie in one hash table (byte_trie.h).
#include "text/byte_trie.h"

#include "weft/error.h"

namespace weft::text {

ByteTrie::ByteTrie() : of_root_(256, kNone), slots_(64), values_{-1} {}

void ByteTrie::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.key != 0) slots_[slot_of(slot.key)] = slot;
  }
}

uint32_t ByteTrie::add_child(uint32_t node, char byte) {
  const auto fresh = static_cast<uint32_t>(values_.size());
  WEFT_ASSERT(fresh < kNone);
  values_.push_back(-1);
  if (node == kRoot) return of_root_[static_cast<uint8_t>(byte)] = fresh;
  if (2 * values_.size() > slots_.size()) grow();
  const uint64_t key = key_of(node, byte);
  slots_[slot_of(key)] = {key, fresh};
  return fresh;
}

void ByteTrie::insert(std::string_view text, int32_t value) {
  uint32_t node = kRoot;
  for (const char byte : text) {
    const uint32_t next = child(node, byte);
    node = next == kNone ? add_child(node, byte) : next;
  }
  values_[node] = value;
}

uint32_t ByteTrie::node_of(std::string_view text) const {
  uint32_t node = kRoot;
  for (const char byte : text) {
    node = child(node, byte);
    if (node == kNone) return kNone;
  }
  return node;
}

}  // namespace weft::text
