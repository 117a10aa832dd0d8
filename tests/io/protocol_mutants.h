// Mistakes in the protocol of a save, each as a file system that makes the checkpoint store commit
// it: they show that a test of the protocol would see them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "io/checkpoint_folder.h"
#include "io/folder_writer.h"
#include "io/hash.h"
#include "tests/core/forwarding_file_system.h"

namespace weft::io {

inline bool is_partial(const Path& folder) {
  return folder.filename().string().ends_with(".partial");
}

// No fsync of files whose name has an end.
class WithoutFileSync final : public ForwardingFileSystem {
 public:
  WithoutFileSync(FileSystem& base, std::string end)
      : ForwardingFileSystem(base), end_(std::move(end)) {}
  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) override {
    auto file = base_.open_for_writing(path, mode);
    if (!path.string().ends_with(end_)) return file;
    return std::make_unique<File>(std::move(file));
  }

 private:
  class File final : public WritableFile {
   public:
    explicit File(std::unique_ptr<WritableFile> base) : base_(std::move(base)) {}
    void write(std::span<const std::byte> bytes) override { base_->write(bytes); }
    void sync() override {}
    void close() override { base_->close(); }

   private:
    std::unique_ptr<WritableFile> base_;
  };
  std::string end_;
};

// No fsync of the folders that `which` names.
class WithoutFolderSync final : public ForwardingFileSystem {
 public:
  WithoutFolderSync(FileSystem& base, std::function<bool(const Path&)> which)
      : ForwardingFileSystem(base), which_(std::move(which)) {}
  void sync_folder(const Path& folder) override {
    if (!which_(folder)) base_.sync_folder(folder);
  }

 private:
  std::function<bool(const Path&)> which_;
};

// No rename: the files are written under their final name at once.
class WithoutRename final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) override {
    return base_.open_for_writing(final_of(path), mode);
  }
  void rename(const Path& from, const Path& to) override {
    const bool swaps = is_partial(from) || to.filename().string().ends_with(".replaced");
    if (!swaps) base_.rename(from, to);
  }
  void sync_folder(const Path& folder) override { base_.sync_folder(final_of(folder)); }
  bool create_folder(const Path& folder) override { return base_.create_folder(final_of(folder)); }
  void remove(const Path& path) override { base_.remove(final_of(path)); }
  FileStatus status(const Path& path) const override { return base_.status(final_of(path)); }
  std::vector<std::string> list(const Path& folder) const override {
    return base_.list(final_of(folder));
  }

 private:
  static Path final_of(const Path& path) {
    std::string text = path.string();
    const size_t end = text.find(".partial");
    if (end == std::string::npos) return path;
    text.erase(end, std::string(".partial").size());
    return text.erase(text.find("/.") + 1, 1);
  }
};

// Old checkpoints go before the new one is durable and verified.
class WithEarlyPurge final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  void rename(const Path& from, const Path& to) override {
    base_.rename(from, to);
    if (!is_partial(from)) return;
    for (const int64_t step : checkpoint_steps(base_, parent_folder(to)))
      if (const Path old = checkpoint_folder(parent_folder(to), step); old != to)
        remove_tree(base_, old);
  }
};

// The hashes are not checked: every manifest says what is there.
class WithoutHashes final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  std::string read(const Path& file, int64_t limit) const override {
    const std::string text = base_.read(file, limit);
    if (file.filename() != kManifestName) return text;
    try {
      CheckpointManifest manifest = parse_manifest(text, "");
      for (WrittenFile& one : manifest.files) {
        const FileHash hash = hash_file(base_, parent_folder(file) / one.name, ReadFrom::kCache);
        one.bytes = hash.bytes;
        one.hash = hash.hex;
      }
      return manifest_json(manifest);
    } catch (const Error&) {  // a manifest that cannot be read is seen without any hash of a file
      return text;
    }
  }
};

struct Mutant {
  std::string name;
  std::function<std::unique_ptr<FileSystem>(FileSystem&)> over;
};

// The protocol itself.
inline Mutant no_mutant() {
  return {"none", [](FileSystem& base) { return std::make_unique<ForwardingFileSystem>(base); }};
}

inline std::vector<Mutant> protocol_mutants() {
  const auto without_folder_sync = [](auto which) {
    return [which](FileSystem& base) { return std::make_unique<WithoutFolderSync>(base, which); };
  };
  const auto without_file_sync = [](std::string end) {
    return [end](FileSystem& base) { return std::make_unique<WithoutFileSync>(base, end); };
  };
  return {
      {"no rename", [](FileSystem& base) { return std::make_unique<WithoutRename>(base); }},
      {"no fsync of any file", without_file_sync("")},
      {"no fsync of the weights", without_file_sync("model.safetensors")},
      {"no fsync of the manifest", without_file_sync("manifest.json")},
      {"no fsync of the folder", without_folder_sync(is_partial)},
      {"no fsync of a folder in it",
       without_folder_sync([](const Path& path) { return path.filename() == "state"; })},
      {"no fsync of the parent",
       without_folder_sync([](const Path& path) { return path == "/run"; })},
      {"purge before verify",
       [](FileSystem& base) { return std::make_unique<WithEarlyPurge>(base); }},
      {"hash not checked", [](FileSystem& base) { return std::make_unique<WithoutHashes>(base); }}};
}

}  // namespace weft::io
