// Rounds of estimation and pruning (unigram_trainer.h).
#include "text/unigram_trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/json_tokenizer.h"
#include "text/llama2_frame.h"
#include "text/unigram_estimator.h"
#include "text/unigram_seeds.h"
#include "weft/error.h"
#include "weft/portable_math.h"

namespace weft::text {
namespace {

using Pieces = std::vector<UnigramPiece>;

// SentencePiece's numbers: rounds between two prunings, what a pruning leaves, the size at which
// the last pieces are chosen by probability alone, and what is too rare to stay.
constexpr int kRounds = 2;
constexpr double kShrinks = 0.75;
constexpr double kSpare = 1.1;
constexpr double kLeastExpected = 0.5;
// Of "<0x41>": where one of them had no piece, this text would be taken for the byte.
constexpr std::string_view kBytePieceLetters = "<>0123456789ABCDEFx";

class Trainer {
 public:
  Trainer(const WordCounts& words, const TextAlphabet& alphabet, const TextTrainOptions& options,
          const ParallelFor& parallel)
      : words_(words, alphabet), options_(options), parallel_(parallel) {
    add_letters(words, alphabet);
    const std::vector<Seed> seeds =
        find_seeds(words_, alphabet, {.min_frequency = options.min_frequency}, parallel);
    for (const Seed& seed : seeds)
      pieces_.push_back({seed.text, static_cast<double>(seed.count), false});
    std::vector<double> counts;
    for (const UnigramPiece& piece : pieces_)
      counts.push_back(piece.score * static_cast<double>(piece.text.size()));
    set_scores(counts);
  }

  // The pieces, the most probable first.
  Pieces run(size_t wanted) {
    const auto enough =
        std::max(static_cast<size_t>(static_cast<double>(wanted) * kSpare), letters_);
    while (true) {
      for (int i = 0; i < kRounds; ++i) estimate();
      if (options_.progress) options_.progress(static_cast<int64_t>(pieces_.size()));
      if (pieces_.size() <= enough) break;
      prune(std::max(enough, static_cast<size_t>(static_cast<double>(pieces_.size()) * kShrinks)));
    }
    return take_best(wanted);
  }

 private:
  void add_letters(const WordCounts& words, const TextAlphabet& alphabet) {
    std::vector<int64_t> counts(alphabet.characters().size());
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string_view word = words.word(i);
      for (size_t at = 0; at < word.size(); at += utf8_at(word, at).size) {
        const int32_t letter = alphabet.index(utf8_at(word, at).code);
        if (letter >= 0) counts[static_cast<size_t>(letter)] += words.count(i);
      }
    }
    for (size_t i = 0; i < counts.size(); ++i) {
      UnigramPiece& piece = pieces_.emplace_back(
          UnigramPiece{{}, std::max(static_cast<double>(counts[i]), kLeastExpected), true});
      append_utf8(piece.text, alphabet.characters()[i]);
    }
    letters_ = counts.size();
  }

  void set_scores(const std::vector<double>& counts) {
    double sum = 0;
    for (const double count : counts) sum += count;
    for (size_t i = 0; i < pieces_.size(); ++i)
      pieces_[i].score = portable::log(counts[i]) - portable::log(sum);
  }

  // One round. The digamma function favours few frequent pieces, as in SentencePiece.
  void estimate() {
    const std::vector<double> expected =
        UnigramEstimator(words_, pieces_).expected_counts(parallel_);
    Pieces kept;
    std::vector<double> counts;
    double sum = 0;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (expected[i] < kLeastExpected && !pieces_[i].is_letter) continue;
      counts.push_back(std::max(expected[i], kLeastExpected));
      sum += counts.back();
      kept.push_back(std::move(pieces_[i]));
    }
    for (size_t i = 0; i < kept.size(); ++i) kept[i].score = digamma(counts[i]) - digamma(sum);
    pieces_ = std::move(kept);
  }

  // How much less probable the corpus becomes without a piece, by the best segmentations.
  double loss_without(const UnigramEstimator& estimator, size_t piece,
                      const std::vector<double>& counts, double sum) const {
    const std::vector<size_t> others = estimator.alternative(piece);
    const double count = counts[piece];
    const double with = portable::log(count) - portable::log(sum);
    const double sum_without = sum + count * static_cast<double>(others.size() - 1);
    double without = 0;
    for (const size_t other : others)
      without += portable::log(counts[other] + count) - portable::log(sum_without);
    return count / sum * (with - without);
  }

