#include "core/cuda/runtime/vendor_file.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <cstdlib>

#include "core/cuda/folder_list.h"

namespace weft::device {
namespace {

std::string own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&open_vendor_file), &info) == 0) return ".";
  const std::string file = info.dli_fname;
  return file.substr(0, file.rfind('/'));
}

// "": where the system looks.
std::vector<std::string> folders() {
  if (const char* given = std::getenv("WEFT_VENDOR_LIBRARIES")) return folders_in(given);
  std::vector<std::string> result = {own_folder(), ""};
  if (const char* home = std::getenv("CUDA_HOME")) result.push_back(std::string(home) + "/lib64");
  result.emplace_back("/usr/local/cuda/lib64");
  return result;
}

std::string file_of(void* handle) {
  link_map* map = nullptr;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr ? map->l_name : "";
}

}  // namespace

VendorFile open_vendor_file(const std::string& name, const std::string& library) {
  std::string looked, broken;
  for (const std::string& folder : folders()) {
    const std::string path = folder.empty() ? name : folder + "/" + name;
    looked += (looked.empty() ? "" : ", ") + (folder.empty() ? "the system's folders" : folder);
    if (!folder.empty() && access(path.c_str(), F_OK) != 0) continue;
    if (void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
      return {.handle = handle, .file = file_of(handle)};
    const char* reason = dlerror();
    if (!folder.empty()) broken = "'" + path + "' cannot be loaded: " + (reason ? reason : "?");
  }
  if (!broken.empty()) return {.why_not = broken};
  return {.why_not = name + " is in none of: " + looked + "; install " + library +
                     " for this CUDA, or name its folder in WEFT_VENDOR_LIBRARIES"};
}

}  // namespace weft::device
