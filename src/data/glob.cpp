#include "data/glob.h"

#include <fnmatch.h>

#include <algorithm>

namespace weft::data {
namespace {

class Expansion {
 public:
  Expansion(const FileSystem& files, const Path& pattern) : files_(files) {
    for (const Path& part : pattern.relative_path())
      if (!part.empty()) parts_.push_back(part.string());
  }

  // Adds what matches the parts from `index` on, below `folder` ("" for here).
  void add(const Path& folder, size_t index) {
    if (index == parts_.size()) return found_.push_back(folder);
    const std::string& part = parts_[index];
    if (part == "**") return add_any_depth(folder, index);
    if (!has_wildcard(part)) {
      if (files_.status(folder / part).kind != FileKind::kMissing) add(folder / part, index + 1);
      return;
    }
    for (const std::string& name : names_in(folder))
      if (fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0) add(folder / name, index + 1);
  }

  std::vector<Path> take() {
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return std::move(found_);
  }

 private:
  void add_any_depth(const Path& folder, size_t index) {
    add(folder, index + 1);
    for (const std::string& name : names_in(folder)) {
      const FileStatus status = files_.status(folder / name);
      // Links may lead in circles.
      if (status.kind == FileKind::kFolder && !status.is_link && name.front() != '.')
        add_any_depth(folder / name, index);
    }
  }

  std::vector<std::string> names_in(const Path& folder) const {
    const Path place = folder.empty() ? Path(".") : folder;
    if (files_.status(place).kind != FileKind::kFolder) return {};
    return files_.list(place);
  }

  const FileSystem& files_;
  std::vector<std::string> parts_;
  std::vector<Path> found_;
};

}  // namespace

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of("*?[") != pattern.npos;
}

std::vector<Path> expand_glob(const FileSystem& files, const std::string& pattern) {
  const Path path(pattern);
  Expansion expansion(files, path);
  expansion.add(path.root_path(), 0);
  return expansion.take();
}

}  // namespace weft::data
