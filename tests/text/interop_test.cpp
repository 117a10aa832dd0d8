// Writes tokenizers and what they make of texts into WEFT_TOKENIZER_FOLDER, for
// tests/interop/check_tokenizers.py, which compares them with Hugging Face's library.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "golden.h"
#include "text/bpe_trainer.h"
#include "text/unigram_trainer.h"
#include "text/word_piece_trainer.h"
#include "weft/error.h"

namespace weft::text {
namespace {

namespace fs = std::filesystem;

class TokenizersForHuggingFace : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("WEFT_TOKENIZER_FOLDER");
    // Only the script asks for these files.
    if (folder == nullptr) GTEST_SKIP() << "WEFT_TOKENIZER_FOLDER is not set";
    out_ = folder;
    data_ = golden::data_folder();
    golden_ = golden::text_folder();
    ASSERT_FALSE(data_.empty() || golden_.empty()) << "WEFT_DATA and WEFT_GOLDEN are needed";
    corpus_ = golden::read(data_ + "/tinyshakespeare/input.txt");
    for (const std::string name : {"torture", "fuzz", "fuzz-any"}) {
      const auto lines = golden::lines_of(golden::read(golden_ + "/" + name + ".txt"));
      texts_.insert(texts_.end(), lines.begin(), lines.end());
    }
    texts_.push_back(corpus_.substr(0, 50000));
  }

  // The files, and a row for each text that the tokenizer has tokens for.
  void write(const std::string& name, const Tokenizer& tokenizer) const {
    fs::create_directories(out_ / name);
    for (const TokenizerFile& file : tokenizer.files()) {
      std::ofstream(out_ / name / file.name, std::ios::binary) << file.content;
    }
    std::ofstream rows(out_ / name / "rows.jsonl");
    for (const std::string& text : texts_) {
      try {
        const auto ids = tokenizer.encode(text);
        rows << nlohmann::json{{"text", text}, {"ids", ids}, {"decoded", tokenizer.decode(ids)}}
                    .dump()
             << "\n";
      } catch (const Error&) {
        continue;
      }
    }
  }

  // Words as Hugging Face's trainer gets them, line by line with the line ends.
  WordCounts words_of_corpus(WordRule rule) const {
    WordCounts words(rule);
    for (const std::string& line : golden::lines_of(corpus_)) words.add(line + "\n");
    return words;
  }

  WordCounts words_of_corpus(const WordComponents& components) const {
    WordCounts words(std::make_shared<const WordCutter>(components));
    for (const char* file : {"/tinyshakespeare/input.txt", "/tatoeba-en-zh/cmn.txt"})
      for (const std::string& line : golden::lines_of(golden::read(data_ + file))) words.add(line);
    return words;
  }

  fs::path out_;
  std::string data_, golden_, corpus_;
  std::vector<std::string> texts_;
};

TEST_F(TokenizersForHuggingFace, AreWritten) {
  write("bytes", *make_bytes_tokenizer());
  const std::string_view corpus = corpus_;
  write("chars", *make_chars_tokenizer(std::span(&corpus, 1)));
  write("chars_unknown", *make_chars_tokenizer(std::span(&corpus, 1), {.unknown_token = "<unk>"}));
  write("trained_gpt2", *train_bpe(words_of_corpus(WordRule::kGpt2), {.vocab_size = 5000}));
  write("trained_llama3", *train_bpe(words_of_corpus(WordRule::kLlama3), {.vocab_size = 3000}));
  const std::string bin = golden::read(data_ + "/stories260k/tokenizer.bin");
  std::vector<ScoredPiece> pieces;
  for (size_t at = 4; at < bin.size();) {
    ScoredPiece& piece = pieces.emplace_back();
    int32_t size = 0;
    std::memcpy(&piece.score, bin.data() + at, 4);
    std::memcpy(&size, bin.data() + at + 4, 4);
    piece.piece = bin.substr(at + 8, static_cast<size_t>(size));
    at += 8 + static_cast<size_t>(size);
  }
  write("llama2c", *make_llama2_tokenizer(pieces));
}

TEST_F(TokenizersForHuggingFace, AreWrittenWhereTextWasLearned) {
  const TextTrainOptions options{.vocab_size = 6000};
  write("trained_bpe", *train_byte_fallback_bpe(words_of_corpus(byte_fallback_words()), options));
  for (const bool lowercase : {true, false})
    write(lowercase ? "trained_uncased" : "trained_cased",
          *train_word_piece(words_of_corpus(word_piece_words(lowercase)), options));
  for (const bool normalizes : {true, false})
    write(normalizes ? "trained_unigram" : "trained_unigram_exact",
          *train_unigram(words_of_corpus(unigram_words(normalizes)), options, SerialFor()));
}

}  // namespace
}  // namespace weft::text
