// Greedy search for pieces (word_piece_model.h).
#include "text/word_piece_model.h"

#include <algorithm>

#include "core/quote.h"
#include "text/tokenizer_document.h"
#include "text/utf8.h"

namespace weft::text {
namespace {

constexpr int64_t kMaxCharacters = int64_t{1} << 20;

bool has_more_characters(std::string_view word, size_t most) {
  if (word.size() <= most) return false;
  size_t count = 0;
  for (size_t at = 0; at < word.size(); at += utf8_at(word, at).size) ++count;
  return count > most;
}

}  // namespace

WordPieceModel::WordPieceModel(const TokenizerDocument& document, const Vocabulary& vocabulary,
                               const std::string& origin) {
  JsonFields fields(document.rest.at("model"), origin + ": model");
  fields.ignore("type");
  const std::string& unknown = fields.text("unk_token");
  unknown_id_ = vocabulary.model_id(unknown);
  if (unknown_id_ < 0) fields.fail("unk_token", quote(unknown) + " is not in model.vocab");
  const std::string prefix = fields.text_or_empty("continuing_subword_prefix");
  max_characters_ =
      static_cast<size_t>(fields.find("max_input_chars_per_word") == nullptr
                              ? 100
                              : fields.integer("max_input_chars_per_word", 0, kMaxCharacters));
  fields.done();
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.is_model_token(id)) pieces_.insert(vocabulary.text(id), id);
  }
  inside_ = pieces_.node_of(prefix);
}

// Calls body(id, begin, end) for each piece; false where a place has none.
template <class Body>
bool WordPieceModel::cut(std::string_view word, const Body& body) const {
  for (size_t begin = 0; begin < word.size();) {
    uint32_t node = begin == 0 ? ByteTrie::kRoot : inside_;
    int32_t id = -1;
    size_t end = begin;
    for (size_t at = begin; at < word.size() && node != ByteTrie::kNone;) {
      node = pieces_.child(node, word[at++]);
      if (node == ByteTrie::kNone || pieces_.value(node) < 0) continue;
      id = pieces_.value(node);
      end = at;
    }
    if (id < 0) return false;
    body(id, begin, end);
    begin = end;
  }
  return true;
}

void WordPieceModel::encode_word(std::string_view word, std::vector<int32_t>& ids) const {
  ids.clear();
  const bool known = !has_more_characters(word, max_characters_) &&
                     cut(word, [&](int32_t id, size_t, size_t) { ids.push_back(id); });
  if (!known) ids.assign(1, unknown_id_);
}

void WordPieceModel::append_ids(std::string_view word, ModelScratch& scratch,
                                std::vector<int32_t>& ids) const {
  if (word.size() > WordCache::kMaxBytes) {
    encode_word(word, scratch.ids);
    ids.insert(ids.end(), scratch.ids.begin(), scratch.ids.end());
    return;
  }
  const WordCache::Key key(word);
  std::span<const int32_t> known = scratch.cache.find(key);
  if (known.empty()) {
    encode_word(word, scratch.ids);
    scratch.cache.put(key, scratch.ids);
    known = scratch.ids;
  }
  ids.insert(ids.end(), known.begin(), known.end());
}

void WordPieceModel::append_tokens(std::string_view word, ModelScratch&,
                                   std::vector<WordToken>& tokens) const {
  const size_t before = tokens.size();
  const bool known = !has_more_characters(word, max_characters_) &&
                     cut(word, [&](int32_t id, size_t begin, size_t end) {
                       tokens.push_back({id, begin, end});
                     });
  if (known) return;
  tokens.resize(before);
  tokens.push_back({unknown_id_, 0, word.size()});
}

}  // namespace weft::text
