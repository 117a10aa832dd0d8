#include "config/model_files.h"

#include <algorithm>

#include "core/quote.h"
#include "core/tree/describe_field.h"
#include "weft/error.h"

namespace weft::config {
namespace {

namespace fs = std::filesystem;

Path program_folder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

std::vector<std::string> names_in(const std::vector<Path>& folders) {
  std::vector<std::string> names;
  for (const Path& folder : folders) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

Path find_upwards(const Path& start, const Path& relative) {
  std::error_code ignored;
  Path folder = fs::absolute(start.empty() ? Path(".") : start, ignored).lexically_normal();
  while (!folder.empty()) {
    if (fs::exists(folder / relative, ignored)) return folder / relative;
    if (folder == folder.parent_path()) break;
    folder = folder.parent_path();
  }
  return {};
}

std::vector<Path> model_folders(const Path& config_file) {
  std::vector<Path> folders;
  for (const Path& start : {config_file.parent_path(), Path("."), program_folder()}) {
    for (const char* relative : {"configs/models", "share/weft/configs/models"}) {
      const Path folder = find_upwards(start, relative);
      const bool is_new = std::find(folders.begin(), folders.end(), folder) == folders.end();
      if (!folder.empty() && is_new) folders.push_back(folder);
    }
  }
  return folders;
}

Path find_model_file(std::string_view name, const std::vector<Path>& folders) {
  std::error_code ignored;
  for (const Path& folder : folders) {
    Path file = folder / (std::string(name) + ".yaml");
    if (fs::exists(file, ignored)) return file;
  }
  const std::vector<std::string> names = names_in(folders);
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string message = quote(name) + " is neither a folder with a config.json nor a known model";
  const std::string_view near = nearest(name, views);
  if (!near.empty()) message += "; did you mean " + quote(near) + "?";
  if (!names.empty()) message += "; allowed: " + alternatives(views);
  throw Error(message);
}

}  // namespace weft::config
