// Text of generated tokens as it comes: whole characters only, and all of it.
#include <gmock/gmock.h>

#include "golden.h"
#include "small_tokenizer.h"
#include "text/utf8.h"

namespace weft::text {
namespace {

using Ids = std::vector<int32_t>;

std::vector<std::string> pieces_of(const Tokenizer& tokenizer, const Ids& ids,
                                   bool skip_special = true) {
  StreamDecoder decoder(tokenizer, skip_special);
  std::vector<std::string> pieces;
  for (const int32_t id : ids) pieces.push_back(decoder.push(id));
  pieces.push_back(decoder.finish());
  return pieces;
}

TEST(StreamDecoder, WaitsForWholeCharacters) {
  const auto bytes = make_bytes_tokenizer();
  EXPECT_THAT(pieces_of(*bytes, {'a', 0xE4, 0xBD, 0xA0, 'b'}),
              testing::ElementsAre("a", "", "", "\u4F60", "b", ""));
  EXPECT_THAT(pieces_of(*bytes, {0xF0, 0x9F, 0x98}), testing::ElementsAre("", "", "", "\uFFFD"));
  EXPECT_THAT(pieces_of(*bytes, {0xE4, 'x', 0xFF}),
              testing::ElementsAre("", "\uFFFDx", "\uFFFD", ""));
  EXPECT_THAT(pieces_of(*bytes, {}), testing::ElementsAre(""));
}

TEST(StreamDecoder, SpecialTokensAreLeftOutOrShown) {
  const auto bytes = make_bytes_tokenizer();
  EXPECT_THAT(pieces_of(*bytes, {'a', 256, 'b'}), testing::ElementsAre("a", "", "b", ""));
  EXPECT_THAT(pieces_of(*bytes, {'a', 256}, false), testing::ElementsAre("a", "<|endoftext|>", ""));
}

TEST(StreamDecoder, StartsAnewAfterFinish) {
  const auto bytes = make_bytes_tokenizer();
  StreamDecoder decoder(*bytes);
  EXPECT_EQ(decoder.push(0xE4), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.push(0xBD), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
}

// The pieces together are the text decoded at once, for every kind of decoder.
TEST(StreamDecoder, EqualsDecodingAtOnce) {
  const std::string folder = golden::text_folder();
  // Reference values are not part of the repository.
  if (folder.empty()) GTEST_SKIP() << "WEFT_GOLDEN has no values";
  for (const std::string name : {"bpe_gpt2", "bpe_llama2", "bpe_metaspace", "bpe_gemma"}) {
    const auto tokenizer = load_tokenizer(folder + "/tokenizers/" + name + ".json");
    for (const std::string& line : golden::lines_of(golden::read(folder + "/torture.txt"))) {
      const Ids ids = tokenizer->encode(line);
      std::string streamed;
      for (const std::string& piece : pieces_of(*tokenizer, ids)) {
        EXPECT_EQ(valid_utf8_prefix(piece), piece.size()) << line;
        streamed += piece;
      }
      EXPECT_EQ(streamed, tokenizer->decode(ids)) << name << ": " << line;
    }
  }
}

}  // namespace
}  // namespace weft::text
