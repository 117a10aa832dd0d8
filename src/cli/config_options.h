// Verbs that take a config: CONFIG [key=value ...].
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"
#include "train/load_pretrain_config.h"

namespace weft::cli {

struct ConfigOptions {
  std::string file;
  std::vector<std::string> overrides;
  std::string kernels;  // over the key `kernels`
};
void add_config_options(Verb& verb, ConfigOptions& options);

// The config with its overrides; notes go to standard error.
train::PretrainConfig load_config(const ConfigOptions& options);
std::string config_text(const train::PretrainConfig& config);
int threads_of(const train::PretrainConfig& config);

}  // namespace weft::cli
