// Encoding by merges (bpe_model.h). The order of merges is that of Hugging Face's library: lowest
// rank first, among equal ones the leftmost.
#include "text/bpe_model.h"

#include <algorithm>
#include <functional>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer_document.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

// Up to here looking at all pairs for the best is faster than keeping a heap.
constexpr size_t kShortWord = 48;
constexpr std::string_view kSpaceMark = "\u2581";

}  // namespace

BpeModel::BpeModel(const TokenizerDocument& document, const Vocabulary& vocabulary, bool byte_level,
                   const std::string& origin)
    : vocabulary_(vocabulary),
      origin_(origin),
      byte_level_(byte_level),
      has_merges_(!document.merges.empty()),
      merges_(document.merges.size()) {
  JsonFields fields(document.rest.at("model"), origin + ": model");
  read_options(fields);
  const std::vector<LinearBpe::Rule> rules = read_merges(document, origin);
  find_symbols();
  if (byte_level_ && !decorates())
    linear_ = LinearBpe(rules, merges_, symbol_of_byte_, static_cast<size_t>(vocabulary.size()));
  find_whole_words(origin);
  cuts_at_spaces_ = may_cut_at_spaces(document);
}

void BpeModel::read_options(JsonFields& fields) {
  fields.ignore("type");
  if (const Json* dropout = fields.find("dropout"); dropout != nullptr) {
    dropout_ = dropout->is_number() ? dropout->get<double>() : -1;
    if (!(dropout_ >= 0 && dropout_ <= 1)) fields.fail("dropout", "is no number from 0 to 1");
  }
  prefix_ = fields.text_or_empty("continuing_subword_prefix");
  suffix_ = fields.text_or_empty("end_of_word_suffix");
  fuse_unknown_ = fields.flag_or("fuse_unk", false);
  byte_fallback_ = fields.flag_or("byte_fallback", false);
  ignore_merges_ = fields.flag_or("ignore_merges", false);
  if (const std::string unknown = fields.text_or_empty("unk_token"); !unknown.empty()) {
    unknown_id_ = vocabulary_.model_id(unknown);
    if (unknown_id_ < 0) fields.fail("unk_token", quote(unknown) + " is not in model.vocab");
  }
  WEFT_ASSERT(!byte_level_ || !byte_fallback_);
  fields.done();
}

std::vector<LinearBpe::Rule> BpeModel::read_merges(const TokenizerDocument& document,
                                                   const std::string& origin) {
  std::vector<LinearBpe::Rule> rules;
  rules.reserve(document.merges.size());
  std::string whole;
  for (size_t rank = 0; rank < document.merges.size(); ++rank) {
    const auto& [left, right] = document.merges[rank];
    const auto id_of = [&](const std::string& token) {
      const int32_t id = vocabulary_.model_id(token);
      if (id >= 0) return id;
      throw Error(origin + ": model.merges[" + std::to_string(rank) + "]: " + quote(token) +
                  " is not in model.vocab");
    };
    if (!right.starts_with(prefix_)) {
      throw Error(origin + ": model.merges[" + std::to_string(rank) + "]: " + quote(right) +
                  " does not begin with the continuing_subword_prefix " + quote(prefix_));
    }
    whole.assign(left).append(right, prefix_.size());
    const LinearBpe::Rule rule{id_of(left), id_of(right), id_of(whole)};
    if (!merges_.insert(rule.left, rule.right, {static_cast<uint32_t>(rank), rule.whole})) {
      throw Error(origin + ": model.merges[" + std::to_string(rank) + "]: the pair " + quote(left) +
                  ", " + quote(right) + " appears twice");
    }
    rules.push_back(rule);
  }
  return rules;
}

void BpeModel::find_symbols() {
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string itself(1, c);
    symbol_of_byte_[byte] = byte_level_
                                ? vocabulary_.model_id(letter_of_byte(static_cast<uint8_t>(byte)))
                            : byte < 128 ? vocabulary_.model_id(itself)
                                         : -1;
    const std::string fallback = byte_piece(static_cast<uint8_t>(byte));
    fallback_of_byte_[byte] = byte_fallback_ ? vocabulary_.model_id(fallback) : -1;
  }
}

