// Roles of special tokens (special_tokens.h).
#include "text/special_tokens.h"

#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "core/quote.h"
#include "core/strict_json.h"
#include "weft/error.h"

namespace weft::text {
namespace {

struct Role {
  std::string_view key;
  std::optional<int32_t> SpecialIds::*id;
};
constexpr std::array<Role, 4> kRoles = {{{"bos_token", &SpecialIds::bos},
                                         {"eos_token", &SpecialIds::eos},
                                         {"pad_token", &SpecialIds::pad},
                                         {"unk_token", &SpecialIds::unk}}};

// The end of a document before the end of a chat's turn: that is what pretraining needs.
constexpr std::array<std::string_view, 8> kEndNames = {"<|endoftext|>",
                                                       "<|end_of_text|>",
                                                       "</s>",
                                                       "<eos>",
                                                       "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
                                                       "[SEP]",
                                                       "<|im_end|>",
                                                       "<|eot_id|>"};
constexpr std::array<std::string_view, 5> kBeginNames = {
    "<|begin_of_text|>", "<s>", "<bos>", "[CLS]", "<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>"};
constexpr std::array<std::string_view, 3> kPadNames = {"<pad>", "[PAD]",
                                                       "<|finetune_right_pad_id|>"};

std::optional<int32_t> first_of(std::span<const std::string_view> names,
                                const std::vector<AddedToken>& added) {
  for (const std::string_view name : names) {
    for (const AddedToken& token : added) {
      if (token.content == name) return token.id;
    }
  }
  return std::nullopt;
}

Json role_names(const SpecialIds& ids, const Vocabulary& vocabulary) {
  Json names = Json::object();
  for (const Role& role : kRoles) {
    if (ids.*role.id) names[std::string(role.key)] = vocabulary.text(*(ids.*role.id));
  }
  return names;
}

// What a made tokenizer_config.json says beside the roles.
Json beside_roles() {
  return {{"tokenizer_class", "PreTrainedTokenizerFast"},
          {"clean_up_tokenization_spaces", false},
          {"model_max_length", 1000000000}};  // the model's own limit is in its config.json
}

// Null for what is no JSON.
Json without_roles(std::string_view content) {
  try {
    Json json = parse_json(content, "");
    for (const Role& role : kRoles) {
      const auto member = json.find(std::string(role.key));
      if (member != json.end() && member->is_string()) json.erase(member);
    }
    return json;
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace

SpecialIds special_ids_from_config(std::string_view config, const Vocabulary& vocabulary,
                                   const std::string& origin) {
  const Json json = parse_json(config, origin);
  if (!json.is_object()) throw Error(origin + ": not a JSON object");
  SpecialIds ids;
  for (const Role& role : kRoles) {
    const auto member = json.find(std::string(role.key));
    if (member == json.end() || member->is_null()) continue;
    // Older files write the whole added token instead of its text.
    const Json& name = member->is_object() ? member->value("content", Json()) : *member;
    if (!name.is_string()) throw Error(origin + ": " + std::string(role.key) + " is not a string");
    const int32_t id = vocabulary.id(name.get_ref<const std::string&>());
    if (id < 0) {
      throw Error(origin + ": " + std::string(role.key) + " " + quote(name.dump(), 80) +
                  " is not a token of the tokenizer.json beside it");
    }
    ids.*role.id = id;
  }
  return ids;
}

SpecialIds special_ids_by_name(const std::vector<AddedToken>& added, int32_t unknown_id) {
  SpecialIds ids;
  ids.bos = first_of(kBeginNames, added);
  ids.eos = first_of(kEndNames, added);
  ids.pad = first_of(kPadNames, added);
  if (unknown_id >= 0) ids.unk = unknown_id;
  return ids;
}

std::string make_tokenizer_config(const SpecialIds& ids, const Vocabulary& vocabulary) {
  Json config = beside_roles();
  config.update(role_names(ids, vocabulary));
  return config.dump(2) + "\n";
}

std::string make_special_tokens_map(const SpecialIds& ids, const Vocabulary& vocabulary) {
  return role_names(ids, vocabulary).dump(2) + "\n";
}

bool is_made_tokenizer_config(std::string_view content) {
  return without_roles(content) == beside_roles();
}

bool is_made_special_tokens_map(std::string_view content) {
  return without_roles(content) == Json::object();
}

}  // namespace weft::text
