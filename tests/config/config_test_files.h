// Configs from memory and from the repository, and the message of an error.
#pragma once

#include <map>
#include <string>

#include "config/model_files.h"
#include "core/file_system.h"
#include "train/load_pretrain_config.h"
#include "weft/error.h"

namespace weft {

// The repository's folder of configs; the build folder lies inside the repository.
inline Path repository_configs() {
  std::error_code ignored;
  const Path program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  return config::find_upwards(program, "configs/models").parent_path();
}

// Files that exist only in the test.
inline config::ReadText texts(std::map<std::string, std::string> files) {
  return [files = std::move(files)](const Path& path) {
    const auto found = files.find(path.string());
    if (found == files.end()) throw FileError("read", path, ENOENT);
    return found->second;
  };
}

template <class F>
std::string error_of(F&& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// What loading `text` as x.yaml, with overrides, says.
inline std::string pretrain_error(const std::string& text,
                                  const std::vector<std::string>& overrides = {}) {
  return error_of([&] {
    train::load_pretrain_config("x.yaml", overrides, texts({{"x.yaml", text}}));
  });
}

}  // namespace weft
