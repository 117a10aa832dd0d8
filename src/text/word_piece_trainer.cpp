// WordPiece as tokenizer.json (word_piece_trainer.h).
#include "text/word_piece_trainer.h"

#include <utility>

#include "text/json_tokenizer.h"
#include "text/merge_learner.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr const char* kPrefix = "##";
constexpr int32_t kPad = 0, kUnknown = 1, kFirst = 2, kLast = 3;
constexpr size_t kMaxCharacters = 100;  // longer words are unknown to the model

// Words that the model will know; `first` is the token of the first character at the start of a
// word, those after "##" follow in the same order.
void spell(const WordCounts& words, const TextAlphabet& alphabet, int32_t first,
           MergeLearner& learner) {
  const auto count = static_cast<int32_t>(alphabet.characters().size());
  std::vector<int32_t> symbols;
  for (const size_t i : words.sorted()) {
    const std::string_view word = words.word(i);
    symbols.clear();
    bool known = true;
    for (size_t at = 0; at < word.size() && known && symbols.size() <= kMaxCharacters;) {
      const Utf8Char c = utf8_at(word, at);
      const int32_t index = alphabet.index(c.code);
      known = index >= 0;
      symbols.push_back(first + index + (at == 0 ? 0 : count));
      at += c.size;
    }
    if (known && symbols.size() <= kMaxCharacters) learner.add_word(symbols, words.count(i));
  }
}

void describe_frame(WordPieceDescription& description) {
  const auto token = [](const char* name, int type_id) {
    return OrderedJson{{"SpecialToken", {{"id", name}, {"type_id", type_id}}}};
  };
  const auto sequence = [](const char* letter, int type_id) {
    return OrderedJson{{"Sequence", {{"id", letter}, {"type_id", type_id}}}};
  };
  const auto known = [](const char* name, int id) {
    return OrderedJson{
        {"id", name}, {"ids", OrderedJson::array({id})}, {"tokens", OrderedJson::array({name})}};
  };
  const OrderedJson cls = token("[CLS]", 0), sep = token("[SEP]", 0);
  description.post_processor = {
      {"type", "TemplateProcessing"},
      {"single", OrderedJson::array({cls, sequence("A", 0), sep})},
      {"pair",
       OrderedJson::array({cls, sequence("A", 0), sep, sequence("B", 1), token("[SEP]", 1)})},
      {"special_tokens", {{"[CLS]", known("[CLS]", kFirst)}, {"[SEP]", known("[SEP]", kLast)}}}};
  description.decoder = {{"type", "WordPiece"}, {"prefix", kPrefix}, {"cleanup", true}};
}

}  // namespace

WordComponents word_piece_words(bool lowercase) {
  return {.normalizer = {{"type", "BertNormalizer"},
                         {"clean_text", true},
                         {"handle_chinese_chars", true},
                         {"strip_accents", nullptr},
                         {"lowercase", lowercase}},
          .pre_tokenizer = {{"type", "BertPreTokenizer"}}};
}

std::unique_ptr<const Tokenizer> train_word_piece(const WordCounts& words,
                                                  const TextTrainOptions& options) {
  const TextAlphabet alphabet(words, options.character_coverage);
  WordPieceDescription description;
  std::vector<std::string> vocab =
      special_head({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, options, description.added);
  const auto first = static_cast<int32_t>(vocab.size());
  append_characters(alphabet, "", vocab);
  append_characters(alphabet, kPrefix, vocab);
  check_vocab_size(options.vocab_size, static_cast<int64_t>(vocab.size()),
                   "special tokens and twice the characters of the text; a smaller "
                   "character_coverage makes words with rare ones unknown");
  MergeLearner learner(std::move(vocab), {.vocab_size = options.vocab_size,
                                          .min_frequency = options.min_frequency,
                                          .continuing_prefix = kPrefix,
                                          .progress = options.progress});
  spell(words, alphabet, first, learner);
  learner.run();
  description.vocab = learner.vocab();
  description.normalizer = words.cutter().components().normalizer;
  description.pre_tokenizer = words.cutter().components().pre_tokenizer;
  describe_frame(description);
  TokenizerSource source;
  source.content = write_tokenizer_json(description);
  source.origin = "the trained tokenizer";
  source.special = SpecialIds{.bos = kFirst, .eos = kLast, .pad = kPad, .unk = kUnknown};
  return JsonTokenizer::make(std::move(source));
}

}  // namespace weft::text
