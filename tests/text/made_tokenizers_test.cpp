// Tokenizers that are made: bytes, characters, llama2.c's vocabulary against llama2.c's own way.
#include <gmock/gmock.h>

#include <cstring>
#include <map>

#include "golden.h"
#include "text/tokenizer.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using testing::HasSubstr;
using Ids = std::vector<int32_t>;

constexpr EncodeOptions kPlain{.add_special_tokens = false};

std::string all_bytes() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  return bytes;
}

TEST(BytesTokenizer, IdsAreBytes) {
  const auto tokenizer = load_tokenizer("bytes");
  EXPECT_EQ(tokenizer->name(), "bytes");
  EXPECT_EQ(tokenizer->vocab_size(), 257);
  EXPECT_EQ(tokenizer->special_ids().eos, 256);
  EXPECT_EQ(tokenizer->encode("A \n"), (Ids{65, 32, 10}));
  EXPECT_EQ(tokenizer->encode("a<|endoftext|>b"), (Ids{97, 256, 98}));
  EXPECT_EQ(tokenizer->encode("<|endoftext|>", {.find_special_tokens = false}).size(), 13u);
  EXPECT_EQ(tokenizer->decode(Ids{65, 256, 66}), "AB");
  const std::string bytes = all_bytes() + all_bytes();
  const auto ids = tokenizer->encode(bytes);
  ASSERT_EQ(ids.size(), bytes.size());
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], static_cast<int32_t>(i % 256));
  EXPECT_EQ(tokenizer->decode(ids, {.replace_invalid_utf8 = false}), bytes);
}

std::unique_ptr<const Tokenizer> chars_of(std::vector<std::string_view> corpus,
                                          const CharsOptions& options = {}) {
  return make_chars_tokenizer(corpus, options);
}

TEST(CharsTokenizer, TokensAreTheCharactersInOrder) {
  const auto tokenizer = chars_of({"ba\u4E2D", "\n a"});
  EXPECT_EQ(tokenizer->name(), "chars");
  EXPECT_EQ(tokenizer->vocab_size(), 6);
  EXPECT_EQ(tokenizer->special_ids().eos, 0);
  EXPECT_EQ(tokenizer->token_text(1), "\n");
  EXPECT_EQ(tokenizer->token_text(5), "\u4E2D");
  EXPECT_EQ(tokenizer->encode("ab\u4E2D a"), (Ids{3, 4, 5, 2, 3}));
  EXPECT_EQ(tokenizer->decode(Ids{3, 4, 5, 2, 3}), "ab\u4E2D a");
  EXPECT_EQ(tokenizer->encode("a<|endoftext|>"), (Ids{3, 0}));
}

TEST(CharsTokenizer, UnknownCharactersAreNamedOrUnknown) {
  try {
    chars_of({"ab"})->encode("abz");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no token for U+007A (z)"));
  }
  const auto tokenizer = chars_of({"ab"}, {.unknown_token = "<unk>"});
  EXPECT_EQ(tokenizer->special_ids().unk, 1);
  EXPECT_EQ(tokenizer->encode("azyb\xFF"), (Ids{2, 1, 1, 3, 1}));
  EXPECT_EQ(tokenizer->decode(Ids{2, 1, 3}), "ab");
}

TEST(CharsTokenizer, OtherEndTokensAndBadCorpora) {
  EXPECT_EQ(chars_of({"a"}, {.end_token = "<end>"})->special_ids().eos, 0);
  EXPECT_THROW(chars_of({}), Error);
  EXPECT_THROW(chars_of({"", ""}), Error);
  EXPECT_THROW(chars_of({"a"}, {.end_token = ""}), Error);
  try {
    chars_of({"ab\xFF"});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("not valid UTF-8 (byte 2 of a piece)"));
  }
}

// Files of made tokenizers open again and are the same tokenizer.
TEST(MadeTokenizers, FilesOpenAgain) {
  const auto chars = chars_of({"hello, world \u4E2D"}, {.unknown_token = "<unk>"});
  const auto bytes = make_bytes_tokenizer();
  for (const Tokenizer* made : {chars.get(), bytes.get()}) {
    ASSERT_EQ(made->files().size(), 3u);
    EXPECT_EQ(made->files()[0].name, "tokenizer.json");
    EXPECT_EQ(made->files()[1].name, "tokenizer_config.json");
    EXPECT_EQ(made->files()[2].name, "special_tokens_map.json");
    const auto config = nlohmann::json::parse(made->files()[1].content);
    EXPECT_EQ(config["eos_token"], "<|endoftext|>");
    EXPECT_EQ(config["tokenizer_class"], "PreTrainedTokenizerFast");
    const auto again = parse_tokenizer_json(made->files()[0].content, "again");
    EXPECT_EQ(again->encode("hello \u4E2D"), made->encode("hello \u4E2D"));
    EXPECT_EQ(again->special_ids().eos, made->special_ids().eos);
  }
}

std::vector<ScoredPiece> llama2_pieces(const std::vector<ScoredPiece>& words) {
  std::vector<ScoredPiece> pieces = {{"<unk>"}, {"\n<s>\n"}, {"\n</s>\n"}};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", static_cast<unsigned>(byte));
    pieces.push_back({name});
  }
  pieces.insert(pieces.end(), words.begin(), words.end());
  return pieces;
}