  // Leaves `left` pieces, and no fewer than the letters.
  void prune(size_t left) {
    const UnigramEstimator estimator(words_, pieces_);
    const std::vector<double> counts = estimator.best_counts(parallel_);
    double sum = 0;
    for (const double count : counts) sum += count;
    struct Loss {
      double loss;
      size_t piece;
    };
    std::vector<Loss> losses(pieces_.size());
    parallel_(static_cast<int64_t>((pieces_.size() + kLossesOfTile - 1) / kLossesOfTile),
              [&](int64_t tile, int) {
                const size_t begin = static_cast<size_t>(tile) * kLossesOfTile;
                const size_t end = std::min(begin + kLossesOfTile, pieces_.size());
                for (size_t i = begin; i < end; ++i) {
                  const bool goes = counts[i] == 0 || pieces_[i].is_letter;
                  losses[i] = {goes ? 0 : loss_without(estimator, i, counts, sum), i};
                }
              });
    std::erase_if(
        losses, [&](const Loss& l) { return pieces_[l.piece].is_letter || counts[l.piece] == 0; });
    std::ranges::sort(losses, [&](const Loss& a, const Loss& b) {
      return a.loss != b.loss ? a.loss > b.loss : a.piece < b.piece;
    });
    losses.resize(std::min(losses.size(), left - letters_));
    std::ranges::sort(losses, {}, &Loss::piece);
    Pieces kept;
    for (UnigramPiece& piece : pieces_)
      if (piece.is_letter) kept.push_back(std::move(piece));
    for (const Loss& l : losses) kept.push_back(std::move(pieces_[l.piece]));
    pieces_ = std::move(kept);
  }

  Pieces take_best(size_t wanted) {
    const auto before = [](const UnigramPiece& a, const UnigramPiece& b) {
      return a.score != b.score ? a.score > b.score : a.text < b.text;
    };
    std::ranges::sort(pieces_, [&](const UnigramPiece& a, const UnigramPiece& b) {
      return a.is_letter != b.is_letter ? a.is_letter : before(a, b);
    });
    pieces_.resize(std::min(pieces_.size(), wanted));
    std::ranges::sort(pieces_, before);
    return std::move(pieces_);
  }

  static constexpr size_t kLossesOfTile = 4096;

  CoveredWords words_;
  const TextTrainOptions& options_;
  const ParallelFor& parallel_;
  Pieces pieces_;  // letters first
  size_t letters_ = 0;
};

OrderedJson metaspace() {
  return {{"type", "Metaspace"},
          {"replacement", "\u2581"},
          {"prepend_scheme", "always"},
          {"split", true}};
}

// With few digits: readers of JSON, that of Hugging Face's library among them, may err in the last
// of seventeen.
double rounded(double score) {
  return std::round(score * 1e9) / 1e9;
}

// Special tokens, bytes and pieces with their scores. The literal text "<0x41>" must not become the
// byte: its token is less probable than all its letters one by one.
void fill_vocab(const std::vector<std::string>& special, const Pieces& pieces,
                UnigramDescription& description) {
  for (const std::string& token : special) description.vocab.emplace_back(token, 0.0);
  const double byte_score = rounded(8 * pieces.back().score - 100);
  for (uint32_t byte = 0; byte < 256; ++byte)
    description.vocab.emplace_back(byte_piece(static_cast<uint8_t>(byte)), byte_score);
  for (const UnigramPiece& piece : pieces)
    description.vocab.emplace_back(piece.text, rounded(piece.score));
}

}  // namespace

WordComponents unigram_words(bool normalizes) {
  TokenizerParts parts;
  describe_llama2_frame(parts);
  const OrderedJson single_spaces = {
      {"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}};
  const OrderedJson strip = {{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}};
  const OrderedJson steps =
      OrderedJson::array({{{"type", "Nmt"}}, {{"type", "NFKC"}}, strip, single_spaces});
  return {.normalizer = normalizes ? OrderedJson{{"type", "Sequence"}, {"normalizers", steps}}
                                   : parts.normalizer,
          .pre_tokenizer = metaspace(),
          .cuts_at_kinds = true};
}

std::unique_ptr<const Tokenizer> train_unigram(const WordCounts& words,
                                               const TextTrainOptions& options,
                                               const ParallelFor& parallel) {
  const TextAlphabet alphabet(words, options.character_coverage, kBytePieceLetters);
  UnigramDescription description;
  const std::vector<std::string> special =
      special_head({"<unk>", "<s>", "</s>"}, options, description.added);
  const size_t head = special.size() + 256;
  check_vocab_size(options.vocab_size, static_cast<int64_t>(head + alphabet.characters().size()),
                   "special tokens, 256 bytes and the characters of the text; a smaller "
                   "character_coverage leaves the rare ones to bytes");
  const Pieces pieces = Trainer(words, alphabet, options, parallel)
                            .run(static_cast<size_t>(options.vocab_size) - head);
  fill_vocab(special, pieces, description);
  describe_llama2_frame(description);
  description.post_processor = nullptr;
  description.normalizer = words.cutter().components().normalizer;
  description.pre_tokenizer = words.cutter().components().pre_tokenizer;
  TokenizerSource source;
  source.content = write_tokenizer_json(description);
  source.origin = "the trained tokenizer";
  source.special = SpecialIds{.bos = 1, .eos = 2, .pad = {}, .unk = 0};
  return JsonTokenizer::make(std::move(source));
}

}  // namespace weft::text
