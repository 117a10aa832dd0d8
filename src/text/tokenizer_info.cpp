#include "text/tokenizer_info.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "text/row_settings.h"
#include "text/sentencepiece_file.h"
#include "text/tokenizer_document.h"
#include "weft/error.h"

namespace weft::text {
namespace {

// "ByteLevel", "Sequence(Split, ByteLevel)", "none".
std::string describe(const Json& component) {
  if (!component.is_object()) return "none";
  std::string text = component.value("type", std::string("unnamed"));
  std::string parts;
  for (const char* key : {"normalizers", "pretokenizers", "processors", "decoders"})
    if (const auto list = component.find(key); list != component.end() && list->is_array())
      for (const Json& part : *list) parts += (parts.empty() ? "" : ", ") + describe(part);
  return parts.empty() ? text : text + "(" + parts + ")";
}

// What the file says of rows, if it says anything.
void describe_rows(const Json& document, const std::string& name, TokenizerInfo& info) {
  const RowOptions rows = read_row_options(document, name);
  if (rows.truncation)
    info.pipeline.emplace_back("truncation", "to " + std::to_string(rows.truncation->max_length) +
                                                 " tokens, where rows are made");
  if (rows.padding)
    info.pipeline.emplace_back(
        "padding", "to " +
                       (rows.padding->length ? std::to_string(*rows.padding->length) + " tokens"
                                             : std::string("the longest row")) +
                       ", where rows are made");
}

void describe_json(const std::string& content, const std::string& name, TokenizerInfo& info) {
  const TokenizerDocument document = parse_tokenizer_document(content, name);
  info.merges = static_cast<int64_t>(document.merges.size());
  for (const char* key : {"normalizer", "pre_tokenizer", "model", "post_processor", "decoder"})
    info.pipeline.emplace_back(key, describe(document.rest.value(key, Json())));
  describe_rows(document.rest, name, info);
  info.added_tokens = static_cast<int64_t>(document.rest.value("added_tokens", Json()).size());
}

void describe_model(const std::string& content, const std::string& name, TokenizerInfo& info) {
  using PieceType = SentencePieceFile::PieceType;
  const SentencePieceFile file = parse_sentencepiece_file(content, name);
  info.added_tokens = std::ranges::count_if(file.pieces, [](const auto& piece) {
    return piece.type == PieceType::kControl || piece.type == PieceType::kUserDefined;
  });
  const auto yes_no = [](bool flag) { return flag ? "yes" : "no"; };
  info.pipeline.emplace_back(
      "character_map",
      file.character_map.empty() ? "none" : std::to_string(file.character_map.size()) + " bytes");
  info.pipeline.emplace_back("add_dummy_prefix", yes_no(file.add_dummy_prefix));
  info.pipeline.emplace_back("remove_extra_whitespaces", yes_no(file.remove_extra_spaces));
  info.pipeline.emplace_back("byte_fallback", yes_no(file.byte_fallback));
}

}  // namespace

TokenizerInfo tokenizer_info(const Tokenizer& tokenizer) {
  TokenizerInfo info{.kind = std::string(tokenizer.name()), .vocab_size = tokenizer.vocab_size()};
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id)
    info.ids_without_token += tokenizer.token_text(id).empty() ? 1 : 0;
  const SpecialIds& ids = tokenizer.special_ids();
  for (const auto& [role, id] :
       {std::pair("bos", ids.bos), {"eos", ids.eos}, {"pad", ids.pad}, {"unk", ids.unk}})
    if (id) info.special.push_back({role, std::string(tokenizer.token_text(*id)), *id});
  for (const TokenizerFile& file : tokenizer.files()) {
    if (file.name != "tokenizer.json" && file.name != "tokenizer.model") continue;
    const auto describe_file = file.name == "tokenizer.json" ? describe_json : describe_model;
    describe_file(file.content, file.name, info);
    return info;
  }
  throw Error("the tokenizer '" + info.kind + "' has no file to tell of");
}

}  // namespace weft::text
