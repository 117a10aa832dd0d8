// SentencePiece at work (sentencepiece_tokenizer.h).
#include "text/sentencepiece_tokenizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/quote.h"
#include "core/strict_json.h"
#include "text/byte_alphabet.h"
#include "text/special_tokens.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using PieceType = SentencePieceFile::PieceType;

constexpr std::string_view kSpaceMark = "\u2581";
constexpr std::string_view kReplacementCharacter = "\uFFFD";
// How much worse than the worst piece an unknown character is.
constexpr float kUnknownPenalty = 10;
// The limit of sums for which a stored way holds, where it holds for none.
constexpr float kNoSums = -1;

bool is_found_in_text(PieceType type) {
  return type == PieceType::kNormal || type == PieceType::kUserDefined;
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(std::string content, const std::string& origin,
                                               std::vector<TokenizerFile> beside)
    : file_(parse_sentencepiece_file(content, origin)),
      origin_(origin),
      normalizer_(file_, origin),
      ids_(file_.pieces.size()) {
  add_pieces();
  if (file_.model_type == SentencePieceFile::ModelType::kBpe) bpe_.emplace(file_);
  read_config(beside);
  files_.push_back({"tokenizer.model", std::move(content)});
  for (TokenizerFile& file : beside) files_.push_back(std::move(file));
}

void SentencePieceTokenizer::add_pieces() {
  float lowest = std::numeric_limits<float>::max();
  for (const auto& [text, score, type] : file_.pieces) {
    if (type != PieceType::kNormal) continue;
    lowest = std::min(lowest, score);
  }
  for (size_t i = 0; i < file_.pieces.size(); ++i) {
    const auto& [text, score, type] = file_.pieces[i];
    const auto id = static_cast<int32_t>(i);
    ids_.insert(text, id);
    scores_.push_back(score);
    if (type == PieceType::kNormal) lattice_.add(text, id, score);
    if (type == PieceType::kUserDefined) scores_[i] = lattice_.add_user_defined(text, id);
    const bool matters = is_found_in_text(type) || type == PieceType::kUnused;
    if (matters && has_inner_space_mark(text)) cuts_at_spaces_ = false;
  }
  if (file_.space_is_suffix || !file_.escape_spaces) cuts_at_spaces_ = false;
  lattice_.finish();
  lattice_.set_unknown(file_.unknown_id, lowest - kUnknownPenalty);
  scores_[static_cast<size_t>(file_.unknown_id)] = lowest - kUnknownPenalty;
  for (const double score : scores_)
    largest_step_ = std::max(largest_step_, static_cast<float>(std::abs(score)));
  for (uint32_t byte = 0; byte < 256; ++byte)
    id_of_byte_[byte] = ids_.find(byte_piece(static_cast<uint8_t>(byte)));
}

// Roles and frame: from the configuration beside the file, else as SentencePiece has them.
void SentencePieceTokenizer::read_config(const std::vector<TokenizerFile>& beside) {
  const auto control = [&](const std::string& text) -> std::optional<int32_t> {
    const int32_t id = ids_.find(text);
    if (id < 0 || piece(id).type != PieceType::kControl) return std::nullopt;
    return id;
  };
  special_ids_ = {.bos = control(file_.bos_piece),
                  .eos = control(file_.eos_piece),
                  .pad = control(file_.pad_piece),
                  .unk = file_.unknown_id};
  bool adds_bos = true, adds_eos = true;
  for (const TokenizerFile& file : beside) {
    if (file.name != "tokenizer_config.json") continue;
    const Json config = parse_json(file.content, origin_ + ", tokenizer_config.json beside it");
    if (!config.is_object()) throw Error(origin_ + ", tokenizer_config.json beside it: no object");
    const auto flag = [&](const char* key) {
      const auto member = config.find(key);
      return member == config.end() || !member->is_boolean() || member->get<bool>();
    };
    adds_bos = flag("add_bos_token");
    adds_eos = flag("add_eos_token");
  }
  const auto special = [](int32_t id) {
    return FramePiece{.sequence = -1, .id = id, .type_id = 0};
  };
  if (adds_bos && special_ids_.bos) frame_.push_back(special(*special_ids_.bos));
  frame_.push_back({.sequence = 0, .id = -1, .type_id = 0});
  if (adds_eos && special_ids_.eos) frame_.push_back(special(*special_ids_.eos));
}

std::string_view SentencePieceTokenizer::name() const {
  return bpe_ ? "sentencepiece bpe" : "sentencepiece unigram";
}

const SentencePieceFile::Piece& SentencePieceTokenizer::piece(int32_t id) const {
  if (id >= 0 && id < vocab_size()) return file_.pieces[static_cast<size_t>(id)];
  throw Error(origin_ + ": there is no token " + std::to_string(id) + "; ids are 0 to " +
              std::to_string(vocab_size() - 1));
}

std::optional<int32_t> SentencePieceTokenizer::token_id(std::string_view token_text) const {
  const int32_t id = ids_.find(token_text);
  return id < 0 ? std::nullopt : std::optional(id);
}

bool SentencePieceTokenizer::is_special(int32_t id) const {
  return piece(id).type == PieceType::kControl;
}

// Where the word that begins at `begin` ends: before the next mark that follows another character.
size_t SentencePieceTokenizer::word_end(std::string_view text, size_t begin) const {
  if (!cuts_at_spaces_) return text.size();
  while (text.substr(begin, kSpaceMark.size()) == kSpaceMark) begin += kSpaceMark.size();
  return std::min(text.find(kSpaceMark, begin), text.size());
}

// Calls body(id, begin, end) for each token of a part of normalized text.
template <class Body>
void SentencePieceTokenizer::encode_word(std::string_view word, ModelScratch& scratch, float& sum,
                                         const Body& body) const {
  if (bpe_) {
    bpe_->find_path(word, scratch);
  } else {
    sum = lattice_.find_path<float>(word, scratch, sum);
  }
  for (const WordToken& token : scratch.path) {
    if (token.id != file_.unknown_id || !file_.byte_fallback) {
      body(token.id, token.begin, token.end);
      continue;
    }
    for (size_t i = token.begin; i < token.end; ++i)
      body(id_of_byte_[static_cast<uint8_t>(word[i])], token.begin, token.end);
  }
}

// Which sums of single precision choose the same way through a word as `sum` does: as long as no
// sum leaves the range between two powers of two, its rounding depends on the exponent and, where a
// step lies half way between two sums, on the last bit. 0: some sum may leave that range.
uint16_t SentencePieceTokenizer::rounding_of(std::string_view word, float sum) const {
  const float reach = reach_of(word);
  const uint32_t bits = std::bit_cast<uint32_t>(sum);
  const uint32_t exponent = bits >> 23 & 0xFF;
  for (const float end : {std::abs(sum) + reach, std::abs(sum) - reach}) {
    if (!(end > 0) || (std::bit_cast<uint32_t>(end) >> 23 & 0xFF) != exponent) return 0;
  }
  return static_cast<uint16_t>(exponent << 1 | (bits & 1));
}

// Whether a sum within the word may go beyond the largest; then no stored way holds.
bool SentencePieceTokenizer::sums_may_begin_again(std::string_view word, float sum) const {
  return !(std::abs(sum) + reach_of(word) <= UnigramLattice::kLargestSum);
}

void SentencePieceTokenizer::add_scores(std::span<const int32_t> known, float& sum) const {
  for (const int32_t id : known) sum = static_cast<float>(scores_[static_cast<size_t>(id)] + sum);
}

// Takes what remember() stored, if that is right after sums as large as `sum`.
bool SentencePieceTokenizer::append_known(std::span<const int32_t> known, float& sum,
                                          std::vector<int32_t>& ids) const {
  const auto limit = std::bit_cast<float>(known[0]);
  float then = sum;
  add_scores(known.subspan(1), then);
  if (!(std::max(std::abs(sum), std::abs(then)) <= limit)) return false;
  sum = then;
  append_fused(known.subspan(1), ids);
  return true;
}

// The ids of a path, as many as `out` must have room for; 0 where it has not, or some become bytes.
size_t SentencePieceTokenizer::take_path(std::span<const WordToken> path,
                                         std::span<int32_t> out) const {
  const auto becomes_bytes = [&](const WordToken& token) {
    return token.id == file_.unknown_id && file_.byte_fallback;
  };
  if (path.size() > out.size() || std::ranges::any_of(path, becomes_bytes)) return 0;
  std::ranges::transform(path, out.begin(), &WordToken::id);
  return path.size();
}

// Stores a word's tokens of double precision, and before them up to which sums they hold: no sums
// where they are too many, or bytes.
void SentencePieceTokenizer::remember(std::string_view word, const WordCache::Key& key,
                                      ModelScratch& scratch) const {
  lattice_.find_path<double>(word, scratch);
  std::array<int32_t, WordCache::kMaxIds> entry{};
  const size_t count = take_path(scratch.path, std::span(entry).subspan(1));
  const float limit = count > 0 ? UnigramLattice::single_precision_limit(word, scratch) : kNoSums;
  entry[0] = std::bit_cast<int32_t>(limit);
  scratch.cache.put(key, std::span(entry).first(1 + count));
}

// A short word of a Unigram model whose ways are so close that the size of the sum decides, or that
// has many tokens.
void SentencePieceTokenizer::append_close(std::string_view word, ModelScratch& scratch, float& sum,
                                          std::vector<int32_t>& ids) const {
  const uint16_t rounding = rounding_of(word, sum);
  const WordCache::Key key(word, rounding);
  if (rounding != 0) {
    const std::span<const int32_t> known = scratch.cache.find(key);
    if (!known.empty()) {
      add_scores(known, sum);
      return append_fused(known, ids);
    }
  }
  append_searched(word, scratch, sum, ids);
  if (rounding == 0) return;
  std::array<int32_t, WordCache::kMaxIds> entry{};
  if (const size_t count = take_path(scratch.path, entry); count > 0)
    scratch.cache.put(key, std::span(entry).first(count));
}

// Unknown characters in a row are one token, here and below.
void SentencePieceTokenizer::append_fused(std::span<const int32_t> tokens,
                                          std::vector<int32_t>& ids) const {
  const size_t before = ids.size();
  for (const int32_t id : tokens) {
    const bool fuses = id == file_.unknown_id && ids.size() > before && ids.back() == id;
    if (!fuses) ids.push_back(id);
  }
}

void SentencePieceTokenizer::append_searched(std::string_view word, ModelScratch& scratch,
                                             float& sum, std::vector<int32_t>& ids) const {
  const size_t before = ids.size();
  encode_word(word, scratch, sum, [&](int32_t id, size_t, size_t) {
    const bool fuses = id == file_.unknown_id && ids.size() > before && ids.back() == id;
    if (!fuses) ids.push_back(id);
  });
}

// `key` is empty where the cache takes no such word, here and below.
void SentencePieceTokenizer::append_word(std::string_view word, const WordCache::Key& key,
                                         ModelScratch& scratch, float& sum,
                                         std::vector<int32_t>& ids) const {
  if (bpe_) return append_merged(word, key, scratch, ids);
  if (std::abs(sum) > UnigramLattice::kLargestSum) sum = 0;  // as the lattice would
  if (key.size == 0 || sums_may_begin_again(word, sum))
    return append_searched(word, scratch, sum, ids);
  std::span<const int32_t> known = scratch.cache.find(key);
  if (known.empty()) {
    remember(word, key, scratch);
    known = scratch.cache.find(key);
  }
  if (!append_known(known, sum, ids)) append_close(word, scratch, sum, ids);
}

// A BPE model knows no sums.
void SentencePieceTokenizer::append_merged(std::string_view word, const WordCache::Key& key,
                                           ModelScratch& scratch, std::vector<int32_t>& ids) const {
  float sum = 0;
  if (key.size == 0) return append_searched(word, scratch, sum, ids);
  const std::span<const int32_t> known = scratch.cache.find(key);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const size_t before = ids.size();
  append_searched(word, scratch, sum, ids);
  scratch.cache.put(key, std::span(ids).subspan(before));
}

void SentencePieceTokenizer::append_ids(std::string_view text, const EncodeOptions& options,
                                        std::vector<int32_t>& ids) const {
  Lease lease(scratch_);
  Scratch& scratch = lease.get();
  for (const FramePiece& part : frame_) {
    if (part.sequence < 0) {
      if (options.add_special_tokens) ids.push_back(part.id);
      continue;
    }
    normalizer_.normalize(text, false, scratch.normalized);
    append_normalized(scratch.normalized.text, scratch.model, ids);
  }
}

void SentencePieceTokenizer::append_normalized(std::string_view text, ModelScratch& scratch,
                                               std::vector<int32_t>& ids) const {
  const size_t first = ids.size();
  float sum = 0;
  const auto append = [&](std::string_view word, const WordCache::Key& key) {
    const size_t before = ids.size();
    append_word(word, key, scratch, sum, ids);
    const bool fuses =
        before > first && ids[before] == file_.unknown_id && ids[before - 1] == file_.unknown_id;
    if (fuses) ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(before));
  };
  std::array<size_t, 64> ends;
  for (size_t begin = 0; begin < text.size();) {
    size_t count = 0;
    for (size_t end = begin; end < text.size() && count < ends.size();)
      ends[count++] = end = word_end(text, end);
    for_each_word(text, begin, std::span(ends).first(count), scratch.cache, append);
    begin = ends[count - 1];
  }
}

