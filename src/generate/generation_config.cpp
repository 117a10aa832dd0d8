#include "generate/generation_config.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/quote.h"
#include "weft/error.h"

namespace weft::generate {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostShown = 60;

bool is_id(const Json& value) {
  return value.is_number_integer() &&
         (!value.is_number_unsigned() ||
          value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
}

bool is_ids(const Json& value) {
  return is_id(value) || (value.is_array() && std::all_of(value.begin(), value.end(), is_id));
}

struct Kind {
  std::string_view allowed;  // in words
  bool (*fits)(const Json& value);
};

constexpr Kind kIds{"an id, which is an integer, or a list of ids", is_ids};
constexpr Kind kNumber{"a number", [](const Json& value) { return value.is_number(); }};
constexpr Kind kFlag{"true or false", [](const Json& value) { return value.is_boolean(); }};

struct Key {
  const char* name;
  const Kind& kind;
};

constexpr std::array kKeys = {
    Key{"bos_token_id", kIds},   Key{"do_sample", kFlag},
    Key{"eos_token_id", kIds},   Key{"length_penalty", kNumber},
    Key{"max_length", kNumber},  Key{"max_new_tokens", kNumber},
    Key{"min_length", kNumber},  Key{"min_new_tokens", kNumber},
    Key{"min_p", kNumber},       Key{"no_repeat_ngram_size", kNumber},
    Key{"num_beams", kNumber},   Key{"num_return_sequences", kNumber},
    Key{"pad_token_id", kIds},   Key{"repetition_penalty", kNumber},
    Key{"temperature", kNumber}, Key{"top_k", kNumber},
    Key{"top_p", kNumber},       Key{"typical_p", kNumber},
    Key{"use_cache", kFlag},
};

// Null, too, where the key is not there.
const Json& value_of(const Json& json, const char* name) {
  static const Json kNothing;
  const auto found = json.find(name);
  return found == json.end() ? kNothing : *found;
}

}  // namespace

GenerationConfig parse_generation_config(const Json& json, const std::string& source) {
  GenerationConfig config;
  if (json.is_null()) return config;
  for (const Key& key : kKeys) {
    const Json& value = value_of(json, key.name);
    if (value.is_null() || key.kind.fits(value)) continue;
    throw Error(source + ": " + key.name + " is " +
                printable(value.dump(-1, ' ', true, Json::error_handler_t::replace), kMostShown) +
                ", allowed is " + std::string(key.kind.allowed));
  }
  const Json& ends = value_of(json, "eos_token_id");
  if (ends.is_array()) config.eos_token_id = ends.get<std::vector<int64_t>>();
  else if (!ends.is_null()) config.eos_token_id = {ends.get<int64_t>()};
  return config;
}

}  // namespace weft::generate
