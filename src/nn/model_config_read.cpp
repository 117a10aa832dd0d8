// What happens to a model's keys before they are bound: foreign spellings, keys of other model
// types, defaults that depend on the type. The checks of values are in model_config.cpp.
#include <algorithm>

#include "core/quote.h"
#include "core/tree/describe_field.h"
#include "core/tree/scalars.h"
#include "nn/model_config.h"
#include "nn/model_config_keys.h"

namespace weft::nn {
namespace {

// 1 and 1.0, null and null: the same value in another spelling.
bool has_value(const Tree& tree, std::string_view value) {
  if (tree.is_null()) return value == "null";
  double a = 0, b = 0;
  std::string ignored;
  if (tree.is_scalar() && read_real(tree.text, a, ignored) && read_real(value, b, ignored))
    return a == b;
  return tree.is_word(value);
}

// Of two names of one value, the one that says nothing goes: null, or the same again.
void drop_repeated(Tree& layer, std::string_view old_name, std::string_view new_name) {
  const Tree* a = layer.find(old_name);
  const Tree* b = layer.find(new_name);
  if (a == nullptr || b == nullptr) return;
  if (a->is_null() || (a->is_scalar() && b->is_scalar() && a->text == b->text))
    layer.erase(old_name);
  else if (b->is_null()) layer.erase(new_name);
}

// Older files have rope_theta beside rope_scaling, newer ones inside rope_parameters.
void move_rope_theta(Tree& layer, Report& report) {
  const TreeEntry* theta = layer.entry("rope_theta");
  if (theta == nullptr) return;
  TreeEntry* rope = layer.entry("rope_parameters");
  if (rope == nullptr) rope = layer.entry("rope_scaling");
  TreeEntry moved = *theta;
  if (rope == nullptr || rope->value.is_null()) {
    layer.erase("rope_scaling");
    Tree map = Tree::map();
    map.at = moved.at;
    rope = &layer.entries.emplace_back(
        TreeEntry{"rope_parameters", "rope_theta", moved.at, std::move(map)});
  }
  if (rope->value.is_map()) {
    const TreeEntry* inside = rope->value.entry("rope_theta");
    if (inside == nullptr) {
      rope->value.entries.push_back(std::move(moved));
    } else if (!moved.value.is_scalar() || !has_value(inside->value, moved.value.text)) {
      report.error(moved.at, "",
                   "rope_theta differs from the one in " + rope->written + " (" +
                       inside->at.to_string() + "); keep one of them");
    }
  }
  layer.erase("rope_theta");
}

void drop_keys_without_effect(Tree& layer, Report& report) {
  std::string dropped;
  Position at;
  for (const std::string_view key : keys_without_effect()) {
    const TreeEntry* entry = layer.entry(key);
    if (entry == nullptr) continue;
    if (dropped.empty()) at = entry->at;
    dropped.append(dropped.empty() ? "" : ", ").append(key);
    layer.erase(key);
  }
  if (!dropped.empty()) report.note(at, "", "without effect here: " + dropped);
}

void check_keys_with_one_value(Tree& layer, Report& report) {
  for (const OnlyValue& only : keys_with_one_value()) {
    const TreeEntry* entry = layer.entry(only.key);
    if (entry == nullptr) continue;
    if (!entry->value.is_null() && !has_value(entry->value, only.value)) {
      const bool is_quantized = only.key.starts_with("quantization");
      report.error(entry->value.at, only.key,
                   is_quantized ? "the weights are quantized; Weft reads float32, bfloat16 and "
                                  "float16, so convert them first"
                                : shown(entry->value) +
                                      " is not supported; allowed: " + std::string(only.value));
    }
    layer.erase(only.key);
  }
}

bool is_gpt2_name(std::string_view written) {
  return std::any_of(gpt2_names().begin(), gpt2_names().end(),
                     [&](const Gpt2Name& n) { return n.name == written; });
}

// Refuses keys of other model types, unless their value says nothing.
class TypeCheck {
 public:
  TypeCheck(ModelType type, Position type_at, Report& report)
      : type_(type), type_at_(std::move(type_at)), report_(report) {}

  // False: the entry is to be dropped.
  bool keep(const TreeEntry& entry) const {
    if (type_ != ModelType::kGpt2 && is_gpt2_name(entry.written)) {
      refuse(entry, bit(ModelType::kGpt2), "use " + quote(entry.key));
      return true;
    }
    const auto owner = std::find_if(key_owners().begin(), key_owners().end(),
                                    [&](const KeyOwner& o) { return o.field == entry.key; });
    if (owner == key_owners().end() || (owner->types & bit(type_)) != 0) return true;
    const bool says_nothing = entry.value.is_null() ||
                              (!owner->neutral.empty() && has_value(entry.value, owner->neutral));
    // Qwen2 has biases and GPT-2 too: there, `attention_bias: false` would say something wrong.
    const bool contradicts = entry.key == "attention_bias" && type_ != ModelType::kMistral;
    if (says_nothing && !contradicts) return false;
    refuse(entry, owner->types, "remove one of the two");
    return true;
  }

