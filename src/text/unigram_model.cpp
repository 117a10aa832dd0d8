// Unigram as in Hugging Face's library (unigram_model.h).
#include "text/unigram_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer_document.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

// How much worse than the worst piece an unknown character is.
constexpr double kUnknownPenalty = 10;

}  // namespace

double score_as_read(double written) {
  std::array<char, 32> text;
  const auto end =
      std::to_chars(text.begin(), text.end(), std::abs(written), std::chars_format::scientific).ptr;
  const std::string_view all(text.begin(), static_cast<size_t>(end - text.begin()));
  const size_t e = all.find('e');
  uint64_t digits = 0;
  int exponent = 0;
  for (const char c : all.substr(0, e))
    if (c != '.') digits = 10 * digits + static_cast<uint64_t>(c - '0');
  std::from_chars(all.data() + e + (all[e + 1] == '+' ? 2 : 1), end, exponent);
  exponent -= e > 1 ? static_cast<int>(e) - 2 : 0;
  double power = 0;
  const std::string ten = "1e" + std::to_string(std::abs(exponent));
  std::from_chars(ten.data(), ten.data() + ten.size(), power);
  const double whole = static_cast<double>(digits);
  return std::copysign(exponent < 0 ? whole / power : whole * power, written);
}

UnigramModel::UnigramModel(const TokenizerDocument& document, const Vocabulary& vocabulary,
                           const std::string& origin)
    : vocabulary_(vocabulary), origin_(origin) {
  JsonFields fields(document.rest.at("model"), origin + ": model");
  read_options(fields);
  double lowest = 0;
  for (size_t i = 0; i < document.scores.size(); ++i) {
    if (!std::isfinite(document.scores[i])) {
      fields.fail("vocab", "[" + std::to_string(i) + "]: the score is not finite");
    }
    const double score =
        document.exact_scores ? document.scores[i] : score_as_read(document.scores[i]);
    lowest = i == 0 ? score : std::min(lowest, score);
    lattice_.add(vocabulary.text(static_cast<int32_t>(i)), static_cast<int32_t>(i), score);
  }
  lattice_.finish();
  lattice_.set_unknown(unknown_id_ < 0 ? vocabulary.size() : unknown_id_, lowest - kUnknownPenalty);
  for (uint32_t byte = 0; byte < 256; ++byte) {
    id_of_byte_[byte] = vocabulary.model_id(byte_piece(static_cast<uint8_t>(byte)));
  }
}

void UnigramModel::read_options(JsonFields& fields) {
  fields.ignore("type");
  byte_fallback_ = fields.flag_or("byte_fallback", false);
  if (fields.find("unk_id") != nullptr) {
    unknown_id_ = static_cast<int32_t>(fields.integer("unk_id", 0, vocabulary_.size() - 1));
    if (!vocabulary_.is_model_token(unknown_id_)) fields.fail("unk_id", "is not in model.vocab");
  }
  fields.done();
}

// Calls body(id, begin, end) for each token.
template <class Body>
void UnigramModel::encode_word(std::string_view word, ModelScratch& scratch,
                               const Body& body) const {
  lattice_.find_path<double>(word, scratch);
  const auto is_unknown = [&](const WordToken& token) {
    return token.id == unknown_id_ || token.id == vocabulary_.size();
  };
  for (size_t i = 0; i < scratch.path.size(); ++i) {
    const WordToken& token = scratch.path[i];
    if (!is_unknown(token)) {
      body(token.id, token.begin, token.end);
      continue;
    }
    while (i + 1 < scratch.path.size() && is_unknown(scratch.path[i + 1])) ++i;
    put_unknown(word, token.begin, scratch.path[i].end, body);
  }
}

template <class Body>
void UnigramModel::put_unknown(std::string_view word, size_t begin, size_t end,
                               const Body& body) const {
  const std::string_view text = word.substr(begin, end - begin);
  if (const int32_t id = vocabulary_.model_id(text); id >= 0) return body(id, begin, end);
  const auto id_of = [&](char c) { return id_of_byte_[static_cast<uint8_t>(c)]; };
  if (byte_fallback_ && std::ranges::all_of(text, [&](char c) { return id_of(c) >= 0; })) {
    for (const char c : text) body(id_of(c), begin, end);
    return;
  }
  if (unknown_id_ >= 0) return body(unknown_id_, begin, end);
  throw Error(origin_ + ": the tokenizer has no token for " + quote(std::string(text), 40) +
              " and no unknown token; remove it from the text, or use a tokenizer that covers it");
}

void UnigramModel::append_ids(std::string_view word, ModelScratch& scratch,
                              std::vector<int32_t>& ids) const {
  const auto push = [&](int32_t id, size_t, size_t) { ids.push_back(id); };
  if (word.size() > WordCache::kMaxBytes) return encode_word(word, scratch, push);
  const WordCache::Key key(word);
  const std::span<const int32_t> known = scratch.cache.find(key);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const size_t before = ids.size();
  encode_word(word, scratch, push);
  scratch.cache.put(key, std::span<const int32_t>(ids).subspan(before));
}

void UnigramModel::append_tokens(std::string_view word, ModelScratch& scratch,
                                 std::vector<WordToken>& tokens) const {
  encode_word(word, scratch, [&](int32_t id, size_t begin, size_t end) {
    tokens.push_back({id, begin, end});
  });
}

}  // namespace weft::text
