// The stage `decontaminate`: texts that share an n-gram of words with an evaluation file are left
// out (Brown et al., "Language Models are Few-Shot Learners" (2020), appendix C, with 13 words). An
// evaluation text of fewer words, but at least five, counts whole.
#include <algorithm>
#include <map>

#include "data/clean/stage_registry.h"
#include "data/clean/words.h"
#include "data/text_reader.h"

namespace weft::data {
namespace {

constexpr size_t kLeastWords = 5;

// A hash set that is filled once: from finish() on a table of 2^k slots, at most a third of them in
// use, 0 for an empty one (no hash is 0), probed one after the other.
class FixedHashes {
 public:
  void add(uint64_t hash) { hashes_.push_back(hash); }
  void finish() {
    std::sort(hashes_.begin(), hashes_.end());
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
    size_t slots = 64;
    while (slots < 3 * hashes_.size()) slots *= 2;
    std::vector<uint64_t> table(slots, 0);
    for (const uint64_t hash : hashes_) {
      size_t slot = hash & (slots - 1);
      while (table[slot] != 0) slot = (slot + 1) & (slots - 1);
      table[slot] = hash;
    }
    hashes_ = std::move(table);
  }
  bool contains(uint64_t hash) const {
    size_t slot = hash & (hashes_.size() - 1);
    while (hashes_[slot] != 0 && hashes_[slot] != hash) slot = (slot + 1) & (hashes_.size() - 1);
    return hashes_[slot] != 0;
  }

 private:
  std::vector<uint64_t> hashes_;
};

uint64_t ngram_hash(std::span<const uint64_t> words) {
  uint64_t hash = words.size();
  for (const uint64_t word : words) hash = (hash + word) * kSpread;
  return mixed(hash) | 1;
}

void words_of(std::string_view text, std::vector<uint64_t>& words) {
  words.clear();
  for_each_word(text, [&](uint64_t word) { words.push_back(word); });
}

class DecontaminationStage final : public Stage {
 public:
  explicit DecontaminationStage(size_t ngram) : ngram_(ngram) {}

  void add(std::string_view evaluation_text) {
    std::vector<uint64_t> words;
    words_of(evaluation_text, words);
    if (words.size() < std::min(kLeastWords, ngram_)) return;
    const size_t n = std::min(ngram_, words.size());
    for (size_t i = 0; i + n <= words.size(); ++i)
      hashes_[n].add(ngram_hash(std::span(words).subspan(i, n)));
  }
  void finish() {
    for (auto& [n, hashes] : hashes_) hashes.finish();
  }

  void apply(std::string_view text, std::string&, StageResult& result) const override {
    thread_local std::vector<uint64_t> words;
    words_of(text, words);
    for (const auto& [n, hashes] : hashes_)
      for (size_t i = 0; i + n <= words.size(); ++i)
        if (hashes.contains(ngram_hash(std::span(words).subspan(i, n))))
          return result.drop("it shares an n-gram of words with an evaluation file");
  }

 private:
  size_t ngram_;
  std::map<size_t, FixedHashes> hashes_;  // by the number of words
};

}  // namespace

std::unique_ptr<const Stage> make_decontamination(const FileSystem& files,
                                                  const StageConfig& config) {
  auto stage =
      std::make_unique<DecontaminationStage>(static_cast<size_t>(config.ngram.value_or(13)));
  const InputFiles inputs = collect_inputs(files, config.files);
  TextReader reader(files, inputs, {.text_field = config.text_field.value_or("text")});
  for (TextPiece piece; reader.next(piece);) stage->add(piece.text);
  stage->finish();
  return stage;
}

}  // namespace weft::data
