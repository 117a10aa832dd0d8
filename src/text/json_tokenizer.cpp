// Components at work together (json_tokenizer.h). The order of things is Hugging Face's: added
// tokens in the raw text, normalization of what lies between, added tokens in that, words, merges,
// frame.
#include "text/json_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/quote.h"
#include "text/row_settings.h"
#include "text/special_tokens.h"
#include "text/tokenizer_document.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

TokenizerDocument parse_checked(const TokenizerSource& source) {
  TokenizerDocument document = parse_tokenizer_document(source.content, source.origin);
  document.exact_scores = source.exact_scores;
  JsonFields fields(document.rest, source.origin);
  if (const std::string version = fields.text_or_empty("version");
      !version.empty() && version != "1.0") {
    fields.fail("version", quote(version) + " is not known; known: 1.0");
  }
  for (const char* key : {"truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                          "post_processor", "decoder"}) {
    fields.ignore(key);
  }
  JsonFields model(fields.at("model"), fields.path_of("model"));
  if (!document.has_vocab) model.fail("vocab", "is missing, or no object of tokens and ids");
  fields.done();
  return document;
}

const Json& member(const TokenizerDocument& document, const char* key) {
  static const Json kAbsent;
  const auto it = document.rest.find(key);
  return it == document.rest.end() ? kAbsent : *it;
}

PreTokenizer read_pre_tokenizer(const TokenizerDocument& document, const std::string& origin) {
  PreTokenizer pre_tokenizer(member(document, "pre_tokenizer"), origin + ": pre_tokenizer");
  if (!model_takes_bytes(document, origin)) pre_tokenizer.spell_bytes();
  return pre_tokenizer;
}

}  // namespace

bool JsonTokenizer::Scratch::is_large() const {
  constexpr size_t kMany = size_t{1} << 20;
  return model.is_large() || cut.ranges.capacity() > kMany || cut.changed.capacity() > 4 * kMany ||
         parts.capacity() > kMany || normalized_parts.capacity() > kMany;
}

std::unique_ptr<const Tokenizer> JsonTokenizer::make(TokenizerSource source) {
  TokenizerDocument document = parse_checked(source);
  return std::unique_ptr<const Tokenizer>(
      new JsonTokenizer(std::move(source), std::move(document)));
}

JsonTokenizer::JsonTokenizer(TokenizerSource source, TokenizerDocument document)
    : kind_(source.kind),
      origin_(source.origin),
      row_options_(read_row_options(document.rest, origin_)),
      added_(read_added_tokens(member(document, "added_tokens"), origin_ + ": added_tokens")),
      vocabulary_(std::move(document.vocab), added_, origin_),
      normalizer_(member(document, "normalizer"), origin_ + ": normalizer"),
      raw_finder_(finder_entries(false)),
      normalized_finder_(finder_entries(true)),
      pre_tokenizer_(read_pre_tokenizer(document, origin_)),
      model_(make_model(document, vocabulary_, pre_tokenizer_.byte_level(), origin_)),
      frame_(read_post_processor(member(document, "post_processor"), vocabulary_,
                                 origin_ + ": post_processor")),
      decoder_(member(document, "decoder"), origin_ + ": decoder"),
      special_(static_cast<size_t>(vocabulary_.size())),
      decoded_(special_.size()) {
  for (int32_t id = 0; id < vocabulary_.size(); ++id) {
    decoded_[static_cast<size_t>(id)] = vocabulary_.text(id);
  }
  for (const AddedToken& token : added_) {
    const auto id = static_cast<size_t>(token.id);
    special_[id] = token.special;
    if (token.normalized) decoded_[id] = normalizer_.normalize(token.content);
  }
  if (decoder_.only_byte_level()) {
    for (std::string& text : decoded_) text = TokenDecoder::bytes_of_token(text);
  }
  if (kind_.empty()) kind_ = model_->name();
  find_shortcut();
  make_files(std::move(source));
}

void JsonTokenizer::find_shortcut() {
  bert_model_ = dynamic_cast<const WordPieceModel*>(model_.get());
  if (!normalizer_.bert() || !pre_tokenizer_.only_bert() || !normalized_finder_.empty())
    bert_model_ = nullptr;
  if (bert_model_ != nullptr) bert_words_.emplace(*normalizer_.bert());
  may_cut_ = words_may_part();
}

// Whether nothing reaches over a cut between a letter and the space or line end behind it. All of
// WordRule's expressions end a word there and never look back; no form of Unicode joins the two.
bool JsonTokenizer::words_may_part() const {
  const bool knows_words =
      bert_model_ != nullptr || (pre_tokenizer_.rule().has_value() && normalizer_.only_forms());
  const auto reaches_over = [&](const AddedToken& token) {
    const std::string normalized = normalizer_.normalize(token.content);
    return token.rstrip || (token.content + normalized).find_first_of(" \n") != std::string::npos;
  };
  return knows_words && std::ranges::none_of(added_, reaches_over);
}

size_t JsonTokenizer::next_cut(std::string_view text, size_t from) const {
  if (!may_cut_) return text.size();
  for (size_t at = from; (at = text.find_first_of(" \n", at + 1)) != text.npos;) {
    if ((class_table()[utf8_last(text.substr(0, at)).code] & kLetter) != 0) return at;
  }
  return text.size();
}

