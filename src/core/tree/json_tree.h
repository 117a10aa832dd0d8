// JSON as a tree with positions, and back: Hugging Face's config.json among others.
#pragma once

#include <string>
#include <string_view>

#include "core/file_system.h"
#include "core/tree/tree.h"

namespace weft {

// Limits are those of a config: core/tree/tree.h. Throws Error with position for
// anything that is not strict JSON (core/strict_json.h) or exceeds them.
Tree parse_json_tree(std::string_view text, std::string_view source);
Tree read_json_tree(const Path& file);

// Indented by two spaces, keys in the order of the tree, a newline at the end.
std::string to_json(const Tree& tree);

}  // namespace weft
