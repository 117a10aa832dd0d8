// The stage `near_duplicates`: of texts that share most of their shingles the first is kept. A
// signature is cut into bands; texts that agree in all values of a band are taken for duplicates
// (locality-sensitive hashing, Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", 3.4).
// With 20 bands of 8 rows two texts of similarity 0.9 are found with a probability above 0.9999, of
// 0.8 with 0.97, of 0.6 with 0.29, of 0.4 with 0.01.
#include <algorithm>

#include "data/clean/fingerprint_set.h"
#include "data/clean/memory_limit.h"
#include "data/clean/min_hash.h"
#include "data/clean/stage_registry.h"
#include "data/clean/words.h"

namespace weft::data {
namespace {

class Memory final : public StageMemory {
 public:
  Memory(size_t bands, int64_t limit) : limit_(limit), bands_(bands) {}

  bool admit(std::span<const uint64_t> keys) override {
    for (size_t i = 0; i < keys.size(); ++i) bands_[i].prefetch(keys[i]);
    // Bands fill alike, so that one document makes most of them grow, one after the other.
    int64_t bytes = 0, moving = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (bands_[i].contains(keys[i])) return false;
      bytes += bands_[i].bytes() + bands_[i].growth();
      moving = std::max(moving, bands_[i].growth());
    }
    limit_.check(bytes + moving);
    for (size_t i = 0; i < keys.size(); ++i) bands_[i].insert(keys[i]);
    return true;
  }
  std::string_view reason() const override { return "nearly equal to an earlier document"; }

 private:
  MemoryLimit limit_;
  std::vector<FingerprintSet> bands_;
};

class NearDuplicatesStage final : public Stage {
 public:
  NearDuplicatesStage(size_t bands, size_t rows, int64_t ngram, int64_t limit)
      : bands_(bands),
        rows_(rows),
        options_{.values = static_cast<int64_t>(bands * rows), .shingle_words = ngram},
        limit_(limit) {}

  void apply(std::string_view text, std::string&, StageResult& result) const override {
    thread_local std::vector<uint32_t> signature;
    min_hash(text, options_, signature);
    if (signature.empty()) return;
    for (size_t band = 0; band < bands_; ++band) {
      uint64_t key = band;
      for (size_t row = 0; row < rows_; ++row) key = mixed(key + signature[band * rows_ + row]);
      result.keys.push_back(key);
    }
  }
  std::unique_ptr<StageMemory> make_memory() const override {
    return std::make_unique<Memory>(bands_, limit_);
  }

 private:
  size_t bands_, rows_;
  MinHashOptions options_;
  int64_t limit_;
};

}  // namespace

std::unique_ptr<const Stage> make_near_duplicates(const StageConfig& config) {
  return std::make_unique<NearDuplicatesStage>(static_cast<size_t>(config.bands.value_or(20)),
                                               static_cast<size_t>(config.rows.value_or(8)),
                                               config.ngram.value_or(5), memory_limit_of(config));
}

}  // namespace weft::data
