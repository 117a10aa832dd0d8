// Checks that relate several keys of a model, and the values that follow from others.
#include "nn/model_config.h"

#include <algorithm>

#include "core/tree/scalars.h"
#include "nn/model_config_keys.h"
#include "weft/error.h"

namespace weft::nn {
namespace {

// Reports contradictions between two keys, naming both as the user wrote them, with their places.
// A key and the value that it has.
struct KeyValue {
  std::string_view key;
  int64_t value = 0;
};

class PairCheck {
 public:
  PairCheck(const ModelConfig& config, const Tree& map, Report& report)
      : config_(config), map_(map), report_(report) {}

  // "A (VALUE) RELATION B (VALUE, PLACE); ADVICE", at A's place.
  void error(const KeyValue& a, std::string_view relation, const KeyValue& b,
             std::string_view advice) const {
    std::string message = name(a.key) + " (" + std::to_string(a.value) + ") ";
    message.append(relation).append(" ").append(name(b.key));
    message += " (" + std::to_string(b.value);
    if (const Tree* value = map_.find(b.key)) {
      const std::string place = value->at.to_string();
      if (!place.empty()) message += ", " + place;
    }
    report_.error(place_of(a.key), "", message.append("); ").append(advice));
  }
  void missing(std::string_view key, std::string_view why) const {
    report_.error(map_.at, std::string(key), "is missing: " + std::string(why));
  }

 private:
  Position place_of(std::string_view key) const {
    const Tree* value = map_.find(key);
    return value == nullptr ? map_.at : value->at;
  }
  std::string name(std::string_view field) const {
    const TreeEntry* entry = map_.entry(field);
    if (entry != nullptr) return entry->written;
    const std::string_view written = config_.written_name(field);
    return std::string(written.empty() ? field : written);
  }