Encoding SentencePieceTokenizer::encode_text(std::string_view text) const {
  Lease lease(scratch_);
  Scratch& scratch = lease.get();
  normalizer_.normalize(text, true, scratch.normalized);
  const std::string_view normalized = scratch.normalized.text;
  const std::vector<TextSpan>& origin = scratch.normalized.origin;
  Encoding encoding;
  int32_t word = 0;
  float sum = 0;
  for (size_t begin = 0; begin < normalized.size(); ++word) {
    const size_t end = word_end(normalized, begin);
    const auto put = [&](int32_t id, size_t first, size_t last) {
      const TextSpan span{origin[begin + first].begin, origin[begin + last - 1].end};
      const bool fuses = id == file_.unknown_id && encoding.size() > 0 && encoding.ids.back() == id;
      if (fuses) {
        encoding.offsets.back().end = span.end;
      } else {
        encoding.append_token(id, span, word);
      }
    };
    encode_word(normalized.substr(begin, end - begin), scratch.model, sum, put);
    begin = end;
  }
  return encoding;
}

std::vector<Encoding> SentencePieceTokenizer::encode_rows(std::string_view text,
                                                          std::optional<std::string_view> pair,
                                                          const RowOptions& options) const {
  if (!pair) return make_rows({encode_text(text)}, frame_, options);
  std::vector<FramePiece> frame = frame_;
  for (FramePiece piece : frame_) {
    piece.type_id = 1;
    if (piece.sequence == 0) piece.sequence = 1;
    frame.push_back(piece);
  }
  return make_rows({encode_text(text), encode_text(*pair)}, frame, options);
}