 private:
  void refuse(const TreeEntry& entry, ModelTypes owners, const std::string& advice) const {
    report_.error(entry.at, "",
                  quote(entry.written) + " belongs to model_type " + names_of(owners) +
                      ", and model_type is " + quote(name_of(type_)) + " (" + type_at_.to_string() +
                      "); " + advice);
  }

  ModelType type_;
  Position type_at_;
  Report& report_;
};

void add_type_defaults(Tree& map, ModelType type) {
  const Position at{
      std::make_shared<const std::string>("default of model_type " + std::string(name_of(type))), 0,
      0};
  for (const TypeDefault& given : type_defaults()) {
    if ((given.types & bit(type)) == 0 || map.entry(given.field) != nullptr) continue;
    Tree value = Tree::scalar(std::string(given.value));
    value.at = at;
    map.set(given.field, std::move(value));
  }
}

int64_t integer_of(const Tree& map, std::string_view key) {
  int64_t value = 0;
  std::string ignored;
  const Tree* tree = map.find(key);
  if (tree != nullptr && tree->is_scalar() && read_integer(tree->text, value, ignored))
    return value;
  return 0;
}

void add_integer(Tree& map, std::string_view key, int64_t number, const std::string& why) {
  Tree value = Tree::scalar(std::to_string(number));
  value.at.source = std::make_shared<const std::string>(why);
  map.set(key, std::move(value));
}

// transformers' classes have fixed numbers here, made for the published sizes.
void add_size_defaults(Tree& map, ModelType type, Report& report) {
  const std::string why = "default of model_type " + std::string(name_of(type));
  const bool is_qwen = (bit(type) & kQwens) != 0;
  const int64_t heads = integer_of(map, "num_attention_heads");
  if ((is_qwen || type == ModelType::kMistral) && map.entry("num_key_value_heads") == nullptr) {
    const int64_t published = is_qwen ? 32 : 8;
    if (heads > 0 && heads % published == 0)
      add_integer(map, "num_key_value_heads", published, why);
  }
  if (type != ModelType::kQwen3 || map.entry("head_dim") != nullptr) return;
  add_integer(map, "head_dim", 128, why);
  if (integer_of(map, "hidden_size") != 128 * heads)
    report.note(map.at, "",
                "head_dim is 128, as transformers takes it for qwen3 where it is absent; give "
                "head_dim for another width");
}

}  // namespace

void RopeConfig::accept(Tree& layer, Report& report) {
  drop_repeated(layer, "type", "rope_type");
  check_keys_with_one_value(layer, report);  // partial_rotary_factor
}

bool RopeConfig::complete(Tree& map, Report& report) {
  const Tree* type = map.find("rope_type");
  const bool is_llama3 = type != nullptr && type->is_word("llama3");
  const bool is_linear = type != nullptr && type->is_word("linear");
  const bool is_default = type == nullptr || type->is_word("default");
  for (const std::string_view key :
       {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}) {
    const bool belongs = is_llama3 || (is_linear && key == "factor");
    if (map.entry(key) != nullptr && (is_default || is_linear) && !belongs)
      report.error(map.position_of(key), "",
                   quote(key) + " has no meaning with rope_type " +
                       (is_linear ? "linear" : "default") + " (" +
                       map.position_of("rope_type").to_string() + "); remove one of the two");
    if (map.entry(key) == nullptr && belongs)
      report.error(map.at, "", "rope_type " + type->text + " needs " + quote(key));
  }
  return true;
}

void ModelConfig::accept(Tree& layer, Report& report) {
  drop_repeated(layer, "rope_scaling", "rope_parameters");
  drop_repeated(layer, "torch_dtype", "dtype");
  move_rope_theta(layer, report);
  drop_keys_without_effect(layer, report);
  check_keys_with_one_value(layer, report);
}

bool ModelConfig::complete(Tree& map, Report& report) {
  const Tree* given = map.find("model_type");
  const auto types = values_of(ModelType{});
  const auto type = std::find_if(types.begin(), types.end(), [&](ModelType t) {
    return given != nullptr && given->is_word(name_of(t));
  });
  if (type == types.end()) {  // without it, the other keys cannot be judged
    std::string message = given == nullptr ? "is missing" : shown(*given) + " is not known";
    message += "; allowed: " + names_of(kAllTypes);
    report.error(given == nullptr ? map.at : given->at, "model_type", message);
    return false;
  }
  const TypeCheck check(*type, map.position_of("model_type"), report);
  std::erase_if(map.entries, [&](const TreeEntry& entry) { return !check.keep(entry); });
  add_type_defaults(map, *type);
  add_size_defaults(map, *type, report);
  for (const std::string_view key : {"num_key_value_heads", "head_dim", "intermediate_size",
                                     "eos_token_id", "layer_types", "rope_parameters"})
    if (const Tree* value = map.find(key);
        value != nullptr && value->is_null() && !value->text.empty())
      map.erase(key);
  return true;
}

}  // namespace weft::nn
