#include "cli/config_options.h"

#include <iostream>

#include "config/load.h"
#include "core/quote.h"
#include "core/thread_pool.h"

namespace weft::cli {

void add_config_options(Verb& verb, ConfigOptions& options) {
  verb.add_option("config", options.file, "a YAML file (keys: docs/config.md)").required();
  verb.add_option("overrides", options.overrides, "key=value, over what the file says");
  add_kernels_option(verb, options.kernels);
}

train::PretrainConfig load_config(const ConfigOptions& options) {
  std::vector<std::string> overrides = options.overrides;
  if (!options.kernels.empty()) overrides.push_back("kernels=" + options.kernels);
  train::LoadedPretrainConfig loaded = train::load_pretrain_config(options.file, overrides);
  for (const std::string& note : loaded.notes)
    std::cerr << "weft: " << printable_lines(note) << "\n";
  return std::move(loaded.config);
}

std::string config_text(const train::PretrainConfig& config) {
  return config::print(config);
}

int threads_of(const train::PretrainConfig& config) {
  return config.threads ? static_cast<int>(*config.threads) : usable_threads();
}

}  // namespace weft::cli
