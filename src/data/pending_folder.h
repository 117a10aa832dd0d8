// A folder that is written in one go and appears whole or not at all, for one process at a time. As
// what io/folder_writer.h writes, but work that took hours is moved back, and not removed, where
// its last step fails.
#pragma once

#include <memory>

#include "core/file_system.h"

namespace weft::data {

// Where `target` is written until it is whole: the folder ".NAME.unfinished" beside it.
Path unfinished_folder(const Path& target);
// Whether a living process holds the lock of `target`. On a file system without locks: false.
bool is_being_written(const Path& target);

// Holds the lock of `target` and the folder in which it is being written. What an interrupted
// process left of publishing is mended first. For one thread.
class PendingFolder {
 public:
  // Throws Error if another process writes `target`; if it is a file; if it is a folder that holds
  // something: then it is replaced only if `replace` is set and it holds a file `mark`, which tells
  // that a program of ours made it.
  PendingFolder(FileSystem& files, const Path& target, bool replace, std::string_view mark);
  // Removes what was written, unless commit() succeeded or keep() was called. A process that is
  // killed leaves it too, and the next one finds it.
  ~PendingFolder();
  PendingFolder(const PendingFolder&) = delete;
  PendingFolder& operator=(const PendingFolder&) = delete;

  // Where to write. Files must be synced by whoever writes them. It holds what an earlier process
  // left there, killed or with keep(): to go on with, or to clear().
  const Path& path() const { return unfinished_; }
  // What was written stays when this ends, for another process to go on with.
  void keep() { keep_ = true; }
  // Removes all that was written, to start again.
  void clear();
  // Afterwards, and after a crash from then on, the folder is at its place. Where that fails, what
  // was there before is put back, and what was written is at path() as before. Returns what is left
  // of the folder that was replaced, if it could not be removed, in words, else "".
  std::string commit();

 private:
  // A lock whose file goes with it.
  class Lock {
   public:
    Lock(FileSystem& files, const Path& file);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    FileSystem& files_;
    Path file_;
    std::unique_ptr<FileLock> lock_;
  };

  void check_target(bool replace, std::string_view mark) const;
  void take_back();
  bool has_name(const Path& path) const;

  FileSystem& files_;
  Path target_;
  Path unfinished_;
  bool keep_ = false;
  std::unique_ptr<Lock> lock_;
};

}  // namespace weft::data
