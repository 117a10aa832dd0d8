// `weft bench --generate`: how fast a model continues a prompt on this machine. No text: the prompt
// is random tokens, and the best token is taken each time, as in `weft generate --temperature 0`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/config_options.h"

namespace weft::cli {

struct GenerationBench {
  ConfigOptions config;  // a config's model with random weights, in the config's precision;
  std::string model;     // or the model of this folder
  std::string precision = "auto";  // with `model`
  int64_t sequences = 1;           // side by side
  int64_t prompt_tokens = 32;
  int64_t new_tokens = 128;
  int64_t runs = 5;
  int64_t warmup = 1;
};

// The figures, under the keys of docs/formats.md. Throws Error if the model is not made for so many
// tokens.
nlohmann::ordered_json bench_generation(const GenerationBench& options);

}  // namespace weft::cli
