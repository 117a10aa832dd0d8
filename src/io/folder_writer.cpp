#include "io/folder_writer.h"

#include <algorithm>
#include <set>

#include "core/quote.h"
#include "io/hash.h"

namespace weft::io {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

class HashingFile final : public WritableFile {
 public:
  explicit HashingFile(WritableFile& out) : out_(out) {}
  void write(std::span<const std::byte> bytes) override {
    hasher_.add(bytes);
    bytes_ += static_cast<int64_t>(bytes.size());
    out_.write(bytes);
  }
  void sync() override { out_.sync(); }
  void close() override { out_.close(); }

  int64_t bytes() const { return bytes_; }
  std::string hash() const { return hasher_.hex(); }

 private:
  WritableFile& out_;
  Hasher hasher_;
  int64_t bytes_ = 0;
};

Path sibling(const Path& folder, std::string_view suffix) {
  return parent_folder(folder) / ("." + folder.filename().string() + "." + std::string(suffix));
}

bool exists(const FileSystem& files, const Path& path) {
  const FileStatus status = files.status(path);
  return status.kind != FileKind::kMissing || status.is_link;
}

void copy_bytes(const Path& from, WritableFile& out) {
  const auto input = real_file_system().open_for_reading(from, ReadFrom::kCache);
  std::vector<std::byte> piece(kPiece);
  while (const size_t got = input->read(piece)) out.write(std::span(piece).first(got));
}

WrittenFile write_file(FileSystem& files, const Path& folder, const FileToWrite& file) {
  const auto out = files.open_for_writing(folder / file.name, WriteMode::kNew);
  HashingFile hashing(*out);
  file.content(hashing);
  hashing.sync();
  hashing.close();
  return {.name = file.name, .bytes = hashing.bytes(), .hash = hashing.hash()};
}

// The folders, relative and parents first, that hold the files.
std::set<Path> subfolders(const std::vector<FileToWrite>& contents) {
  std::set<Path> result;
  for (const FileToWrite& file : contents)
    for (Path at = Path(file.name).parent_path(); !at.empty(); at = at.parent_path())
      result.insert(at);
  return result;
}

}  // namespace

FileToWrite text_to_write(std::string name, std::string text) {
  const auto bytes = static_cast<int64_t>(text.size());
  return {.name = std::move(name), .bytes = bytes, .content = [text = std::move(text)](auto& out) {
            out.write(text);
          }};
}

FileToWrite copy_to_write(std::string name, const Path& from) {
  return {.name = std::move(name),
          .bytes = real_file_system().status(from).size,
          .content = [from](WritableFile& out) { copy_bytes(from, out); }};
}

void check_relative_name(std::string_view name, const std::string& where) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(where + ": the file name " + quote(name) + " " + reason +
                "; names must stay inside their folder");
  };
  if (name.empty()) refuse("is empty");
  if (name.size() > kLongestRelativeName) refuse("is too long");
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), [&](char c) { return is_control(c) || c == '\\'; }))
    refuse("has a control character or a backslash");
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") refuse("has an empty, '.' or '..' part");
    if (part.size() > kLongestNamePart) refuse("has a part that is too long");
    begin = end + 1;
  }
}

std::vector<WrittenFile> write_folder(FileSystem& files, const Path& folder,
                                      const std::vector<FileToWrite>& contents) {
  for (const FileToWrite& file : contents) check_relative_name(file.name, quote_path(folder));
  files.create_folder(folder);
  const std::set<Path> subs = subfolders(contents);
  for (const Path& sub : subs) files.create_folder(folder / sub);
  std::vector<WrittenFile> written;
  for (const FileToWrite& file : contents) written.push_back(write_file(files, folder, file));
  for (const Path& sub : subs) files.sync_folder(folder / sub);
  files.sync_folder(folder);
  return written;
}

void check_free_space(const FileSystem& files, const Path& folder,
                      const std::vector<FileToWrite>& contents) {
  int64_t needed = 0;
  for (const FileToWrite& file : contents) needed += file.bytes;
  const int64_t free = files.free_bytes(folder);
  if (needed > free)
    throw Error(quote_path(folder) + ": " + std::to_string(needed) + " bytes are to be written, " +
                    std::to_string(free) + " are free; free some space or choose another folder",
                ExitCode::kDoesNotFit);
}

Path partial_name(const Path& folder) {
  return sibling(folder, "partial");
}
Path replaced_name(const Path& folder) {
  return sibling(folder, "replaced");
}
Path removed_name(const Path& folder) {
  return sibling(folder, "removed");
}

void publish_folder(FileSystem& files, const Path& folder) {
  const bool replaces = exists(files, folder);
  if (replaces) files.rename(folder, replaced_name(folder));
  try {
    files.rename(partial_name(folder), folder);
  } catch (const Error&) {
    if (replaces) attempt([&] { files.rename(replaced_name(folder), folder); });
    throw;
  }
  try {
    files.sync_folder(parent_folder(folder));
  } catch (const Error&) {
    attempt([&] { retract_folder(files, folder); });
    throw;
  }
}

void retract_folder(FileSystem& files, const Path& folder) {
  remove_tree(files, removed_name(folder));
  files.rename(folder, removed_name(folder));
  if (exists(files, replaced_name(folder))) files.rename(replaced_name(folder), folder);
  files.sync_folder(parent_folder(folder));
  remove_tree(files, removed_name(folder));
}

void remove_folder(FileSystem& files, const Path& folder) {
  remove_tree(files, removed_name(folder));
  files.rename(folder, removed_name(folder));
  files.sync_folder(parent_folder(folder));
  remove_tree(files, removed_name(folder));
}

std::vector<std::string> recover_folder(FileSystem& files, const Path& folder,
                                        const std::function<bool(const Path&)>& is_sound) {
  std::vector<std::string> notes;
  const Path replaced = replaced_name(folder);
  if (exists(files, replaced)) {
    const bool has_new = exists(files, folder);
    if (has_new && is_sound(folder)) {
      files.sync_folder(parent_folder(folder));
      remove_tree(files, replaced);
    } else {
      if (has_new) remove_folder(files, folder);
      files.rename(replaced, folder);
      files.sync_folder(parent_folder(folder));
      notes.push_back(quote_path(folder) + " was put back: a run ended while replacing it");
    }
  }
  for (const Path& leftover : {partial_name(folder), removed_name(folder)}) {
    if (!exists(files, leftover)) continue;
    remove_tree(files, leftover);
    notes.push_back(quote_path(leftover) + " was removed: a run ended while writing it");
  }
  return notes;
}

}  // namespace weft::io
