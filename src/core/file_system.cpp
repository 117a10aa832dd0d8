// What is composed of a FileSystem's operations and therefore the same for a real and a faulty one.
#include "core/file_system.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "core/quote.h"

namespace weft {
namespace {

// Unique among the threads and living processes of a machine, so that two writers of one file do
// not share a temporary one; recognisable, so that leftovers of a crash can be told from data.
Path temporary_name(const Path& file) {
  static std::atomic<uint64_t> counter{0};
  return parent_folder(file) / ("." + file.filename().string() + ".tmp-" +
                                std::to_string(getpid()) + "-" + std::to_string(counter++));
}

void write_and_sync(FileSystem& files, const Path& file, std::span<const std::byte> bytes) {
  const auto out = files.open_for_writing(file, WriteMode::kReplace);
  out->write(bytes);
  out->sync();
  out->close();
}

}  // namespace

Path parent_folder(const Path& path) {
  const Path parent = path.parent_path();
  return parent.empty() ? Path(".") : parent;
}

std::string read_text_file(const Path& file, int64_t limit) {
  return real_file_system().read(file, limit);
}

void write_file_atomically(FileSystem& files, const Path& file, std::span<const std::byte> bytes) {
  const Path temporary = temporary_name(file);
  try {
    write_and_sync(files, temporary, bytes);
    files.rename(temporary, file);
  } catch (const Error&) {
    try {
      files.remove(temporary);
    } catch (const Error&) {  // the first error says what went wrong
    }
    throw;
  }
  files.sync_folder(parent_folder(file));
}

void write_file_atomically(FileSystem& files, const Path& file, std::string_view text) {
  write_file_atomically(files, file, std::as_bytes(std::span(text.data(), text.size())));
}

Path behind_links(const FileSystem& files, const Path& path) {
  Path at = path;
  constexpr int kMostLinks = 40;  // Linux follows as many
  for (int i = 0; i < kMostLinks && files.status(at).is_link; ++i)
    at = parent_folder(at) / std::filesystem::read_symlink(at);
  return at;
}

Path named_output(const FileSystem& files, const Path& file) {
  const FileStatus status = files.status(file);
  if (status.kind == FileKind::kFolder || status.kind == FileKind::kOther)
    throw Error(quote_path(file) + " is a " +
                (status.kind == FileKind::kFolder ? "folder" : "device or a pipe") +
                "; give the name of a file to be written");
  return behind_links(files, file);
}

void create_folders(FileSystem& files, const Path& folder) {
  if (folder.empty()) return;
  if (files.status(folder).kind == FileKind::kFolder) return;
  const Path path = folder.has_filename() ? folder : folder.parent_path();  // "a/b/" is "a/b"
  create_folders(files, path.parent_path());
  if (files.create_folder(path)) files.sync_folder(parent_folder(path));
}

void remove_tree(FileSystem& files, const Path& path) {
  const FileStatus status = files.status(path);
  if (status.kind == FileKind::kFolder && !status.is_link)
    for (const std::string& name : files.list(path)) remove_tree(files, path / name);
  if (status.kind != FileKind::kMissing || status.is_link) files.remove(path);
}

}  // namespace weft
