// Folders that appear whole or not at all: written under a hidden name, synced, renamed. What the
// files mean is the caller's business; checkpoints and exported models are written this way.
//
// Beside a folder NAME there may stand, after a crash: .NAME.partial (being written),
// .NAME.replaced (the old one while the new one takes its name), .NAME.removed (being deleted).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"

namespace weft::io {

// One file of a folder. `content` writes all of it, in any number of pieces.
struct FileToWrite {
  std::string name;  // relative to the folder, parts separated by '/'
  int64_t bytes = 0;
  std::function<void(WritableFile&)> content;
};

FileToWrite text_to_write(std::string name, std::string text);
// A copy of a file, read in pieces when it is written.
FileToWrite copy_to_write(std::string name, const Path& from);

struct WrittenFile {
  std::string name;
  int64_t bytes = 0;
  std::string hash;  // of the bytes that were written (io/hash.h)
};

inline constexpr size_t kLongestRelativeName = 1000;
inline constexpr size_t kLongestNamePart = 255;  // as file systems have it

// Error unless `name` is a relative path that stays inside its folder: no empty, "." or ".." part,
// no leading '/', no backslash, no control character, no longer than that. `where` begins the
// message.
void check_relative_name(std::string_view name, const std::string& where);

// Writes `files` into the new folder `folder`; each file and then each folder is synced. The parent
// is not: the folder's name is not final yet.
std::vector<WrittenFile> write_folder(FileSystem& files, const Path& folder,
                                      const std::vector<FileToWrite>& contents);

// Error with ExitCode::kDoesNotFit if `contents` are larger than the free space at `folder`.
void check_free_space(const FileSystem& files, const Path& folder,
                      const std::vector<FileToWrite>& contents);

Path partial_name(const Path& folder);
Path replaced_name(const Path& folder);
Path removed_name(const Path& folder);

// Gives the synced folder partial_name(folder) its final name, durably. A folder of that name goes
// to replaced_name(folder), for the caller to remove. On failure the old folder is put back if the
// device allows it.
void publish_folder(FileSystem& files, const Path& folder);

// Undoes publish_folder: removes `folder`, puts the replaced one back.
void retract_folder(FileSystem& files, const Path& folder);

// Removes a folder so that a crash cannot leave a part of it under its name.
void remove_folder(FileSystem& files, const Path& folder);

// Mends what a crash left of `folder`: the replaced folder returns if there is no new one or if
// `is_sound(folder)` is false; leftovers are removed. Returns a line about each thing done.
std::vector<std::string> recover_folder(FileSystem& files, const Path& folder,
                                        const std::function<bool(const Path&)>& is_sound);

// For clean-up after a failure that is reported itself: one more would only hide it.
template <class Action>
void attempt(Action action) {
  try {
    action();
  } catch (const Error&) {
    return;
  }
}

}  // namespace weft::io