void BpeModel::find_whole_words(const std::string& origin) {
  if (!ignore_merges_ || !byte_level_) return;
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < vocabulary_.size(); ++id) {
    const bool is_made = linear_.knows() && linear_.makes(id) && dropout_ == 0;
    if (!vocabulary_.is_model_token(id) || is_made) continue;
    auto bytes = bytes_of_letters(vocabulary_.text(id));
    if (!bytes) continue;
    byte_words_.push_back(std::move(*bytes));
    ids.push_back(id);
  }
  if (ids.empty()) return;
  whole_words_ = StringTable(ids.size());
  for (size_t i = 0; i < ids.size(); ++i)
    if (!whole_words_.insert(byte_words_[i], ids[i]))
      throw Error(origin + ": two tokens stand for the same bytes");
}

bool BpeModel::may_cut_at_spaces(const TokenizerDocument& document) const {
  if (byte_level_ || ignore_merges_ || decorates() || vocabulary_.model_id(kSpaceMark) < 0)
    return false;
  return std::ranges::none_of(document.merges, [](const auto& merge) {
    const std::string whole = merge.first + merge.second;
    for (size_t at = whole.find(kSpaceMark, 1); at != whole.npos;
         at = whole.find(kSpaceMark, at + 1)) {
      const bool after_mark =
          at >= kSpaceMark.size() &&
          whole.compare(at - kSpaceMark.size(), kSpaceMark.size(), kSpaceMark) == 0;
      if (!after_mark) return true;
    }
    return false;
  });
}

void BpeModel::append_cut_at_spaces(std::string_view text, ModelScratch& scratch,
                                    std::vector<int32_t>& ids) const {
  while (!text.empty()) {
    size_t end = 0;
    while (text.substr(end, kSpaceMark.size()) == kSpaceMark) end += kSpaceMark.size();
    end = std::min(text.find(kSpaceMark, end), text.size());
    append_word(text.substr(0, end), scratch, ids);
    text.remove_prefix(end);
  }
}

void BpeModel::append_words(std::string_view text, size_t begin, std::span<const size_t> ends,
                            ModelScratch& scratch, std::vector<int32_t>& ids) const {
  if (cuts_at_spaces_) return Model::append_words(text, begin, ends, scratch, ids);
  for_each_word(text, begin, ends, scratch.cache,
                [&](std::string_view word, const WordCache::Key& key) {
                  append_by_key(word, key, scratch, ids);
                });
}

void BpeModel::append_word(std::string_view word, ModelScratch& scratch,
                           std::vector<int32_t>& ids) const {
  const bool is_long = word.size() > WordCache::kMaxBytes;
  append_by_key(word, is_long ? WordCache::Key() : WordCache::Key(word), scratch, ids);
}

// `key` is empty where the cache takes no such word.
void BpeModel::append_by_key(std::string_view word, const WordCache::Key& key,
                             ModelScratch& scratch, std::vector<int32_t>& ids) const {
  if (key.size == 0 || leaves_some_out(scratch)) {
    encode_word(word, scratch);
    ids.insert(ids.end(), scratch.ids.begin(), scratch.ids.end());
    return;
  }
  std::span<const int32_t> known = scratch.cache.find(key);
  if (known.empty()) {
    encode_word(word, scratch);
    scratch.cache.put(key, scratch.ids);
    known = scratch.ids;
  }
  ids.insert(ids.end(), known.begin(), known.end());
}

// Leaves the word's ids in scratch.ids.
void BpeModel::encode_word(std::string_view word, ModelScratch& scratch) const {
  scratch.ids.clear();
  scratch.unknown_sizes.clear();
  if (ignore_merges_) {
    if (const int32_t id = whole_word(word); id >= 0) return scratch.ids.push_back(id);
  }
  if (linear_.knows() && !leaves_some_out(scratch) && linear_.append_ids(word, scratch)) return;
  if (byte_level_) {
    spell_bytes(word, scratch);
  } else {
    spell_text(word, scratch);
  }
  if (!has_merges_ || scratch.ids.size() < 2) return;
  if (leaves_some_out(scratch)) return merge_some(scratch);
  if (scratch.ids.size() <= kShortWord) return merge_short(scratch);
  merge_long(scratch);
}

