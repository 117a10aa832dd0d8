// The one interface through which every durable file operation goes, so that a test can make the
// k-th one fail, cut a write short or stop the process there (docs/reliability.md). It knows bytes
// and folders, no format. Reading large files is MappedFile's (core/mapped_file.h).
//
// Errors: every function throws FileError, whose message names the path, the reason and what to do.
// Threads: the real file system may be used from any thread; a WritableFile from one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/error.h"

namespace weft {

using Path = std::filesystem::path;

// A failed file operation. A full disk or quota has ExitCode::kDoesNotFit, all else kBadInput.
class FileError : public Error {
 public:
  // "cannot ACTION 'PATH': REASON; WHAT TO DO". `number` is an errno value.
  FileError(std::string_view action, const Path& path, int number);
  // Another reason than errno's words.
  FileError(std::string_view action, const Path& path, int number, std::string_view reason);
  int number() const { return number_; }

 private:
  int number_;
};

// A file open for writing. Nothing is durable before sync(). The destructor closes the file and
// ignores errors: whoever needs the bytes calls sync() and close().
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // Appends all bytes, or throws with an unknown part of them written.
  virtual void write(std::span<const std::byte> bytes) = 0;
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  // Returns when the bytes are on the device. A failed sync is final: the kernel has dropped the
  // bytes and would report success the next time, so every later call throws too.
  virtual void sync() = 0;
  virtual void close() = 0;
};

// A regular file open for reading from its start to its end.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual int64_t size() const = 0;  // bytes, when it was opened
  // Fills the front of `buffer` and returns how many bytes that were; 0 at the end.
  virtual size_t read(std::span<std::byte> buffer) = 0;
};

enum class ReadFrom {
  kCache,   // wherever the bytes are
  kDevice,  // asks the kernel to forget its copy, so that what is read is what was stored
};

enum class WriteMode {
  kReplace,  // an existing file is emptied first
  kNew,      // an existing file is an error
  kAppend,   // an existing file is continued
};

enum class FileKind { kMissing, kFile, kFolder, kOther };

struct FileStatus {
  FileKind kind = FileKind::kMissing;  // of the link's target, if it is a link
  int64_t size = 0;                    // bytes, of a file
  bool is_link = false;                // a symbolic link, dangling or not
};

// Who holds a lock.
struct LockOwner {
  int64_t pid = 0;
  std::string host;
  std::string started;  // when the process took the lock, UTC: 2025-11-22T07:27:00Z
};

// Held until destroyed. The operating system drops it when the process dies, however it dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
  // The owner that died without releasing the lock, if there was one: worth a line in the log.
  virtual const std::optional<LockOwner>& taken_over_from() const = 0;
  // A lock whose file somebody has removed or replaced keeps nobody out: it is taken anew. Throws
  // as FileSystem::lock() does where another holds it by now.
  virtual void retake_if_lost() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Operations that change something. Durable only after sync() and, for new, renamed or removed
  // names, sync_folder() of the folder that holds the name.
  virtual std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) = 0;
  // Replaces an existing file, or an existing empty folder by a folder, in one step.
  virtual void rename(const Path& from, const Path& to) = 0;
  virtual void sync_folder(const Path& folder) = 0;
  // False if the folder existed. Its parent must exist (create_folders makes them all).
  virtual bool create_folder(const Path& folder) = 0;
  // A file, a link (not its target) or an empty folder.
  virtual void remove(const Path& path) = 0;
  // Takes the lock kept in `file` (made if missing; it stays), or throws with its owner.
  virtual std::unique_ptr<FileLock> lock(const Path& file) = 0;

  // Operations that look.
  virtual FileStatus status(const Path& path) const = 0;
  // Names in a folder, sorted, without "." and "..".
  virtual std::vector<std::string> list(const Path& folder) const = 0;
  virtual std::unique_ptr<ReadableFile> open_for_reading(const Path& file, ReadFrom from) const = 0;
  // The whole of a regular file of at most `limit` bytes.
  virtual std::string read(const Path& file, int64_t limit) const = 0;
  // Bytes that this user may still write at `path` or, where it is missing, its nearest parent.
  virtual int64_t free_bytes(const Path& path) const = 0;
};

FileSystem& real_file_system();

// A whole file as bytes. Missing, folder, device, no permission, larger than `limit`: FileError.
std::string read_text_file(const Path& file, int64_t limit);

// Afterwards, and after a crash at any point, `file` holds the old bytes or the new, durably:
// temporary file in the same folder, fsync, rename, fsync of the folder. A link is replaced.
void write_file_atomically(FileSystem& files, const Path& file, std::span<const std::byte> bytes);
void write_file_atomically(FileSystem& files, const Path& file, std::string_view text);

// What `path` leads to if it is a symbolic link, dangling or not, else itself. For names from a
// command line only: within a run's folder no link is followed.
Path behind_links(const FileSystem& files, const Path& path);

// Where the file lies that a user has named to be written, behind links. Error where something is
// there that is no file (a pipe, a device, a folder): a file in its place would destroy it.
Path named_output(const FileSystem& files, const Path& file);

// Makes `folder` and its missing parents, durably.
void create_folders(FileSystem& files, const Path& folder);

// Removes a file, or a folder with all it holds; links are removed, never followed. A missing path
// is no error. Stops at the first failure.
void remove_tree(FileSystem& files, const Path& path);

// The folder that holds `path`'s name: "." where the path has none.
Path parent_folder(const Path& path);

}  // namespace weft