  const ModelConfig& config_;
  const Tree& map_;
  Report& report_;
};

void derive_sizes(ModelConfig& c) {
  if (c.num_key_value_heads == 0) c.num_key_value_heads = c.num_attention_heads;
  if (c.head_dim == 0 && c.hidden_size % c.num_attention_heads == 0)
    c.head_dim = c.hidden_size / c.num_attention_heads;
  if (c.intermediate_size == 0 && c.is_gpt2()) c.intermediate_size = 4 * c.hidden_size;
}

// Sizes that no reader has looked at, because the config was made in C++.
bool has_sizes(const ModelConfig& c, const PairCheck& check) {
  const auto positive = [&](int64_t size, std::string_view key) {
    if (size <= 0) check.missing(key, "the model has no size without it");
    return size > 0;
  };
  return positive(c.vocab_size, "vocab_size") && positive(c.hidden_size, "hidden_size") &&
         positive(c.num_hidden_layers, "num_hidden_layers") &&
         positive(c.num_attention_heads, "num_attention_heads");
}

void check_heads(const ModelConfig& c, const PairCheck& check, const Tree& map, Report& report) {
  // transformers asks this of Llama even where head_dim is given.
  const bool must_divide = c.head_dim == 0 || c.is_gpt2() || c.model_type == ModelType::kLlama;
  if (must_divide && c.hidden_size % c.num_attention_heads != 0)
    check.error({"hidden_size", c.hidden_size}, "is not a multiple of",
                {"num_attention_heads", c.num_attention_heads}, "change one of them");
  if (c.num_attention_heads % c.num_key_value_heads != 0)
    check.error({"num_attention_heads", c.num_attention_heads}, "is not a multiple of",
                {"num_key_value_heads", c.num_key_value_heads}, "change one of them");
  if (c.is_gpt2() || c.head_dim % 2 == 0) return;
  const bool is_given =
      map.find("head_dim") != nullptr || c.hidden_size % c.num_attention_heads != 0;
  report.error(
      map.position_of(is_given ? "head_dim" : "num_attention_heads"), "",
      "head_dim (" + std::to_string(c.head_dim) +
          (is_given ? "" : ", which is hidden_size over num_attention_heads") +
          ") is odd, and rotary positions (rope_parameters) turn channels in pairs; make it "
          "even");
}

// The layers that slide are the last ones, which is all that published models have.
void resolve_layer_types(ModelConfig& c, const PairCheck& check, const Tree& map, Report& report) {
  if (c.layer_types.empty()) return;
  const auto first = std::find(c.layer_types.begin(), c.layer_types.end(), LayerType::kSliding);
  if (std::ssize(c.layer_types) != c.num_hidden_layers)
    check.error({"layer_types", std::ssize(c.layer_types)}, "has another length than",
                {"num_hidden_layers", c.num_hidden_layers}, "give one word for each layer");
  else if (std::find(first, c.layer_types.end(), LayerType::kFull) != c.layer_types.end())
    report.error(map.position_of("layer_types"), "layer_types",
                 "a full_attention layer after a sliding_attention layer is not supported");
  else if (first != c.layer_types.end() && !c.use_sliding_window)
    report.error(map.position_of("layer_types"), "layer_types",
                 "it has sliding_attention, and use_sliding_window is false; set it to true or "
                 "remove layer_types");
  const bool slides = first != c.layer_types.end();
  if (slides || c.use_sliding_window) c.max_window_layers = first - c.layer_types.begin();
  c.layer_types.clear();
}

void check_window(const ModelConfig& c, const Tree& map, Report& report) {
  if (c.use_sliding_window && !c.sliding_window)
    report.error(map.position_of("use_sliding_window"), "",
                 "use_sliding_window is true, and sliding_window is not set; give its length");
}

void check_tokens(const ModelConfig& c, const PairCheck& check) {
  const auto below = [&](std::string_view key, int64_t id) {
    if (id >= c.vocab_size)
      check.error({key, id}, "is not below", {"vocab_size", c.vocab_size}, "change one of them");
  };
  if (c.bos_token_id) below("bos_token_id", *c.bos_token_id);
  if (c.pad_token_id) below("pad_token_id", *c.pad_token_id);
  for (const int64_t id : c.eos_token_id) below("eos_token_id", id);
}

}  // namespace

void RopeConfig::finish(const Tree& map, Report& report) {
  if (rope_type != RopeType::kLlama3 || low_freq_factor < high_freq_factor) return;
  report.error(map.position_of("low_freq_factor"), "",
               "low_freq_factor (" + real_text(low_freq_factor) +
                   ") is not below high_freq_factor (" + real_text(high_freq_factor) +
                   "); change one of them");
}

std::string_view RopeConfig::written_name(std::string_view field) const {
  if (field == "rope_type" || field == "rope_theta") return field;
  if (rope_type == RopeType::kDefault) return "";
  return field == "factor" || rope_type == RopeType::kLlama3 ? field : "";
}

void ModelConfig::finish(const Tree& map, Report& report) {
  const PairCheck check(*this, map, report);
  if (!has_sizes(*this, check)) return;
  if (intermediate_size == 0 && !is_gpt2())
    check.missing("intermediate_size",
                  "the width of the feed-forward layer, needed for all but gpt2");
  const size_t errors_before = report.errors();
  const bool head_dim_given = head_dim != 0;
  derive_sizes(*this);
  if (!head_dim_given && head_dim == 0) {
    const bool may_differ = !is_gpt2() && model_type != ModelType::kLlama;
    check.error({"hidden_size", hidden_size}, "is not a multiple of",
                {"num_attention_heads", num_attention_heads},
                may_differ ? "change one of them, or give head_dim" : "change one of them");
    head_dim = 2;  // only to judge the rest
  }
  if (report.errors() == errors_before) check_heads(*this, check, map, report);
  resolve_layer_types(*this, check, map, report);
  check_window(*this, map, report);
  check_tokens(*this, check);
}

std::string_view ModelConfig::written_name(std::string_view field) const {
  const auto owner = std::find_if(key_owners().begin(), key_owners().end(),
                                  [&](const KeyOwner& o) { return o.field == field; });
  if (owner != key_owners().end() && (owner->types & bit(model_type)) == 0) return "";
  if (field == "layer_types" && layer_types.empty()) return "";
  if (field == "eos_token_id" && eos_token_id.empty()) return "";
  if (!is_gpt2()) return field;
  const auto gpt2 = std::find_if(gpt2_names().begin(), gpt2_names().end(),
                                 [&](const Gpt2Name& n) { return n.field == field; });
  return gpt2 == gpt2_names().end() ? field : gpt2->name;
}

ModelConfig resolved(ModelConfig config) {
  Report report;
  const Tree nothing = Tree::map();
  config.rope_parameters.finish(nothing, report);
  config.finish(nothing, report);
  report.throw_errors();
  return config;
}

}  // namespace weft::nn
