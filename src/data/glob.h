// File name patterns as a shell expands them, for inputs that a shell has not expanded.
#pragma once

#include <string>
#include <vector>

#include "core/file_system.h"

namespace weft::data {

bool has_wildcard(std::string_view pattern);

// The paths that match, sorted: `*`, `?` and `[a-z]` within a name, `**` for any number of folders.
// Hidden names match only a pattern that begins with a dot. Throws FileError for a folder that
// cannot be listed.
std::vector<Path> expand_glob(const FileSystem& files, const std::string& pattern);

}  // namespace weft::data
