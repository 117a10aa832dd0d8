// The cache of words: what it gives back, and in which order words are looked up.
#include "text/word_cache.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft::text {
namespace {

using Ids = std::vector<int32_t>;

Ids found(const WordCache& cache, const WordCache::Key& key) {
  const std::span<const int32_t> ids = cache.find(key);
  return {ids.begin(), ids.end()};
}

TEST(WordCache, TellsWordsApart) {
  WordCache cache;
  for (size_t size = 1; size <= WordCache::kMaxBytes; ++size) {
    const std::string word(size, 'a');
    EXPECT_EQ(found(cache, WordCache::Key(word)), Ids());
    cache.put(WordCache::Key(word), Ids{static_cast<int32_t>(size), 7});
    EXPECT_EQ(found(cache, WordCache::Key(word)), (Ids{static_cast<int32_t>(size), 7}));
    EXPECT_EQ(found(cache, WordCache::Key(word, 1)), Ids()) << "another variant";
    for (size_t i = 0; i < size; ++i) {
      std::string other = word;
      other[i] = '\0';
      EXPECT_EQ(found(cache, WordCache::Key(other)), Ids()) << size << " " << i;
    }
  }
  cache.put(WordCache::Key("many"), Ids(WordCache::kMaxIds + 1));
  EXPECT_EQ(found(cache, WordCache::Key("many")), Ids());
}

TEST(ForEachWord, HasTheKeyOfEachWord) {
  const WordCache cache;
  const std::string text = "before" + std::string(2000, 'x');
  for (size_t words = 0; words < 40; ++words) {
    std::vector<size_t> ends;
    size_t end = 6;
    for (size_t i = 0; i < words; ++i) ends.push_back(end += 1 + i * 5 % 37);
    size_t count = 0, begin = 6;
    for_each_word(text, 6, ends, cache, [&](std::string_view word, const WordCache::Key& key) {
      EXPECT_EQ(word.data(), text.data() + begin);
      EXPECT_EQ(word.size(), ends[count] - begin);
      const bool is_short = word.size() <= WordCache::kMaxBytes;
      EXPECT_EQ(key.size, is_short ? word.size() : 0);
      EXPECT_EQ(key.part, (is_short ? WordCache::Key(word) : WordCache::Key()).part);
      begin = ends[count++];
    });
    EXPECT_EQ(count, words);
  }
}

}  // namespace
}  // namespace weft::text
