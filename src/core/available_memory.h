// Memory that the system can still give to this process.
#pragma once

#include <cstdint>

#include "core/file_system.h"

namespace weft {

// Bytes: what the kernel says is available, or what the limit of the control group (a container's)
// leaves of it, whichever is less. Files that the kernel keeps copies of and can drop count as
// free. 0 if it is not known. `root` holds proc/ and sys/.
int64_t available_memory(const Path& root = "/");

}  // namespace weft
