// A FileSystem in memory that records what is done to it, and can tell what a disk may hold after
// the power fails: every unsynced write is there, is zeros or is absent, and of the unsynced
// changes of folders any subset is there. A rename is one change, as journals make it. For tests.
#pragma once

#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/file_system.h"

namespace weft {

// Files and folders by number; 0 is the root.
struct DiskTree {
  struct Node {
    bool folder = false;
    std::map<std::string, size_t> names;  // of a folder
    std::string bytes;                    // of a file
  };
  std::vector<Node> nodes = {{.folder = true, .names = {}, .bytes = {}}};

  // Nothing where there is no such path.
  const Node* find(const Path& path) const {
    const Node* at = &nodes[0];
    for (const Path& part : path.relative_path()) {
      const auto next = at->names.find(part.string());
      if (next == at->names.end()) return nullptr;
      at = &nodes[next->second];
    }
    return at;
  }
  // Everything that can be reached, as one text: equal for equal disks.
  std::string text(size_t from = 0) const {
    std::string out;
    for (const auto& [name, node] : nodes[from].names)
      out += name + (nodes[node].folder ? "/{" + text(node) + "}" : "=" + nodes[node].bytes + ";");
    return out;
  }
};

struct DiskOperation {
  enum class Kind { kWrite, kLink, kUnlink, kRename, kSync, kSyncFolder };
  Kind kind = Kind::kSync;
  size_t node = 0;         // the file, or the folder whose names change
  std::string name = {};   // of the changed entry
  std::string to = {};     // kRename
  size_t target = 0;       // kLink
  size_t offset = 0;       // kWrite
  std::string bytes = {};  // kWrite

  bool is_sync() const { return kind == Kind::kSync || kind == Kind::kSyncFolder; }
};

class VolatileDisk final : public FileSystem {
 public:
  VolatileDisk() = default;
  // A disk that holds `tree`, durably.
  explicit VolatileDisk(DiskTree tree) : start_(tree), now_(std::move(tree)) {}

  const DiskTree& tree() const { return now_; }
  const std::vector<DiskOperation>& log() const { return log_; }
  // What there is becomes durable, and the log begins anew.
  void settle() {
    start_ = now_;
    log_.clear();
  }
  // The bytes of the k-th write from now on arrive changed, and nobody is told.
  void lie_at_write(int64_t k) { lie_in_ = k; }

  // Calls visit(tree) for every different disk that a power cut after the first `done` operations
  // may leave, and returns how many there were; nothing is visited beyond `limit` combinations.
  template <class Visit>
  size_t after_power_loss(size_t done, size_t limit, const Visit& visit) const {
    const std::vector<size_t> open = unsynced(done);
    std::vector<int> choice(log_.size(), 0);
    std::unordered_set<std::string> seen;
    for (size_t combinations = 0; combinations < limit; ++combinations) {
      const DiskTree tree = replay(done, choice);
      if (seen.insert(tree.text()).second) visit(tree);
      if (!advance(open, choice)) return seen.size();
    }
    return limit;
  }
  // The disk when the process dies there and the power stays.
  DiskTree after_kill(size_t done) const { return replay(done, std::vector<int>(log_.size(), 0)); }

  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) override {
    const auto [folder, name] = place(path);
    const auto found = now_.nodes[folder].names.find(name);
    if (found != now_.nodes[folder].names.end() && mode == WriteMode::kNew)
      throw FileError("write", path, EEXIST);
    if (found != now_.nodes[folder].names.end() && mode == WriteMode::kAppend)
      return std::make_unique<File>(*this, found->second);
    return std::make_unique<File>(*this, add_node(folder, name, false));
  }
  void rename(const Path& from, const Path& to) override {
    const auto [folder, name] = place(from);
    const auto [target_folder, target] = place(to);
    if (now_.find(from) == nullptr) throw FileError("rename", from, ENOENT);
    if (folder != target_folder) throw FileError("rename", from, EXDEV);
    const DiskTree::Node* there = now_.find(to);
    if (there != nullptr && there->folder && !there->names.empty())
      throw FileError("rename", to, ENOTEMPTY);
    record({.kind = DiskOperation::Kind::kRename, .node = folder, .name = name, .to = target});
  }
  void sync_folder(const Path& folder) override {
    record({.kind = DiskOperation::Kind::kSyncFolder, .node = number_of(folder)});
  }
  bool create_folder(const Path& path) override {
    if (now_.find(path) != nullptr) return false;
    const auto [folder, name] = place(path);
    add_node(folder, name, true);
    return true;
  }
  void remove(const Path& path) override {
    const auto [folder, name] = place(path);
    const DiskTree::Node* node = now_.find(path);
    if (node == nullptr) throw FileError("remove", path, ENOENT);
    if (!node->names.empty()) throw FileError("remove", path, ENOTEMPTY);
    record({.kind = DiskOperation::Kind::kUnlink, .node = folder, .name = name});
  }
  std::unique_ptr<FileLock> lock(const Path&) override { return std::make_unique<Lock>(); }