TEST(Llama2Tokenizer, MergesByScore) {
  const auto tokenizer = make_llama2_tokenizer(
      llama2_pieces({{" a", -2}, {"ab", -1}, {" ", -9}, {"a", -9}, {"b", -9}, {" ab", -3}}));
  EXPECT_EQ(tokenizer->vocab_size(), 265);
  EXPECT_EQ(tokenizer->special_ids().bos, 1);
  EXPECT_EQ(tokenizer->special_ids().eos, 2);
  EXPECT_EQ(tokenizer->encode("ab"), (Ids{1, 264}));
  EXPECT_EQ(tokenizer->encode("ba", kPlain), (Ids{261, 263, 262}));
  EXPECT_EQ(tokenizer->encode("", kPlain), Ids{});
  EXPECT_EQ(tokenizer->encode("a\n\u4E2D", kPlain),
            (Ids{259, 3 + 10, 3 + 0xE4, 3 + 0xB8, 3 + 0xAD}));
  EXPECT_EQ(tokenizer->decode(Ids{1, 264, 264, 13}), "ab ab\n");
  EXPECT_EQ(tokenizer->decode(Ids{264, 3 + 0xE4, 3 + 0xB8, 3 + 0xAD}), "ab\u4E2D");
}

TEST(Llama2Tokenizer, SaysWhatIsWrong) {
  EXPECT_THROW(make_llama2_tokenizer(std::vector<ScoredPiece>(100)), Error);
  auto pieces = llama2_pieces({{"a", 0}});
  pieces[5].piece = "x";
  try {
    make_llama2_tokenizer(pieces);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("piece 5 of a llama2.c vocabulary must be <0x02>, found 'x'"));
  }
  EXPECT_THROW(make_llama2_tokenizer(llama2_pieces({{"a", 0}, {"a", -1}})), Error);
}

// tokenizer.bin: the longest piece's size, then score, size and bytes of each piece.
std::vector<ScoredPiece> read_tokenizer_bin(const std::string& bytes) {
  std::vector<ScoredPiece> pieces;
  for (size_t at = 4; at < bytes.size();) {
    ScoredPiece piece;
    int32_t size = 0;
    std::memcpy(&piece.score, bytes.data() + at, 4);
    std::memcpy(&size, bytes.data() + at + 4, 4);
    piece.piece = bytes.substr(at + 8, static_cast<size_t>(size));
    at += 8 + static_cast<size_t>(size);
    pieces.push_back(piece);
  }
  return pieces;
}

// llama2.c's encoder, told again: characters or their bytes, then always the pair whose token has
// the best score.
Ids encode_by_scores(const std::vector<ScoredPiece>& pieces, const std::string& text) {
  std::map<std::string, int32_t> ids;
  for (size_t id = 0; id < pieces.size(); ++id)
    ids.emplace(pieces[id].piece, static_cast<int32_t>(id));
  Ids tokens;
  if (!text.empty()) tokens.push_back(ids.at(" "));
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) ++end;
    const auto known = ids.find(text.substr(at, end - at));
    if (known != ids.end()) tokens.push_back(known->second);
    for (; known == ids.end() && at < end; ++at)
      tokens.push_back(3 + static_cast<uint8_t>(text[at]));
    at = end;
  }
  while (true) {
    float best = -1e10f;
    size_t best_at = tokens.size();
    int32_t best_id = -1;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto piece = [&](size_t j) { return pieces[static_cast<size_t>(tokens[j])].piece; };
      const auto known = ids.find(piece(i) + piece(i + 1));
      if (known == ids.end() || !(pieces[static_cast<size_t>(known->second)].score > best))
        continue;
      best = pieces[static_cast<size_t>(known->second)].score;
      best_at = i;
      best_id = known->second;
    }
    if (best_id < 0) return tokens;
    tokens[best_at] = best_id;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
}

TEST(Llama2Tokenizer, EncodesAsLlama2DoesOnStories) {
  const std::string folder = golden::data_folder();
  // The vocabulary is not part of the repository.
  if (folder.empty()) GTEST_SKIP() << "WEFT_DATA has no data";
  const auto pieces = read_tokenizer_bin(golden::read(folder + "/stories260k/tokenizer.bin"));
  ASSERT_EQ(pieces.size(), 512u);
  const auto tokenizer = make_llama2_tokenizer(pieces);
  const std::string story = golden::read(folder + "/stories260k/expected_greedy_200.txt");
  std::vector<std::string> texts = golden::lines_of(story);
  for (const char* text : {"", " ", "  two  spaces ", "a",
                           "Zoo \u00E9t\u00E9 \u4E2D\u6587 \U0001F600!\n\tend", "hello hello"}) {
    texts.emplace_back(text);
  }
  const auto lines =
      golden::lines_of(golden::read(folder + "/tinyshakespeare/input.txt").substr(0, 20000));
  texts.insert(texts.end(), lines.begin(), lines.end());
  for (const std::string& text : texts) {
    const Ids ids = tokenizer->encode(text, kPlain);
    ASSERT_EQ(ids, encode_by_scores(pieces, text)) << text;
    EXPECT_EQ(tokenizer->decode(ids), text);
  }
  // The space that the encoder put before the text is dropped after BOS, as llama2.c prints it.
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(story)), story);
}

}  // namespace
}  // namespace weft::text