std::vector<TokenFinder::Entry> JsonTokenizer::finder_entries(bool normalized) const {
  std::vector<TokenFinder::Entry> entries;
  for (const AddedToken& token : added_) {
    if (token.normalized != normalized) continue;
    std::string pattern = normalized ? normalizer_.normalize(token.content) : token.content;
    if (pattern.empty()) {
      throw Error(origin_ + ": added_tokens: \"" + token.content +
                  "\" is empty in normalized text");
    }
    entries.push_back({std::move(pattern), token});
  }
  return entries;
}

void JsonTokenizer::make_files(TokenizerSource source) {
  special_ids_ = special_ids_by_name(added_, model_->unknown_id());
  files_.push_back({"tokenizer.json", std::move(source.content)});
  bool has_config = false, has_map = false;
  for (TokenizerFile& file : source.beside) {
    if (file.name == "tokenizer_config.json") {
      const std::string origin = origin_ + ", " + file.name + " beside it";
      special_ids_ = special_ids_from_config(file.content, vocabulary_, origin);
      has_config = true;
    }
    has_map = has_map || file.name == "special_tokens_map.json";
    files_.push_back(std::move(file));
  }
  if (source.special) special_ids_ = *source.special;
  if (!has_config) {
    files_.push_back({"tokenizer_config.json", make_tokenizer_config(special_ids_, vocabulary_)});
  }
  if (!has_map) {
    files_.push_back(
        {"special_tokens_map.json", make_special_tokens_map(special_ids_, vocabulary_)});
  }
}

void JsonTokenizer::append_ids(std::string_view text, const EncodeOptions& options,
                               std::vector<int32_t>& ids) const {
  Lease lease(scratch_);
  Scratch& scratch = lease.get();
  scratch.model.dropout_key = options.dropout_key;
  scratch.model.dropout_count = 0;
  if (options.add_special_tokens) ids.insert(ids.end(), frame_.before.begin(), frame_.before.end());
  if (raw_finder_.empty()) {
    append_part(text, true, options.find_special_tokens, scratch, ids);
  } else {
    scratch.parts.clear();
    raw_finder_.split(text, options.find_special_tokens, scratch.parts);
    for (const TextPart& part : scratch.parts) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else {
        append_part(part.text, part.text.data() == text.data(), options.find_special_tokens,
                    scratch, ids);
      }
    }
  }
  if (options.add_special_tokens) ids.insert(ids.end(), frame_.after.begin(), frame_.after.end());
}

// Text between raw added tokens.
void JsonTokenizer::append_part(std::string_view text, bool at_start, bool find_special,
                                Scratch& scratch, std::vector<int32_t>& ids) const {
  if (bert_model_ != nullptr && bert_words_->append_ids(text, *bert_model_, scratch.model, ids))
    return;
  std::string normalized;
  if (!normalizer_.empty()) {
    normalized = normalizer_.normalize(text);
    text = normalized;
  }
  if (normalized_finder_.empty()) return append_plain(text, at_start, scratch, ids);
  scratch.normalized_parts.clear();
  normalized_finder_.split(text, find_special, scratch.normalized_parts);
  for (const TextPart& part : scratch.normalized_parts) {
    if (part.id >= 0) {
      ids.push_back(part.id);
    } else {
      append_plain(part.text, at_start && part.text.data() == text.data(), scratch, ids);
    }
  }
}

// Normalized text without added tokens.
void JsonTokenizer::append_plain(std::string_view text, bool at_start, Scratch& scratch,
                                 std::vector<int32_t>& ids) const {
  if (text.empty()) return;
  if (const auto rule = pre_tokenizer_.rule()) {
    std::array<size_t, 256> ends;
    for (size_t begin = 0; begin < text.size();) {
      const size_t n = cut_words(*rule, text, begin, ends);
      model_->append_words(text, begin, std::span(ends).first(n), scratch.model, ids);
      begin = ends[n - 1];
    }
    return;
  }
  scratch.cut.start(text, at_start);
  pre_tokenizer_.cut(scratch.cut);
  for (size_t i = 0; i < scratch.cut.ranges.size(); ++i) {
    model_->append_ids(scratch.cut.word(i), scratch.model, ids);
  }
}

void JsonTokenizer::check_id(int32_t id) const {
  if (id < 0 || id >= vocabulary_.size()) {
    throw Error(origin_ + ": there is no token " + std::to_string(id) + "; ids are 0 to " +
                std::to_string(vocabulary_.size() - 1));
  }
}

std::string JsonTokenizer::decode_ids(std::span<const int32_t> ids,
                                      const DecodeOptions& options) const {
  const bool direct = decoder_.only_byte_level();
  std::string bytes;
  std::vector<std::string> tokens;
  for (const int32_t id : ids) {
    check_id(id);
    const auto i = static_cast<size_t>(id);
    if (vocabulary_.text(id).empty() || (options.skip_special_tokens && special_[i])) continue;
    if (direct) {
      bytes += decoded_[i];
    } else {
      tokens.push_back(decoded_[i]);
    }
  }
  if (!direct) return decoder_.decode(std::move(tokens), options);
  if (!options.replace_invalid_utf8) return bytes;
  std::string valid;
  append_replacing_invalid(valid, bytes);
  return valid;
}

std::string_view JsonTokenizer::token_text(int32_t id) const {
  check_id(id);
  return vocabulary_.text(id);
}

std::optional<int32_t> JsonTokenizer::token_id(std::string_view token_text) const {
  const int32_t id = vocabulary_.id(token_text);
  return id < 0 ? std::nullopt : std::optional(id);
}

bool JsonTokenizer::is_special(int32_t id) const {
  check_id(id);
  return special_[static_cast<size_t>(id)];
}

}  // namespace weft::text
