// The file in the user's cache that remembers which kernels multiply fastest on a device, so that
// they are measured once. It is one file for a device and a version of the library: whatever stands
// in it, a run is right, for it holds places in a list and nothing that is executed. Not here: how
// kernels are measured (ops/device_products.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "ops/device_products.h"

namespace weft::runtime {

// $WEFT_CACHE, else $XDG_CACHE_HOME/weft, else $HOME/.cache/weft; nothing without any of them.
std::optional<Path> cache_folder();

class ProductCache {
 public:
  // `device` is its name, `library` that of the vendor's library with its version.
  ProductCache(Path folder, std::string device, std::string library);

  const Path& file() const { return file_; }
  // Nothing where there is no file. A file that is torn, of another version or of strange contents
  // is ignored, of which `notice` tells in a line for a user.
  ops::ProductChoices read(const FileSystem& files, std::string& notice) const;
  // Adds `choices` to the file. A folder that cannot be written to costs the memory alone: told.
  void add(FileSystem& files, const ops::ProductChoices& choices, std::string& notice) const;

 private:
  ops::ProductChoices checked(const std::string& text) const;

  std::string device_, library_;
  Path file_;
};

}  // namespace weft::runtime