// Pieces become text one after the other.
class SentencePieceTokenizer::Decoder {
 public:
  Decoder(const SentencePieceTokenizer& owner, const DecodeOptions& options)
      : owner_(owner), options_(options), at_start_(!options.continues) {}

  void add(int32_t id) {
    const SentencePieceFile::Piece& piece = owner_.piece(id);
    if (piece.type == PieceType::kByte) {
      const auto byte = std::ranges::find(owner_.id_of_byte_, id);
      bytes_ += static_cast<char>(byte - owner_.id_of_byte_.begin());
      return;
    }
    flush_bytes();
    if (took_space_ || !text_.empty()) at_start_ = false;
    took_space_ = false;
    if (piece.type == PieceType::kControl) return;
    if (piece.type == PieceType::kUnknown) {
      text_ += owner_.file_.unknown_surface;
      return;
    }
    std::string_view rest = piece.text;
    const SentencePieceFile& file = owner_.file_;
    if (at_start_ && (file.add_dummy_prefix || file.remove_extra_spaces) &&
        rest.starts_with(kSpaceMark)) {
      rest.remove_prefix(kSpaceMark.size());
      took_space_ = !file.remove_extra_spaces;
    }
    for (size_t mark; (mark = rest.find(kSpaceMark)) != rest.npos;) {
      text_.append(rest.substr(0, mark)) += ' ';
      rest.remove_prefix(mark + kSpaceMark.size());
    }
    text_ += rest;
  }

  std::string finish() {
    flush_bytes();
    return std::move(text_);
  }

 private:
  // Each byte that is not UTF-8 becomes U+FFFD.
  void flush_bytes() {
    for (size_t at = 0; at < bytes_.size();) {
      const Utf8Char c = utf8_at(bytes_, at);
      const bool replaces = c.code == kInvalidByte && options_.replace_invalid_utf8;
      text_ += replaces ? kReplacementCharacter : std::string_view(bytes_).substr(at, c.size);
      at += c.size;
    }
    bytes_.clear();
  }

  const SentencePieceTokenizer& owner_;
  const DecodeOptions& options_;
  std::string text_, bytes_;
  bool at_start_;
  bool took_space_ = false;
};

std::string SentencePieceTokenizer::decode_ids(std::span<const int32_t> ids,
                                               const DecodeOptions& options) const {
  Decoder decoder(*this, options);
  for (const int32_t id : ids) decoder.add(id);
  return decoder.finish();
}

}  // namespace weft::text
