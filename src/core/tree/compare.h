// What differs between two configs, key by key, and whether a run may go on with the difference.
#pragma once

#include "core/tree/schema.h"

namespace weft {

struct Difference {
  std::string path;    // "model.hidden_size"
  std::string before;  // as it would be written; "" if unset
  std::string after;
  bool may_change = false;  // the field, or a map around it, is declared so
};

// Both trees as to_tree writes them, with the field names of `schema`.
std::vector<Difference> compare(const Tree& before, const Tree& after, const Schema& schema);

}  // namespace weft
