// Which keys of a model belong to which model_type, what they are called there, and what
// transformers assumes where one is absent. Tables only.
#pragma once

#include <span>
#include <string_view>

#include "nn/model_config.h"

namespace weft::nn {

// A set of model types, one bit each.
using ModelTypes = unsigned;
constexpr ModelTypes bit(ModelType type) {
  return 1u << static_cast<unsigned>(type);
}
inline constexpr ModelTypes kQwens = bit(ModelType::kQwen2) | bit(ModelType::kQwen3);
inline constexpr ModelTypes kLlamas = bit(ModelType::kLlama) | bit(ModelType::kMistral) | kQwens;
inline constexpr ModelTypes kAllTypes = kLlamas | bit(ModelType::kGpt2);

// A key that only some types have. `neutral` is a value that says nothing where the key does not
// belong, as `mlp_bias: false`; "" if there is none.
struct KeyOwner {
  std::string_view field;
  ModelTypes types;
  std::string_view neutral = {};
};
std::span<const KeyOwner> key_owners();

// GPT-2's name of a field.
struct Gpt2Name {
  std::string_view field;
  std::string_view name;
};
std::span<const Gpt2Name> gpt2_names();

// What transformers takes for an absent key, where that is not the member's own default.
struct TypeDefault {
  ModelTypes types;
  std::string_view field;
  std::string_view value;
};
std::span<const TypeDefault> type_defaults();

// Keys of config.json that change nothing here: bookkeeping, and options of other software.
std::span<const std::string_view> keys_without_effect();

// Keys that change the arithmetic in a way Weft does not know, unless they have this value.
struct OnlyValue {
  std::string_view key;
  std::string_view value;
};
std::span<const OnlyValue> keys_with_one_value();

// "llama, mistral, qwen2 or qwen3".
std::string names_of(ModelTypes types);

}  // namespace weft::nn
