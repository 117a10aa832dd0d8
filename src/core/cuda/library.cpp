#include "core/cuda/library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/cuda/folder_list.h"

namespace weft::device {
namespace {

bool anyone_may_write(const std::filesystem::path& folder) {
  std::error_code ignored;
  const auto mode = std::filesystem::status(folder, ignored).permissions();
  return (mode & std::filesystem::perms::others_write) != std::filesystem::perms::none;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

LoadedLibrary open(const std::string& path, std::string_view kind) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return {nullptr, "'" + path + "' cannot be loaded: " + (reason == nullptr ? "?" : reason)};
  }
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, kEntryName));
  const LibraryTable* table = entry == nullptr ? nullptr : entry();
  const std::string wrong = why_not_this_build(table, kind);
  if (!wrong.empty()) return {nullptr, "'" + path + "' " + wrong};
  return {std::make_shared<const Library>(Library{path, table}), ""};
}

}  // namespace

std::string library_file(std::string_view kind) {
  return "libweft_" + std::string(kind) + ".so";
}

std::string gpu_library_kind() {
  const char* asked = std::getenv("WEFT_TEST_DEVICE");
  return asked != nullptr && std::string_view(asked) == "emulated" ? "emulated" : "cuda";
}

std::vector<std::string> library_folders() {
  std::vector<std::string> folders;
  if (const char* given = std::getenv("WEFT_DEVICE_LIBRARIES")) folders = folders_in(given);
  std::error_code ignored;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  if (program.empty()) return folders;
  const std::filesystem::path folder = program.parent_path(), above = folder.parent_path();
  if (std::find(folders.begin(), folders.end(), folder.string()) == folders.end())
    folders.push_back(folder.string());
  if (anyone_may_write(above)) return folders;  // such as /tmp
  folders.push_back((above / "lib").string());
  folders.push_back(above.string());
  return folders;
}

LoadedLibrary load_library(std::string_view kind, const std::vector<std::string>& folders) {
  const std::string name = library_file(kind);
  for (const std::string& folder : folders) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    if (access(path.c_str(), F_OK) == 0) return open(path, kind);
  }
  return {nullptr, name + " is in none of these folders: " + joined(folders)};
}

std::string why_not_this_build(const LibraryTable* table, std::string_view kind) {
  if (table == nullptr) return std::string("is no device library: it lacks ") + kEntryName;
  if (table->api_version != kApiVersion || std::string_view(table->weft_version) != WEFT_VERSION)
    return std::string("is of another build, ") + table->weft_version + " (interface " +
           std::to_string(table->api_version) + "); this program is " WEFT_VERSION " (" +
           std::to_string(kApiVersion) + ")";
  if (table->kind != kind) return std::string("is a library for ") + table->kind;
  return "";
}

}  // namespace weft::device
