// Old vocabulary files (vocabulary_files.h).
#include "text/vocabulary_files.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/quote.h"
#include "text/json_tokenizer.h"
#include "text/tokenizer_document.h"
#include "text/tokenizer_writer.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

std::vector<std::string> lines_of(std::string_view text, size_t most, const std::string& origin) {
  if (valid_utf8_prefix(text) != text.size()) {
    throw Error(origin + ": byte " + std::to_string(valid_utf8_prefix(text)) + " is not UTF-8");
  }
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    if (lines.size() > most) throw Error(origin + ": more than " + std::to_string(most) + " lines");
    at = end + 1;
  }
  return lines;
}

OrderedJson token_and_id(const std::string& token, int64_t id) {
  return OrderedJson::array({token, id});
}

std::map<std::string, int64_t> ids_of(const std::vector<std::string>& vocab,
                                      const std::string& origin) {
  std::map<std::string, int64_t> ids;
  for (const std::string& token : vocab) {
    const auto line = static_cast<int64_t>(ids.size());
    if (token.empty()) throw Error(origin + ":" + std::to_string(line + 1) + ": the line is empty");
    if (!ids.emplace(token, line).second) {
      throw Error(origin + ":" + std::to_string(line + 1) + ": the token " + quote(token) +
                  " is there twice");
    }
  }
  return ids;
}

// The vocabulary of a vocab.json in the order of ids.
std::vector<std::string> tokens_by_id(const Json& vocab, const std::string& origin) {
  if (!vocab.is_object()) throw Error(origin + ": expected an object of tokens and ids");
  std::vector<std::string> tokens(vocab.size());
  for (const auto& [token, id] : vocab.items()) {
    const bool fits = is_integer_within(id, 0, static_cast<int64_t>(tokens.size()) - 1);
    if (!fits || !tokens[id.get<size_t>()].empty()) {
      throw Error(origin + ": the id of " + quote(token) + " is no number below " +
                  std::to_string(tokens.size()) +
                  ", or is there twice; a vocab.json has the ids 0, 1, 2, ... of all its tokens");
    }
    tokens[id.get<size_t>()] = token;
  }
  return tokens;
}

std::vector<std::pair<std::string, std::string>> read_merges(std::string_view text,
                                                             const std::string& origin) {
  std::vector<std::pair<std::string, std::string>> merges;
  const std::vector<std::string> lines = lines_of(text, kMaxMerges, origin);
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.empty() || (i == 0 && line.starts_with("#version"))) continue;
    const size_t space = line.find(' ');
    if (space == line.npos || line.find(' ', space + 1) != line.npos) {
      throw Error(origin + ":" + std::to_string(i + 1) + ": " + quote(line) +
                  " is not two tokens with one space between");
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

}  // namespace

TokenizerSource source_from_bert_vocab(std::string_view vocab, bool lowercase,
                                       const std::string& origin) {
  WordPieceDescription description;
  description.vocab = lines_of(vocab, kMaxVocabulary, origin);
  const auto ids = ids_of(description.vocab, origin);
  for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    const auto id = ids.find(name);
    if (id != ids.end())
      description.added.push_back(special_token(static_cast<int32_t>(id->second), name));
  }
  for (const char* name : {"[UNK]", "[CLS]", "[SEP]"}) {
    if (!ids.contains(name)) {
      throw Error(origin + ": has no token " + name + ", so it is no vocab.txt of a BERT");
    }
  }
  std::ranges::sort(description.added, {}, &AddedToken::id);
  description.normalizer = {{"type", "BertNormalizer"},
                            {"clean_text", true},
                            {"handle_chinese_chars", true},
                            {"strip_accents", nullptr},
                            {"lowercase", lowercase}};
  description.pre_tokenizer = {{"type", "BertPreTokenizer"}};
  description.post_processor = {{"type", "BertProcessing"},
                                {"sep", token_and_id("[SEP]", ids.at("[SEP]"))},
                                {"cls", token_and_id("[CLS]", ids.at("[CLS]"))}};
  description.decoder = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", false}};
  TokenizerSource source;
  source.content = write_tokenizer_json(description);
  source.origin = origin;
  return source;
}

TokenizerSource source_from_vocab_and_merges(std::string_view vocab, std::string_view merges,
                                             const std::string& origin) {
  const Json checked = parse_tokenizer_document(vocab, origin).rest;  // limits, repeated keys
  BpeDescription description;
  description.vocab = tokens_by_id(checked, origin);
  description.merges = read_merges(merges, origin + ", merges beside it");
  std::map<std::string, int32_t> special;
  for (size_t id = 0; id < description.vocab.size(); ++id) {
    constexpr std::array<std::string_view, 6> kSpecial = {"<s>",   "</s>",   "<unk>",
                                                          "<pad>", "<mask>", "<|endoftext|>"};
    const std::string& token = description.vocab[id];
    if (std::ranges::find(kSpecial, token) == kSpecial.end()) continue;
    special[token] = static_cast<int32_t>(id);
    description.added.push_back(special_token(static_cast<int32_t>(id), token));
    description.added.back().lstrip = token == "<mask>";
  }
  description.pre_tokenizer = byte_level_component(false, true, true);
  description.post_processor = byte_level_component(true, false, true);
  if (special.contains("<s>") && special.contains("</s>")) {
    description.post_processor = {{"type", "RobertaProcessing"},
                                  {"sep", token_and_id("</s>", special.at("</s>"))},
                                  {"cls", token_and_id("<s>", special.at("<s>"))},
                                  {"trim_offsets", true},
                                  {"add_prefix_space", false}};
  }
  description.decoder = byte_level_component(true, true, true);
  TokenizerSource source;
  source.content = write_tokenizer_json(description);
  source.origin = origin;
  return source;
}

}  // namespace weft::text
