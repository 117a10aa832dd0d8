// Tokenizers that are made, not read: bytes, characters, llama2.c's vocabulary. Each is written as
// a tokenizer.json and opened from that, so what is exported is what is used. Not here: training
// (bpe_trainer.h).
#include <algorithm>
#include <map>
#include <set>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/json_tokenizer.h"
#include "text/llama2_frame.h"
#include "text/tokenizer.h"
#include "text/tokenizer_writer.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr std::string_view kEndOfText = "<|endoftext|>";
constexpr std::string_view kSpaceMark = "\u2581";

std::unique_ptr<const Tokenizer> open(const BpeDescription& description, std::string kind,
                                      const SpecialIds& special) {
  TokenizerSource source;
  source.content = write_tokenizer_json(description);
  source.origin = "tokenizer \"" + kind + "\"";
  source.kind = std::move(kind);
  source.special = special;
  return JsonTokenizer::make(std::move(source));
}

void collect_characters(std::string_view text, std::set<uint32_t>& found) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    if (c.code == kInvalidByte) {
      throw Error("the corpus for the tokenizer \"chars\" is not valid UTF-8 (byte " +
                  std::to_string(at) +
                  " of a piece); clean it first, or use the tokenizer \"bytes\"");
    }
    found.insert(c.code);
    at += c.size;
  }
}

std::string with_marks(std::string_view piece) {
  std::string out;
  for (const char c : piece) {
    if (c == ' ') {
      out += kSpaceMark;
    } else {
      out += c;
    }
  }
  return out;
}

constexpr size_t kFirstText = 3 + 256;  // the special and byte pieces come before

std::vector<std::string> llama2_vocab(std::span<const ScoredPiece> pieces) {
  if (pieces.size() < kFirstText) {
    throw Error("a llama2.c vocabulary has at least " + std::to_string(kFirstText) +
                " pieces (<unk>, <s>, </s> and 256 bytes); this one has " +
                std::to_string(pieces.size()));
  }
  std::vector<std::string> vocab = {"<unk>", "<s>", "</s>"};
  for (size_t id = vocab.size(); id < pieces.size(); ++id)
    vocab.push_back(with_marks(pieces[id].piece));
  for (size_t byte = 0; byte < 256; ++byte) {
    const std::string expected = byte_piece(static_cast<uint8_t>(byte));
    if (vocab[3 + byte] != expected) {
      throw Error("piece " + std::to_string(3 + byte) + " of a llama2.c vocabulary must be " +
                  expected + ", found " + quote(vocab[3 + byte]));
    }
  }
  return vocab;
}

// Every way to make a piece of two others, the pieces with the best scores first.
std::vector<std::pair<std::string, std::string>> merges_by_score(
    const std::vector<std::string>& vocab, std::span<const ScoredPiece> pieces) {
  std::map<std::string_view, size_t> ids;
  for (size_t id = kFirstText; id < vocab.size(); ++id) ids.emplace(vocab[id], id);
  std::vector<size_t> order;
  for (size_t id = kFirstText; id < vocab.size(); ++id) order.push_back(id);
  std::ranges::stable_sort(order,
                           [&](size_t a, size_t b) { return pieces[a].score > pieces[b].score; });
  std::vector<std::pair<std::string, std::string>> merges;
  for (const size_t id : order) {
    const std::string_view whole = vocab[id];
    for (size_t cut = utf8_at(whole, 0).size; cut < whole.size(); cut += utf8_at(whole, cut).size) {
      const std::string_view left = whole.substr(0, cut), right = whole.substr(cut);
      if (ids.contains(left) && ids.contains(right)) merges.emplace_back(left, right);
    }
  }
  return merges;
}

}  // namespace

std::unique_ptr<const Tokenizer> make_bytes_tokenizer() {
  BpeDescription description;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    description.vocab.emplace_back(letter_of_byte(static_cast<uint8_t>(byte)));
  }
  description.added = {special_token(256, std::string(kEndOfText))};
  description.pre_tokenizer = byte_level_component(false, true, false);
  description.decoder = byte_level_component(true, true, true);
  return open(description, "bytes", {.bos = {}, .eos = 256, .pad = {}, .unk = {}});
}

std::unique_ptr<const Tokenizer> make_chars_tokenizer(std::span<const std::string_view> corpus,
                                                      const CharsOptions& options) {
  std::set<uint32_t> found;
  for (const std::string_view piece : corpus) collect_characters(piece, found);
  if (found.empty()) throw Error("the corpus for the tokenizer \"chars\" is empty");
  if (options.end_token.empty()) throw Error("the tokenizer \"chars\" needs an end token");
  BpeDescription description;
  SpecialIds special{.bos = {}, .eos = 0, .pad = {}, .unk = {}};
  const auto add_special = [&](const std::string& token) {
    const auto id = static_cast<int32_t>(description.vocab.size());
    description.added.push_back(special_token(id, token));
    description.vocab.push_back(token);
    return id;
  };
  add_special(options.end_token);
  if (!options.unknown_token.empty()) special.unk = add_special(options.unknown_token);
  description.unknown_token = options.unknown_token;
  for (const uint32_t code : found) append_utf8(description.vocab.emplace_back(), code);
  description.decoder = {{"type", "Fuse"}};
  return open(description, "chars", special);
}

std::unique_ptr<const Tokenizer> make_llama2_tokenizer(std::span<const ScoredPiece> pieces) {
  BpeDescription description;
  description.vocab = llama2_vocab(pieces);
  description.merges = merges_by_score(description.vocab, pieces);
  for (int32_t id = 0; id < 3; ++id) {
    description.added.push_back(special_token(id, description.vocab[static_cast<size_t>(id)]));
  }
  description.unknown_token = "<unk>";
  description.fuse_unknown = true;
  description.byte_fallback = true;
  describe_llama2_frame(description);
  return open(description, "bpe", {.bos = 1, .eos = 2, .pad = {}, .unk = 0});
}

}  // namespace weft::text