void BpeModel::append_tokens(std::string_view word, ModelScratch& scratch,
                             std::vector<WordToken>& tokens) const {
  encode_word(word, scratch);
  size_t begin = 0, unknown = 0;
  for (const int32_t id : scratch.ids) {
    const bool is_unknown = id == unknown_id_ && unknown < scratch.unknown_sizes.size();
    const bool is_first = begin == 0, is_last = &id == &scratch.ids.back();
    size_t size = is_unknown ? scratch.unknown_sizes[unknown++] : size_of(id, is_first, is_last);
    if (scratch.ids.size() == 1) size = word.size();
    const size_t end = std::min(begin + size, word.size());
    tokens.push_back({id, begin, end});
    begin = end;
  }
}

// In bytes of the word.
size_t BpeModel::size_of(int32_t id, bool first, bool last) const {
  std::string_view text = vocabulary_.text(id);
  if (!first && text.starts_with(prefix_)) text.remove_prefix(prefix_.size());
  if (last && text.ends_with(suffix_)) text.remove_suffix(suffix_.size());
  if (byte_level_)
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
  const bool is_byte =
      byte_fallback_ && std::ranges::find(fallback_of_byte_, id) != fallback_of_byte_.end();
  return is_byte ? 1 : text.size();
}

int32_t BpeModel::whole_word(std::string_view word) const {
  return byte_level_ ? whole_words_.find(word) : vocabulary_.model_id(word);
}

void BpeModel::spell_bytes(std::string_view word, ModelScratch& scratch) const {
  bool unknown_before = false;
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    const auto byte = static_cast<uint8_t>(c);
    const int32_t id =
        decorates() ? decorated_symbol(letter_of_byte(byte), i == 0, i + 1 == word.size(), scratch)
                    : symbol_of_byte_[byte];
    const bool unknown = id < 0;
    if (unknown && unknown_id_ < 0) no_token(std::string_view(&c, 1));
    const bool fuses = unknown && unknown_before && fuse_unknown_;
    if (fuses) ++scratch.unknown_sizes.back();
    if (unknown && !fuses) scratch.unknown_sizes.push_back(1);
    if (!fuses) scratch.ids.push_back(unknown ? unknown_id_ : id);
    unknown_before = unknown;
  }
}

int32_t BpeModel::symbol_of(std::string_view character) const {
  const auto first = static_cast<uint8_t>(character[0]);
  return first < 128 ? symbol_of_byte_[first] : vocabulary_.model_id(character);
}

// The token of a character with what marks its place in the word.
int32_t BpeModel::decorated_symbol(std::string_view character, bool first, bool last,
                                   ModelScratch& scratch) const {
  scratch.word.clear();
  if (!first) scratch.word += prefix_;
  scratch.word += character;
  if (last) scratch.word += suffix_;
  return vocabulary_.model_id(scratch.word);
}

// An unknown token waits until the next known character, as in Hugging Face's library: bytes that
// are spelled meanwhile come before it.
void BpeModel::spell_text(std::string_view word, ModelScratch& scratch) const {
  size_t waiting = 0;  // bytes of the unknown token
  const auto flush = [&] {
    if (waiting == 0) return;
    scratch.ids.push_back(unknown_id_);
    scratch.unknown_sizes.push_back(waiting);
    waiting = 0;
  };
  for (size_t at = 0; at < word.size();) {
    const std::string_view character = word.substr(at, utf8_at(word, at).size);
    at += character.size();
    const bool is_first = character.data() == word.data(), is_last = at == word.size();
    const int32_t id = decorates() ? decorated_symbol(character, is_first, is_last, scratch)
                                   : symbol_of(character);
    if (id >= 0) {
      flush();
      scratch.ids.push_back(id);
      continue;
    }
    if (byte_fallback_ && spell_fallback(character, scratch.ids)) continue;
    if (unknown_id_ < 0) no_token(character);
    if (!fuse_unknown_) flush();
    waiting += character.size();
  }
  flush();
}

bool BpeModel::spell_fallback(std::string_view character, std::vector<int32_t>& symbols) const {
  const auto id_of = [&](char c) { return fallback_of_byte_[static_cast<uint8_t>(c)]; };
  if (std::ranges::any_of(character, [&](char c) { return id_of(c) < 0; })) return false;
  for (const char c : character) symbols.push_back(id_of(c));
  return true;
}

