#include "data/prepare_config.h"

#include <cstdlib>
#include <utility>

namespace weft::data {
namespace {

// "hash:0.05", "tail:0.1", "none".
SplitOptions parse_split(const std::string& text) {
  if (text == "none") return {.size = 0};
  const size_t colon = text.find(':');
  const std::string by = text.substr(0, colon);
  char* end = nullptr;
  const std::string given = colon == std::string::npos ? "0.05" : text.substr(colon + 1);
  const double size = std::strtod(given.c_str(), &end);
  const bool size_ok = !given.empty() && *end == '\0' && size >= 0 && size < 1;
  if ((by != "hash" && by != "tail") || !size_ok)
    throw Error("--val-split: '" + text +
                "' is not known; allowed: hash:SIZE, tail:SIZE with SIZE in [0, 1), or none");
  return {.by = by == "hash" ? SplitBy::kHash : SplitBy::kTail, .size = size};
}

template <class Policy, size_t N>
Policy policy_of(const std::string& word, const std::array<Policy, N>& policies,
                 std::string_view option) {
  std::string allowed;
  for (const Policy policy : policies) {
    if (name_of(policy) == word) return policy;
    allowed += (allowed.empty() ? "" : ", ") + std::string(name_of(policy));
  }
  throw Error(std::string(option) + ": '" + word + "' is not known; allowed: " + allowed);
}

}  // namespace

void PrepareConfig::accept(Tree& layer, Report& report) {
  Tree* split = layer.find("val_split");
  if (split == nullptr || !split->is_map()) return;
  const Tree *by = split->find("by"), *size = split->find("size");
  const bool is_whole = split->entries.size() == 2 && by != nullptr && size != nullptr &&
                        by->is_scalar() && size->is_scalar();
  if (!is_whole)
    report.error(split->at, "val_split",
                 "a map here has the keys by and size; write {by: hash, size: 0.05}, or hash:0.05");
  Tree text = Tree::scalar(is_whole ? by->text + ":" + size->text : "none");
  text.at = split->at;
  *split = std::move(text);
}

PrepareOptions prepare_options(const PrepareConfig& config) {
  PrepareOptions options;
  options.inputs = config.inputs;
  options.output = config.output;
  options.text_field = config.text_field;
  if (config.input_format) options.input.format = input_kind(*config.input_format);
  options.invalid_utf8 = policy_of(
      config.invalid_utf8,
      std::array{InvalidUtf8::kError, InvalidUtf8::kReplace, InvalidUtf8::kSkip}, "--invalid-utf8");
  options.bad_input =
      policy_of(config.bad_input, std::array{BadInput::kStop, BadInput::kSkip}, "--bad-input");
  options.stages = config.stages;
  if (config.column_statistics) options.column_statistics = *config.column_statistics;
  options.split = parse_split(config.val_split);
  options.shard_tokens = config.shard_tokens;
  options.save_bytes = config.save_mb << 20;
  options.overwrite = config.overwrite;
  return options;
}

}  // namespace weft::data
