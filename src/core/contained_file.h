// Files of a folder that strangers made: a symbolic link in it may lead to any file of the user's.
#pragma once

#include "core/file_system.h"

namespace weft {

// Error if `file`, which was found in `folder`, is or lies behind a symbolic link that leaves the
// folder. Hugging Face's cache keeps files as links from snapshots/REVISION into blobs/ beside
// snapshots/; those may be followed. Error, too, for a link that leads nowhere: what it stands for
// may not be taken for absent. A file that is missing passes: opening it tells.
void refuse_link_outside(const Path& folder, const Path& file);

// Whether `folder` has the optional `file`, under the same conditions. What is there and is no
// regular file counts: reading it tells.
bool is_contained_file(const Path& folder, const Path& file);

}  // namespace weft
