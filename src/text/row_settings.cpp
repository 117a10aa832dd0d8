// Truncation and padding as files write them (row_settings.h).
#include "text/row_settings.h"

#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "text/tokenizer_document.h"

namespace weft::text {
namespace {

constexpr int64_t kMaxLength = int64_t{1} << 24;

Side read_side(JsonFields& fields) {
  if (fields.find("direction") == nullptr) return Side::kRight;
  const std::string& side = fields.text("direction");
  if (side == "Left") return Side::kLeft;
  if (side == "Right") return Side::kRight;
  fields.fail("direction", quote(side) + " is none of Left, Right");
}

Truncation::Strategy read_strategy(JsonFields& fields) {
  const std::string& strategy = fields.text("strategy");
  if (strategy == "LongestFirst") return Truncation::Strategy::kLongestFirst;
  if (strategy == "OnlyFirst") return Truncation::Strategy::kOnlyFirst;
  if (strategy == "OnlySecond") return Truncation::Strategy::kOnlySecond;
  fields.fail("strategy", quote(strategy) + " is none of LongestFirst, OnlyFirst, OnlySecond");
}

Truncation read_truncation(JsonFields fields) {
  Truncation truncation;
  truncation.max_length = fields.integer("max_length", 0, kMaxLength);
  truncation.strategy = read_strategy(fields);
  truncation.stride = fields.integer("stride", 0, kMaxLength);
  truncation.side = read_side(fields);
  fields.done();
  return truncation;
}

// "BatchLongest" or {"Fixed": 128}.
std::optional<int64_t> read_length(JsonFields& fields) {
  const Json& strategy = fields.at("strategy");
  if (strategy == "BatchLongest") return std::nullopt;
  if (!strategy.is_object())
    fields.fail("strategy", "is neither \"BatchLongest\" nor {\"Fixed\": n}");
  JsonFields inner(strategy, fields.path_of("strategy"));
  const int64_t length = inner.integer("Fixed", 0, kMaxLength);
  inner.done();
  return length;
}

Padding read_padding(JsonFields fields) {
  Padding padding;
  padding.length = read_length(fields);
  padding.side = read_side(fields);
  if (fields.find("pad_to_multiple_of") != nullptr)
    padding.multiple = fields.integer("pad_to_multiple_of", 0, kMaxLength);
  padding.id = static_cast<int32_t>(fields.integer("pad_id", 0, kMaxVocabulary - 1));
  padding.type_id = static_cast<int32_t>(fields.integer("pad_type_id", 0, INT32_MAX));
  fields.text_or_empty("pad_token");  // pad_id says which it is
  fields.done();
  return padding;
}

}  // namespace

RowOptions read_row_options(const Json& document, const std::string& origin) {
  JsonFields fields(document, origin);
  RowOptions options;
  if (const Json* truncation = fields.find("truncation"))
    options.truncation = read_truncation(JsonFields(*truncation, fields.path_of("truncation")));
  if (const Json* padding = fields.find("padding"))
    options.padding = read_padding(JsonFields(*padding, fields.path_of("padding")));
  return options;
}

}  // namespace weft::text
