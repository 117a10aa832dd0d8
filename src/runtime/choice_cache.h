// The file in the user's cache that remembers which kernels multiply fastest on a device, so that
// they are measured once. It is one file for a device and a version of the library: whatever stands
// in it, a run is right, for it holds places in a list and nothing that is executed. Not here: how
// kernels are measured (ops/kernel_chooser.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "ops/kernel_chooser.h"

namespace weft::runtime {

// $WEFT_CACHE, else $XDG_CACHE_HOME/weft, else $HOME/.cache/weft; nothing without any of them.
std::optional<Path> cache_folder();

class ChoiceCache {
 public:
  // `device` is its name, `library` those of the vendor's libraries with their versions.
  ChoiceCache(Path folder, std::string device, std::string library);

  const Path& file() const { return file_; }
  // Nothing where there is no file. A file that is torn, of another version or of strange contents
  // is ignored, of which `notice` tells in a line for a user.
  ops::CallChoices read(const FileSystem& files, std::string& notice) const;
  // Adds `choices` to the file. A folder that cannot be written to costs the memory alone: told.
  void add(FileSystem& files, const ops::CallChoices& choices, std::string& notice) const;

 private:
  ops::CallChoices checked(const std::string& text) const;

  std::string device_, library_;
  Path file_;
};

}  // namespace weft::runtime
