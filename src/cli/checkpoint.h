// What the verbs of `weft checkpoint` share.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/verb.h"
#include "core/file_system.h"
#include "io/checkpoint_census.h"

namespace weft::cli {

// The folder of a run, without a slash at its end. Error for what is missing, no folder, a single
// checkpoint, or a folder in which nothing was ever trained.
Path run_folder(const std::string& given);

// A path in JSON: bytes that are no UTF-8 are replaced.
std::string json_path(const Path& path);
void print_json(const nlohmann::ordered_json& values);

void add_checkpoint_diff(Verb& parent);   // `diff`
void add_checkpoint_prune(Verb& parent);  // `prune` and `repair`

}  // namespace weft::cli
