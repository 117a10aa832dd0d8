// The lock of FileSystem::lock on a real file system: one run per folder.
#pragma once

#include <memory>

#include "core/file_system.h"

namespace weft {

// An flock(2) on `file`, which then says who holds it. The kernel's lock decides, not the text: it
// ends with the process (kill -9 included), and process numbers mean nothing to another container.
// Where the file system has no flock, the text decides, for processes of this host.
// Its owner may remove the file while it holds the lock. Throws FileError naming the owner while
// another process (or this one) holds it.
std::unique_ptr<FileLock> lock_file(const Path& file);

// Whether a process holds it. Only looks: nothing is written, no owner's text is lost, a lock is no
// longer in the way of who begins meanwhile than lock_file() waits. False where there is no such
// file, or none that may be read.
bool is_locked(const Path& file);

}  // namespace weft
