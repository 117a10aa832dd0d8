// Where the sizes of published models lie: configs/models/NAME.yaml, in a source tree or installed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"

namespace weft::config {

// A file or folder named `relative`, in `start` or the nearest folder above it; empty if there is
// none.
Path find_upwards(const Path& start, const Path& relative);

// The folders that hold NAME.yaml files, nearest first: `configs/models` and
// `share/weft/configs/models` above the config's folder, the working folder and the program.
std::vector<Path> model_folders(const Path& config_file);

// The file of the model NAME. Throws Error that lists the names there are.
Path find_model_file(std::string_view name, const std::vector<Path>& folders);

}  // namespace weft::config