void BpeModel::no_token(std::string_view character) const {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const uint32_t code = utf8_at(character, 0).code;
  const auto byte = static_cast<uint8_t>(character[0]);
  std::string what = std::string("the byte ") + kHex[byte >> 4] + kHex[byte & 15];
  if (!byte_level_ && code != kInvalidByte) {
    what = "U+";
    for (int shift = code > 0xFFFF ? 20 : 12; shift >= 0; shift -= 4)
      what += kHex[code >> shift & 15];
    const bool is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    if (!is_control) what += " (" + std::string(character) + ")";
  }
  throw Error(origin_ + ": the tokenizer has no token for " + what +
              " and no unknown token; remove it from the text, or use a tokenizer that covers it");
}

// For few symbols: the best pair is searched among all ranks.
void BpeModel::merge_short(ModelScratch& scratch) const {
  auto& ids = scratch.ids;
  auto& ranks = scratch.ranks;  // ranks[i] is that of the pair (i, i + 1)
  const auto rank_at = [&](size_t i) {
    return i + 1 < ids.size() ? merges_.find(ids[i], ids[i + 1]).rank : Merge::kNone;
  };
  ranks.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) ranks[i] = rank_at(i);
  while (true) {
    const auto best = std::ranges::min_element(ranks);
    if (*best == Merge::kNone) return;
    const auto i = best - ranks.begin();
    const auto at = static_cast<size_t>(i);
    ids[at] = merges_.find(ids[at], ids[at + 1]).id;
    ids.erase(ids.begin() + i + 1);
    ranks.erase(best + 1);
    ranks[at] = rank_at(at);
    if (at > 0) ranks[at - 1] = rank_at(at - 1);
  }
}

// Puts the pair that begins at symbol `at` into the heap, if it merges.
void BpeModel::push_pair(ModelScratch& scratch, uint32_t at) const {
  const uint32_t after = scratch.links[at].after;
  if (after == scratch.ids.size()) return;
  const uint32_t rank = merges_.find(scratch.ids[at], scratch.ids[after]).rank;
  if (rank == Merge::kNone) return;
  scratch.heap.push_back(uint64_t{rank} << 32 | at);
  std::ranges::push_heap(scratch.heap, std::greater<>());
}

// Merges the pair that begins at symbol `at` into the token `id`, within the linked list.
void BpeModel::join(ModelScratch& scratch, uint32_t at, int32_t id) const {
  auto& ids = scratch.ids;
  auto& links = scratch.links;
  const auto size = static_cast<uint32_t>(ids.size());
  const uint32_t after = links[at].after;
  ids[at] = id;
  ids[after] = -1;
  links[at].after = links[after].after;
  if (links[at].after < size) links[links[at].after].before = at;
  if (links[at].before < size) push_pair(scratch, links[at].before);
  push_pair(scratch, at);
}

// For any number of symbols n in O(n log n): a linked list of symbols and a heap of pairs, by rank,
// then by place. A heap entry is out of date when the pair at its place no longer has its rank.
void BpeModel::merge_long(ModelScratch& scratch) const {
  auto& ids = scratch.ids;
  auto& links = scratch.links;
  if (ids.size() >= UINT32_MAX) throw Error(origin_ + ": a word is longer than 4 GiB");
  const auto size = static_cast<uint32_t>(ids.size());
  links.resize(size);
  scratch.heap.clear();
  for (uint32_t i = 0; i < size; ++i) links[i] = {i - 1, i + 1};  // before the first: UINT32_MAX
  for (uint32_t i = 0; i < size; ++i) push_pair(scratch, i);
  while (!scratch.heap.empty()) {
    std::ranges::pop_heap(scratch.heap, std::greater<>());
    const auto rank = static_cast<uint32_t>(scratch.heap.back() >> 32);
    const auto at = static_cast<uint32_t>(scratch.heap.back());
    scratch.heap.pop_back();
    const uint32_t after = links[at].after;
    if (ids[at] < 0 || after == size) continue;
    const Merge merge = merges_.find(ids[at], ids[after]);
    if (merge.rank != rank) continue;
    join(scratch, at, merge.id);
  }
  std::erase(ids, -1);
}

}  // namespace weft::text
