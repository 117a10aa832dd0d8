// The lock, the checks and the end of a folder's writing.
#include "data/pending_folder.h"

#include "core/file_lock.h"
#include "core/quote.h"
#include "io/folder_writer.h"

namespace weft::data {
namespace {

// "tokens/" and "tokens" are the same folder; only the second has a name to add to. A link stands
// for the folder it leads to, perhaps on a larger disk.
Path place_of(const Path& path) {
  const auto without_slash = [](const Path& normal) {
    return normal.has_filename() ? normal : normal.parent_path();
  };
  const Path named = without_slash(path.lexically_normal());
  return without_slash(behind_links(real_file_system(), named).lexically_normal());
}

// Beside the folder, for the folder itself is renamed.
Path lock_name(const Path& target) {
  return parent_folder(target) / ("." + target.filename().string() + ".lock");
}

}  // namespace

Path unfinished_folder(const Path& target) {
  const Path plain = place_of(target);
  return parent_folder(plain) / ("." + plain.filename().string() + ".unfinished");
}

bool is_being_written(const Path& target) {
  return is_locked(lock_name(place_of(target)));
}

PendingFolder::Lock::Lock(FileSystem& files, const Path& file)
    : files_(files), file_(file), lock_(files.lock(file)) {}

// Removed while it is held: afterwards it may be another process's.
PendingFolder::Lock::~Lock() {
  try {
    files_.remove(file_);
  } catch (...) {  // a leftover lock file locks nothing
  }
}

PendingFolder::PendingFolder(FileSystem& files, const Path& target, bool replace,
                             std::string_view mark)
    : files_(files), target_(place_of(target)), unfinished_(unfinished_folder(target_)) {
  const Path name = target_.filename();
  if (name.empty() || name == "." || name == "..")
    throw Error("output folder " + quote_path(target) +
                " has no name of its own; give a new folder");
  check_target(replace, mark);
  create_folders(files_, parent_folder(target_));
  lock_ = std::make_unique<Lock>(files_, lock_name(target_));
  io::recover_folder(files_, target_, [](const Path&) { return true; });
  check_target(replace, mark);  // another process may have finished before we had the lock
  files_.create_folder(unfinished_);
}

PendingFolder::~PendingFolder() {
  if (keep_) return;
  try {
    remove_tree(files_, unfinished_);
  } catch (...) {  // the next run removes it; the first error says what went wrong
  }
}

void PendingFolder::check_target(bool replace, std::string_view mark) const {
  const FileKind kind = files_.status(target_).kind;
  const std::string name = "output folder " + quote_path(target_);
  if (kind == FileKind::kFile || kind == FileKind::kOther)
    throw Error(name + " is a file; give another one");
  if (kind == FileKind::kMissing || files_.list(target_).empty()) return;
  if (!replace)
    throw Error(name + " exists and is not empty; give another one, or --overwrite to replace it");
  if (files_.status(target_ / mark).kind != FileKind::kFile)
    throw Error(name + " is not empty and holds no " + std::string(mark) +
                ", so it is not replaced; give another one");
}

void PendingFolder::clear() {
  remove_tree(files_, unfinished_);
  files_.create_folder(unfinished_);
}

std::string PendingFolder::commit() {
  const Path replaced = io::replaced_name(target_);
  files_.sync_folder(unfinished_);
  if (has_name(target_)) files_.rename(target_, replaced);
  try {
    files_.rename(unfinished_, target_);
    files_.sync_folder(parent_folder(target_));
  } catch (const Error&) {
    take_back();
    throw;
  }
  try {
    remove_tree(files_, replaced);
  } catch (const Error& error) {
    return std::string(error.what()) + "; it is a part of the folder that was replaced";
  }
  return "";
}

// Undoes what commit() did, as far as the device allows: the next run mends the rest.
void PendingFolder::take_back() {
  const Path replaced = io::replaced_name(target_);
  try {
    if (!has_name(unfinished_)) files_.rename(target_, unfinished_);
    if (has_name(replaced)) files_.rename(replaced, target_);
  } catch (const Error&) {  // the first error says what went wrong
  }
}

bool PendingFolder::has_name(const Path& path) const {
  const FileStatus status = files_.status(path);
  return status.kind != FileKind::kMissing || status.is_link;
}

}  // namespace weft::data
