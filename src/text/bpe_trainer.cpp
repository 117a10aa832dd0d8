// Byte-pair encodings as tokenizer.json (bpe_trainer.h).
#include "text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/json_tokenizer.h"
#include "text/llama2_frame.h"
#include "text/merge_learner.h"
#include "text/tokenizer_writer.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

void check_options(const WordCounts& words, const BpeTrainOptions& options) {
  check_vocab_size(options.vocab_size, static_cast<int64_t>(256 + options.special_tokens.size()),
                   "256 bytes and the special tokens");
  check_special_tokens(options.special_tokens);
  for (const std::string& token : options.special_tokens) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if (token == letter_of_byte(static_cast<uint8_t>(byte))) {
        throw Error("special_tokens: " + quote(token) +
                    " is the token of a byte; use a longer name");
      }
    }
  }
  if (words.size() == 0) throw Error("the corpus to train a tokenizer on has no text");
  if (!words.cutter().rule()) throw Error("a byte-level BPE is learned from words cut by a rule");
}

// The special tokens, then the bytes in the order of their letters' code points, as Hugging Face's
// trainer has them.
std::vector<std::string> byte_level_vocab(const BpeTrainOptions& options) {
  std::vector<std::string> letters;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    letters.emplace_back(letter_of_byte(static_cast<uint8_t>(byte)));
  }
  std::ranges::sort(letters);  // UTF-8 keeps the order of code points
  std::vector<std::string> vocab = options.special_tokens;
  vocab.insert(vocab.end(), letters.begin(), letters.end());
  return vocab;
}

void spell_bytes(const WordCounts& words, const std::vector<std::string>& vocab,
                 MergeLearner& learner) {
  std::array<int32_t, 256> symbol_of{};
  for (size_t id = vocab.size() - 256; id < vocab.size(); ++id) {
    const std::string byte = *bytes_of_letters(vocab[id]);
    symbol_of[static_cast<uint8_t>(byte[0])] = static_cast<int32_t>(id);
  }
  std::vector<int32_t> symbols;
  for (const size_t i : words.sorted()) {
    symbols.clear();
    for (const char c : words.word(i)) symbols.push_back(symbol_of[static_cast<uint8_t>(c)]);
    learner.add_word(symbols, words.count(i));
  }
}

// The component that cuts words as they were cut for training.
OrderedJson pre_tokenizer_for(WordRule rule) {
  if (rule == WordRule::kGpt2) return byte_level_component(false, true, true);
  const OrderedJson split = {{"type", "Split"},
                             {"pattern", {{"Regex", std::string(expression_of(rule))}}},
                             {"behavior", "Isolated"},
                             {"invert", false}};
  return {{"type", "Sequence"},
          {"pretokenizers", OrderedJson::array({split, byte_level_component(false, true, false)})}};
}

// Runs of characters that have tokens. The others will be spelled in bytes, which do not merge.
void spell_characters(const WordCounts& words, const TextAlphabet& alphabet, int32_t first,
                      MergeLearner& learner) {
  std::vector<int32_t> symbols;
  for (const size_t i : words.sorted()) {
    const std::string_view word = words.word(i);
    symbols.clear();
    const auto flush = [&] {
      if (symbols.size() > 1) learner.add_word(symbols, words.count(i));
      symbols.clear();
    };
    for (size_t at = 0; at < word.size();) {
      const Utf8Char c = utf8_at(word, at);
      const int32_t index = alphabet.index(c.code);
      if (index < 0) flush();
      if (index >= 0) symbols.push_back(first + index);
      at += c.size;
    }
    flush();
  }
}

}  // namespace

std::unique_ptr<const Tokenizer> train_bpe(const WordCounts& words,
                                           const BpeTrainOptions& options) {
  check_options(words, options);
  std::vector<std::string> vocab = byte_level_vocab(options);
  MergeLearner learner(vocab, {.vocab_size = options.vocab_size,
                               .min_frequency = options.min_frequency,
                               .progress = options.progress});
  spell_bytes(words, vocab, learner);
  learner.run();
  BpeDescription description;
  description.merges = learner.merges();
  description.vocab = learner.vocab();
  for (size_t id = 0; id < options.special_tokens.size(); ++id) {
    description.added.push_back(
        special_token(static_cast<int32_t>(id), options.special_tokens[id]));
  }
  description.pre_tokenizer = pre_tokenizer_for(*words.cutter().rule());
  description.post_processor = byte_level_component(true, false, true);
  description.decoder = byte_level_component(true, true, true);
  TokenizerSource source;
  source.content = write_tokenizer_json(description);
  source.origin = "the trained tokenizer";
  source.special.emplace();
  if (!options.special_tokens.empty()) source.special->eos = 0;
  return JsonTokenizer::make(std::move(source));
}

WordComponents byte_fallback_words() {
  TokenizerParts parts;
  describe_llama2_frame(parts);
  return {.normalizer = parts.normalizer,
          .pre_tokenizer = {},
          .cuts_at_kinds = true,
          .single_digits = true};
}

std::unique_ptr<const Tokenizer> train_byte_fallback_bpe(const WordCounts& words,
                                                         const TextTrainOptions& options) {
  const TextAlphabet alphabet(words, options.character_coverage);
  BpeDescription description;
  std::vector<std::string> vocab =
      special_head({"<unk>", "<s>", "</s>"}, options, description.added);
  for (uint32_t byte = 0; byte < 256; ++byte)
    vocab.push_back(byte_piece(static_cast<uint8_t>(byte)));
  const auto first = static_cast<int32_t>(vocab.size());
  append_characters(alphabet, "", vocab);
  check_vocab_size(options.vocab_size, static_cast<int64_t>(vocab.size()),
                   "special tokens, 256 bytes and the characters of the text; a smaller "
                   "character_coverage leaves the rare ones to bytes");
  MergeLearner learner(std::move(vocab), {.vocab_size = options.vocab_size,
                                          .min_frequency = options.min_frequency,
                                          .progress = options.progress});
  spell_characters(words, alphabet, first, learner);
  learner.run();
  description.merges = learner.merges();
  description.vocab = learner.vocab();
  description.unknown_token = "<unk>";
  description.fuse_unknown = true;
  description.byte_fallback = true;
  describe_llama2_frame(description);
  TokenizerSource source;
  source.content = write_tokenizer_json(description);
  source.origin = "the trained tokenizer";
  source.special = SpecialIds{.bos = 1, .eos = 2, .pad = {}, .unk = 0};
  return JsonTokenizer::make(std::move(source));
}

}  // namespace weft::text
