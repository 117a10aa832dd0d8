// generation_config.json of a model's folder: the ids that end a text, and whether all that it says
// is of the kind that Hugging Face's generate() takes. How tokens are chosen is not read from it:
// options of the command line say that.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace weft::generate {

struct GenerationConfig {
  // Any of them ends a text; they may be ids that the model does not have. Empty: it names none.
  std::vector<int64_t> eos_token_id;
};

// `json` is what the file `source` holds: an object, or null for no file. Throws Error, naming key
// and value, where a value is of another kind than its key allows; null says nothing, and keys that
// are not known here pass.
GenerationConfig parse_generation_config(const nlohmann::json& json, const std::string& source);

}  // namespace weft::generate
