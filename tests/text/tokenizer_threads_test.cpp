// One tokenizer, many threads; counting words on all threads.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "core/thread_pool.h"
#include "small_tokenizer.h"
#include "text/bpe_trainer.h"
#include "text/unigram_trainer.h"
#include "text/word_piece_trainer.h"
#include "weft/philox.h"

namespace weft::text {
namespace {

std::string random_words(uint64_t seed, int words) {
  std::string text;
  for (int i = 0; i < words; ++i) {
    const auto random = philox(seed, static_cast<uint64_t>(i));
    for (uint32_t j = 0; j <= random[0] % 6; ++j)
      text += static_cast<char>('a' + (random[1] >> j) % 5);
    text += ' ';
  }
  return text;
}

TEST(TokenizerThreads, EncodeAndDecodeAtTheSameTime) {
  const auto tokenizer = open_json(small_tokenizer());
  std::vector<std::string> texts;
  std::vector<std::vector<int32_t>> expected;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    texts.push_back(random_words(seed, 200));
    expected.push_back(tokenizer->encode(texts.back()));
  }
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 50; ++i) {
        const size_t n = (i + t) % texts.size();
        if (tokenizer->encode(texts[n]) != expected[n]) ++wrong[t];
        if (tokenizer->decode(expected[n]) != texts[n]) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(TokenizerThreads, CountsDoNotDependOnThem) {
  std::vector<std::string> texts;
  for (uint64_t seed = 0; seed < 40; ++seed) texts.push_back(random_words(seed, 100));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::string first;
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    WordCounts words;
    words.add(views, pool);
    const std::string file{train_bpe(words, {.vocab_size = 400})->files()[0].content};
    if (first.empty()) first = file;
    EXPECT_EQ(file, first) << threads;
  }
}

// Of all kinds that are learned from text.
TEST(TokenizerThreads, TrainedFilesDoNotDependOnThem) {
  std::vector<std::string> texts;
  for (uint64_t seed = 0; seed < 40; ++seed) texts.push_back(random_words(seed, 300));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const TextTrainOptions options{.vocab_size = 700};
  const auto files_with = [&](int threads) {
    ThreadPool pool(threads);
    const auto words_of = [&](const WordComponents& components) {
      WordCounts words(std::make_shared<const WordCutter>(components));
      words.add(views, pool);
      return words;
    };
    std::vector<std::string> files;
    const auto keep = [&](const std::unique_ptr<const Tokenizer>& tokenizer) {
      files.push_back(tokenizer->files()[0].content);
    };
    keep(train_byte_fallback_bpe(words_of(byte_fallback_words()), options));
    keep(train_word_piece(words_of(word_piece_words(true)), options));
    keep(train_unigram(words_of(unigram_words(true)), options, pool));
    return files;
  };
  const std::vector<std::string> first = files_with(1);
  for (const int threads : {2, 5}) EXPECT_EQ(files_with(threads), first) << threads;
}

}  // namespace
}  // namespace weft::text
