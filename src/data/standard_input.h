// Standard input as a file: prepare may read its input twice, and what is piped can be read once.
#pragma once

#include <functional>

#include "core/file_system.h"

namespace weft::data {

// Copies what `descriptor` gives to `file`, in pieces. `meanwhile` is called for each of them, and
// some times a second while nothing comes; what it throws ends the copying. Throws Error if
// `descriptor` gives nothing, FileError for what the disk refuses. After any error the file is
// removed.
void spool(
    FileSystem& files, int descriptor, const Path& file,
    const std::function<void()>& meanwhile = [] {});

}  // namespace weft::data
