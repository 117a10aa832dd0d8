// A tree as YAML that parse_yaml reads back to an equal tree, and that other readers understand.
#pragma once

#include <string>

#include "core/tree/tree.h"

namespace weft::config {

// Block style, lists of scalars in brackets; keys in the order of the tree.
std::string to_yaml(const Tree& map);

}  // namespace weft::config
