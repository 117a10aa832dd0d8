#include "text/tokenizer_info.h"

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

}  // namespace

TokenizerInfo tokenizer_info(const Tokenizer& tokenizer) {
  TokenizerInfo info{.kind = std::string(tokenizer.name()), .vocab_size = tokenizer.vocab_size()};
  const SpecialIds& ids = tokenizer.special_ids();
  for (const auto& [role, id] :
       {std::pair("bos", ids.bos), {"eos", ids.eos}, {"pad", ids.pad}, {"unk", ids.unk}})
    if (id) info.special.push_back({role, std::string(tokenizer.token_text(*id)), *id});
  for (const TokenizerFile& file : tokenizer.files()) {
    if (file.name != "tokenizer.json") continue;
    const TokenizerDocument document = parse_tokenizer_document(file.content, file.name);
    info.merges = static_cast<int64_t>(document.merges.size());
    for (const char* key : {"normalizer", "pre_tokenizer", "model", "post_processor", "decoder"})
      info.pipeline.emplace_back(key, describe(document.rest.value(key, Json())));
    info.added_tokens = static_cast<int64_t>(document.rest.value("added_tokens", Json()).size());
    return info;
  }
  throw Error("the tokenizer '" + info.kind + "' has no tokenizer.json to tell of");
}

}  // namespace weft::text