  FileStatus status(const Path& path) const override {
    const DiskTree::Node* node = now_.find(path);
    if (node == nullptr) return {};
    return {.kind = node->folder ? FileKind::kFolder : FileKind::kFile,
            .size = static_cast<int64_t>(node->bytes.size())};
  }
  std::vector<std::string> list(const Path& folder) const override {
    std::vector<std::string> names;
    for (const auto& [name, node] : now_.nodes[number_of(folder)].names) names.push_back(name);
    return names;
  }
  std::unique_ptr<ReadableFile> open_for_reading(const Path& file, ReadFrom) const override {
    return std::make_unique<Reader>(read(file, INT64_MAX));
  }
  std::string read(const Path& file, int64_t) const override {
    const DiskTree::Node* node = now_.find(file);
    if (node == nullptr || node->folder) throw FileError("read", file, ENOENT);
    return node->bytes;
  }
  int64_t free_bytes(const Path&) const override { return int64_t{1} << 40; }

 private:
  class File final : public WritableFile {
   public:
    File(VolatileDisk& disk, size_t node) : disk_(disk), node_(node) {}
    void write(std::span<const std::byte> bytes) override {
      std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (disk_.lie_in_-- == 0) text.back() = static_cast<char>(text.back() ^ 1);
      disk_.record({.kind = DiskOperation::Kind::kWrite,
                    .node = node_,
                    .offset = disk_.now_.nodes[node_].bytes.size(),
                    .bytes = std::move(text)});
    }
    void sync() override { disk_.record({.kind = DiskOperation::Kind::kSync, .node = node_}); }
    void close() override {}

   private:
    VolatileDisk& disk_;
    size_t node_;
  };

  class Reader final : public ReadableFile {
   public:
    explicit Reader(std::string bytes) : bytes_(std::move(bytes)) {}
    int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }
    size_t read(std::span<std::byte> buffer) override {
      const size_t got = bytes_.copy(reinterpret_cast<char*>(buffer.data()), buffer.size(), at_);
      at_ += got;
      return got;
    }

   private:
    std::string bytes_;
    size_t at_ = 0;
  };

  class Lock final : public FileLock {
    const std::optional<LockOwner>& taken_over_from() const override { return none_; }
    void retake_if_lost() override {}
    std::optional<LockOwner> none_;
  };

  size_t number_of(const Path& path) const {
    const DiskTree::Node* node = now_.find(path);
    if (node == nullptr) throw FileError("find", path, ENOENT);
    return static_cast<size_t>(node - now_.nodes.data());
  }
  std::pair<size_t, std::string> place(const Path& path) const {
    return {number_of(parent_folder(path)), path.filename().string()};
  }
  size_t add_node(size_t folder, const std::string& name, bool is_folder) {
    now_.nodes.push_back({.folder = is_folder, .names = {}, .bytes = {}});
    const size_t node = now_.nodes.size() - 1;
    record({.kind = DiskOperation::Kind::kLink, .node = folder, .name = name, .target = node});
    return node;
  }
  void record(DiskOperation operation) {
    apply(now_, operation, 0);
    log_.push_back(std::move(operation));
  }

  // `choice`: 0 done, 1 not done, 2 zeros (of writes).
  static void apply(DiskTree& tree, const DiskOperation& operation, int choice) {
    DiskTree::Node& node = tree.nodes[operation.node];
    if (choice == 1 || operation.is_sync()) return;
    if (operation.kind == DiskOperation::Kind::kWrite) {
      const size_t end = operation.offset + operation.bytes.size();
      if (node.bytes.size() < end) node.bytes.resize(end, '\0');
      if (choice == 0)
        node.bytes.replace(operation.offset, operation.bytes.size(), operation.bytes);
    } else if (operation.kind == DiskOperation::Kind::kLink) {
      node.names[operation.name] = operation.target;
    } else if (operation.kind == DiskOperation::Kind::kUnlink) {
      node.names.erase(operation.name);
    } else if (const auto from = node.names.find(operation.name); from != node.names.end()) {
      const size_t moved = from->second;
      node.names.erase(from);
      node.names[operation.to] = moved;
    }
  }

  DiskTree replay(size_t done, const std::vector<int>& choice) const {
    DiskTree tree = start_;
    for (size_t node = tree.nodes.size(); node < now_.nodes.size(); ++node)
      tree.nodes.push_back({.folder = now_.nodes[node].folder, .names = {}, .bytes = {}});
    for (size_t i = 0; i < done; ++i) apply(tree, log_[i], choice[i]);
    return tree;
  }

  // Of the first `done` operations those that no later sync among them has made durable.
  std::vector<size_t> unsynced(size_t done) const {
    std::vector<size_t> result;
    for (size_t i = 0; i < done; ++i) {
      const bool is_write = log_[i].kind == DiskOperation::Kind::kWrite;
      const auto sync = is_write ? DiskOperation::Kind::kSync : DiskOperation::Kind::kSyncFolder;
      bool durable = log_[i].is_sync();
      for (size_t j = i + 1; j < done && !durable; ++j)
        durable = log_[j].kind == sync && log_[j].node == log_[i].node;
      if (!durable) result.push_back(i);
    }
    return result;
  }

  // The next combination; false after the last.
  bool advance(const std::vector<size_t>& open, std::vector<int>& choice) const {
    for (const size_t i : open) {
      const int choices = log_[i].kind == DiskOperation::Kind::kWrite ? 3 : 2;
      if (++choice[i] < choices) return true;
      choice[i] = 0;
    }
    return false;
  }

  DiskTree start_, now_;
  std::vector<DiskOperation> log_;
  int64_t lie_in_ = -1;
};

}  // namespace weft
