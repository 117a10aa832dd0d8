// Equal and nearly equal documents: what is found, what is not, in how much memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "clean_util.h"
#include "data/clean/fingerprint_set.h"
#include "data/clean/min_hash.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Words = std::vector<std::string>;

Words random_words(uint64_t seed, size_t count) {
  Words words;
  for (uint64_t i = 0; i < count; ++i)
    words.push_back("w" + std::to_string(philox(seed, i)[0] % 5000));
  return words;
}

std::string joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

// Hashes of the 5-grams, sorted, each once.
std::vector<size_t> shingles_of(const Words& words) {
  std::vector<size_t> shingles;
  for (size_t i = 0; i + 5 <= words.size(); ++i) {
    size_t shingle = 0;
    for (size_t j = i; j < i + 5; ++j)
      shingle = shingle * 1000003 + std::hash<std::string>()(words[j]);
    shingles.push_back(shingle);
  }
  std::sort(shingles.begin(), shingles.end());
  shingles.erase(std::unique(shingles.begin(), shingles.end()), shingles.end());
  return shingles;
}

double similarity(const Words& a, const Words& b) {
  const std::vector<size_t> left = shingles_of(a), right = shingles_of(b);
  std::vector<size_t> both;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(),
                        std::back_inserter(both));
  return static_cast<double>(both.size()) /
         static_cast<double>(left.size() + right.size() - both.size());
}

// Changes words until the similarity falls to `target`.
Words edited(const Words& original, double target, uint64_t seed) {
  Words words = original;
  for (uint64_t i = 0;; ++i) {
    Words next = words;
    next[philox(seed, i)[0] % next.size()] = "edit" + std::to_string(i);
    if (similarity(original, next) < target) return words;
    words = std::move(next);
  }
}

TEST(Duplicates, OfEqualTextsTheFirstStays) {
  EXPECT_THAT(kept({.stage = StageKind::kExactDuplicates}, {"a", "b", "a", "A", "b"}),
              ElementsAre(true, true, false, true, false));
}

// 200 originals, 200 copies of similarity 0.8 to 0.98, and 200 texts that share a quarter of their
// shingles with an original at most.
TEST(Duplicates, NearOnesAreFoundAndOthersNot) {
  std::vector<std::string> originals, copies, others;
  for (uint64_t i = 0; i < 200; ++i) {
    const Words words = random_words(i, 60 + i);
    originals.push_back(joined(words));
    copies.push_back(joined(edited(words, 0.80 + 0.18 * static_cast<double>(i) / 200, 1000 + i)));
    others.push_back(joined(edited(words, 0.05 + 0.2 * static_cast<double>(i) / 200, 5000 + i)));
  }
  std::vector<std::string> all = originals;
  all.insert(all.end(), copies.begin(), copies.end());
  all.insert(all.end(), others.begin(), others.end());
  const std::vector<bool> stays = kept({.stage = StageKind::kNearDuplicates}, all);
  int found = 0, wrong = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const bool planted = i >= 200 && i < 400;
    found += planted && !stays[i];
    wrong += !planted && !stays[i];
  }
  const double recall = found / 200.0, precision = static_cast<double>(found) / (found + wrong);
  EXPECT_GE(recall, 0.95);
  EXPECT_GE(precision, 0.95);
}

TEST(Duplicates, SignaturesEstimateSimilarity) {
  const Words words = random_words(7, 400);
  for (const double target : {0.9, 0.7, 0.5, 0.2}) {
    const Words other = edited(words, target, 11);
    std::vector<uint32_t> a, b;
    min_hash(joined(words), {.values = 2048}, a);
    min_hash(joined(other), {.values = 2048}, b);
    int equal = 0;
    for (size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
    const double truth = similarity(words, other);
    // Four standard deviations; few shingles make the values somewhat dependent, hence twice that.
    const double bound = 8 * std::sqrt(truth * (1 - truth) / 2048);
    EXPECT_LE(std::abs(equal / 2048.0 - truth), bound) << target;
  }
}

TEST(Duplicates, CaseAndPunctuationMakeNoDifferenceToNearOnes) {
  EXPECT_THAT(kept({.stage = StageKind::kNearDuplicates},
                   {"The quick brown fox jumps.", "the quick, brown FOX -- jumps", "two", "Two!",
                    "...", "...", "\u4ECA\u5929\u5929\u6C14\u5F88\u597D",
                    "\u4ECA\u5929\u5929\u6C14\u5F88\u597D\u3002"}),
              ElementsAre(true, false, true, false, true, true, true, false));
}

TEST(Duplicates, SetsKeepWhatIsPutIn) {
  FingerprintSet fingerprints;
  HashSet128 hashes;
  EXPECT_TRUE(hashes.insert({0, 0}));
  EXPECT_FALSE(hashes.insert({0, 0}));
  int false_hits = 0;
  for (uint64_t i = 0; i < 50000; ++i) {
    const auto random = philox(1, i);
    const uint64_t hash = uint64_t{random[0]} << 32 | random[1];
    false_hits += fingerprints.contains(hash);
    fingerprints.insert(hash);
    ASSERT_TRUE(fingerprints.contains(hash));
    ASSERT_TRUE(hashes.insert({hash, random[2]}));
    ASSERT_FALSE(hashes.insert({hash, random[2]}));
  }
  EXPECT_LE(false_hits, 1);
  EXPECT_LE(fingerprints.bytes(), 50000 * 15);
}

TEST(Duplicates, MemoryIsBounded) {
  const StageList stages(real_file_system(),
                         {{.stage = StageKind::kExactDuplicates, .memory_mb = 1}});
  const auto memory = stages.stage(0).make_memory();
  EXPECT_THAT(error_message([&] {
                for (uint64_t i = 0; i < 100000; ++i) memory->admit(std::array<uint64_t, 2>{i, i});
              }),
              HasSubstr("memory_mb"));
}

TEST(Duplicates, WhatOtherStagesRememberedIsRefused) {
  const StageList stages(real_file_system(), {{.stage = StageKind::kExactDuplicates}});
  const auto error = [&](size_t reports, const std::vector<std::vector<uint64_t>>& keys) {
    return error_message(
        [&] { StageTally(stages).restore(std::vector<StageReport>(reports), keys); });
  };
  StageTally(stages).restore(std::vector<StageReport>(1), {{2, 7, 8}});
  EXPECT_THAT(error(0, {{}}), HasSubstr("of another number of stages"));
  EXPECT_THAT(error(1, {}), HasSubstr("of another number of stages"));
  EXPECT_THAT(error(1, {{3, 7, 8}}), HasSubstr("damaged"));
}

// A new key for each band, of which all 20 are full at the same document.
TEST(Duplicates, MemoryOfAllBandsTogetherIsBounded) {
  const StageList stages(real_file_system(),
                         {{.stage = StageKind::kNearDuplicates, .memory_mb = 1}});
  const auto memory = stages.stage(0).make_memory();
  uint64_t admitted = 0;
  const auto admit = [&] {
    std::array<uint64_t, 20> keys;
    for (uint64_t band = 0; band < keys.size(); ++band) {
      const auto random = philox(band, admitted);
      keys[band] = uint64_t{random[0]} << 32 | random[1];
    }
    ASSERT_TRUE(memory->admit(keys));
    ++admitted;
  };
  EXPECT_THAT(error_message([&] {
                while (admitted < 100'000) admit();
              }),
              HasSubstr("memory_mb"));
  // 20 tables of 8,192 slots are 0.8 MiB, of the next size 1.6 MiB. A table grows at 7 tenths.
  EXPECT_EQ(admitted, 5735u);
}

}  // namespace
}  // namespace weft::data
