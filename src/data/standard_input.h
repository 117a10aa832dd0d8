// Standard input as a file: prepare may read its input twice, and what is piped can be read once.
#pragma once

#include "core/file_system.h"

namespace weft::data {

// Copies what `descriptor` gives to `file`, in pieces. Throws Error if it gives nothing, FileError
// for what the disk refuses; then the file is removed.
void spool(FileSystem& files, int descriptor, const Path& file);

}  // namespace weft::data
