#include "core/contained_file.h"

#include <algorithm>

#include "core/quote.h"

namespace weft {
namespace {

bool is_within(const Path& folder, const Path& file) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first ==
         folder.end();
}

// blobs/ of the cache that `folder` is a snapshot in; empty if it is none.
Path blobs_of(const Path& folder) {
  if (folder.parent_path().filename() != "snapshots") return {};
  return folder.parent_path().parent_path() / "blobs";
}

}  // namespace

bool is_contained_file(const Path& folder, const Path& file) {
  refuse_link_outside(folder, file);
  return real_file_system().status(file).kind != FileKind::kMissing;
}

void refuse_link_outside(const Path& folder, const Path& file) {
  std::error_code problem;
  const Path home = std::filesystem::canonical(folder.empty() ? Path(".") : folder, problem);
  if (problem) return;
  const Path target = std::filesystem::canonical(file, problem);
  if (problem && std::filesystem::is_symlink(file))
    throw Error(
        quote_path(file) +
        " is a symbolic link that leads to no file; put the file itself there, or remove it");
  if (problem || is_within(home, target)) return;
  const Path blobs = blobs_of(home);
  if (!blobs.empty() && is_within(blobs, target)) return;
  throw Error(quote_path(file) + " is a symbolic link to " + quote_path(target) +
              ", outside of its folder, and is not followed; put the file itself there");
}

}  // namespace weft
