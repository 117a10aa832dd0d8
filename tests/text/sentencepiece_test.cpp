// SentencePiece's tokenizer.model in small: files that are refused, symbols, spaces, bytes.
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <random>

#include "text/byte_alphabet.h"
#include "text/protobuf_reader.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/tokenizer_info.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using testing::HasSubstr;
using Ids = std::vector<int32_t>;

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(0x80 | (value & 0x7F));
  return out + static_cast<char>(value);
}
std::string number(uint32_t field, uint64_t value) {
  return varint(field << 3) + varint(value);
}
std::string bytes(uint32_t field, const std::string& value) {
  return varint(field << 3 | 2) + varint(value.size()) + value;
}
std::string real(uint32_t field, float value) {
  std::string out = varint(field << 3 | 5) + "1234";
  std::memcpy(out.data() + out.size() - 4, &value, 4);
  return out;
}

enum Type { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

std::string piece(const std::string& text, float score = 0, Type type = kNormal) {
  return bytes(1, bytes(1, text) + real(2, score) + number(3, type));
}

// Ids 0 to 2, then those of `more` from 3 on.
std::string model(const std::string& more, int type, bool byte_fallback = false) {
  return piece("<unk>", 0, kUnknown) + piece("<s>", 0, kControl) + piece("</s>", 0, kControl) +
         more +
         bytes(2, number(3, static_cast<uint64_t>(type)) + number(35, byte_fallback ? 1 : 0));
}

std::unique_ptr<const Tokenizer> open(const std::string& content) {
  return parse_tokenizer_model(content, "m.model");
}

std::string refusal(const std::string& content) {
  try {
    open(content);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

const std::string kLetters = piece("\u2581", -3) + piece("a", -3) + piece("b", -3) +
                             piece("ab", -1) + piece("\u2581ab", -2) +
                             piece("<sep>", 0, kUserDefined);
constexpr EncodeOptions kPlain{.add_special_tokens = false};

TEST(SentencePiece, FindsTheSamePiecesBothWays) {
  for (const int type : {1, 2}) {
    const auto tokenizer = open(model(kLetters, type));
    EXPECT_EQ(tokenizer->encode("ab a<sep>", kPlain), (Ids{7, 3, 4, 8}));
    EXPECT_EQ(tokenizer->encode("ab", {}), (Ids{1, 7, 2}));
    EXPECT_EQ(tokenizer->encode("", kPlain), (Ids{}));
    EXPECT_EQ(tokenizer->encode("</s>xy</s>", kPlain)[0], 3);       // control symbols are not found
    EXPECT_EQ(tokenizer->encode("xyzab", kPlain), (Ids{3, 0, 6}));  // one unknown piece
    EXPECT_EQ(tokenizer->decode(Ids{1, 7, 3, 4, 0, 8, 2}), "ab a \u2047 <sep>");
    EXPECT_TRUE(tokenizer->is_special(1));
    EXPECT_FALSE(tokenizer->is_special(0));
    EXPECT_EQ(tokenizer->special_ids().eos, 2);
    EXPECT_EQ(tokenizer->token_id("ab"), 6);
    EXPECT_THROW(tokenizer->decode(Ids{9}), Error);
    const Encoding pair = tokenizer->encode_rows("a", "ab", {})[0];
    EXPECT_EQ(pair.ids, (Ids{1, 3, 4, 2, 1, 7, 2}));
    EXPECT_EQ(pair.type_ids, (Ids{0, 0, 0, 0, 1, 1, 1}));
    EXPECT_EQ(pair.sequences, (Ids{-1, 0, 0, -1, -1, 1, -1}));
    EXPECT_EQ(tokenizer->files()[0].name, "tokenizer.model");
    EXPECT_EQ(tokenizer_info(*tokenizer).added_tokens, 3);
  }
  EXPECT_EQ(open(model(kLetters, 1))->name(), "sentencepiece unigram");
  EXPECT_EQ(open(model(kLetters, 2))->name(), "sentencepiece bpe");
}

// Pieces whose sums are equal but for rounding, as "ab" and "a", "b"; ids from 3 on.
const std::vector<std::pair<std::string, float>> kCloseOnes = {
    {"\u2581", -11.1F},  {"a", -13.7F},        {"b", -17.3F},   {"c", -19.9F},
    {"ab", -31.0F},      {"bc", -37.2F},       {"abc", -50.9F}, {"ca", -33.6F},
    {"\u2581a", -24.8F}, {"\u2581ab", -42.1F}, {"aab", -44.7F}, {"bca", -50.9F},
};

// SentencePiece 0.2.3 in its simplest words: single precision, and sums that begin again beyond
// 100,000 on either side.
Ids naive_ids(const std::string& text) {
  struct Node {
    float score = 0;
    size_t start = 0;
    int32_t id = -1;
  };
  std::vector<Node> nodes(text.size() + 1);
  for (size_t at = 0; at < text.size(); at += text[at] == '\xE2' ? 3 : 1) {
    const float offset = nodes[at].score;
    for (size_t i = at; std::abs(offset) > 100000 && i < std::min(at + 6, nodes.size()); ++i)
      if (i == at || nodes[i].id >= 0) nodes[i].score -= offset;
    for (size_t i = 0; i < kCloseOnes.size(); ++i) {
      const auto& [piece, score] = kCloseOnes[i];
      if (text.compare(at, piece.size(), piece) != 0) continue;
      Node& node = nodes[at + piece.size()];
      const float sum = score + nodes[at].score;
      if (node.id < 0 || sum > node.score) node = {sum, at, static_cast<int32_t>(i) + 3};
    }
  }
  Ids ids;
  for (size_t end = text.size(); end > 0; end = nodes[end].start) ids.push_back(nodes[end].id);
  return {ids.rbegin(), ids.rend()};
}

TEST(SentencePiece, SumsOfLongTextsBeginAgain) {
  std::string pieces;
  for (const auto& [text, score] : kCloseOnes) pieces += piece(text, score);
  // The second has a piece that keeps words together, and which no best way takes.
  for (const std::string& more : {std::string(), piece("c\u2581cc\u2581", -500)}) {
    const auto tokenizer = open(model(pieces + more, 1));
    std::mt19937 random(5);
    std::string text = "a", marked = "\u2581" + text;
    while (text.size() < 40000) {  // sums of about -500,000
      const bool is_space = random() % 5 == 0 && text.back() != ' ';
      const char c = is_space ? ' ' : "abc"[random() % 3];
      text += c;
      marked += is_space ? "\u2581" : std::string(1, c);
    }
    text += 'a', marked += 'a';
    const Ids ids = tokenizer->encode(text, kPlain), naive = naive_ids(marked);
    EXPECT_TRUE(ids == naive) << ids.size() << " and " << naive.size();
    EXPECT_EQ(tokenizer->encode_rows(text, {}, {.add_special_tokens = false})[0].ids, ids);
  }
}

TEST(SentencePiece, ExtraSpacesGo) {
  const auto tokenizer = open(model(kLetters, 2));
  EXPECT_EQ(tokenizer->encode("  ab   a ", kPlain), (Ids{7, 3, 4}));
  EXPECT_EQ(tokenizer->encode("   ", kPlain), (Ids{}));
  const Encoding row = tokenizer->encode_rows("  ab   a ", {}, {.add_special_tokens = false})[0];
  EXPECT_EQ(row.offsets, (std::vector<TextSpan>{{2, 4}, {4, 5}, {7, 8}}));
}

TEST(SentencePiece, UnknownCharactersBecomeBytes) {
  std::string all = kLetters;
  for (uint32_t byte = 0; byte < 256; ++byte)
    all += piece(byte_piece(static_cast<uint8_t>(byte)), 0, kByte);
  for (const int type : {1, 2}) {
    const auto tokenizer = open(model(all, type, true));
    const Ids ids = tokenizer->encode("a\u00E9", kPlain);
    EXPECT_EQ(ids, (Ids{3, 4, 9 + 0xC3, 9 + 0xA9}));
    EXPECT_EQ(tokenizer->decode(ids), "a\u00E9");
    EXPECT_EQ(tokenizer->decode(Ids{9 + 0xC3, 4}), "\uFFFDa");
    EXPECT_EQ(tokenizer->encode("<0x41>", kPlain).size(), 7u);  // never matched as text
  }
  EXPECT_THAT(refusal(model(kLetters, 1, true)), HasSubstr("byte_fallback needs the piece <0x00>"));
}

// Words that come again are taken from a cache, and rows are not: unknown characters alone, beside
// known ones, in a row across words, more than an entry holds.
TEST(SentencePiece, WordsWithUnknownCharactersComeAgain) {
  std::string bytes_too, close;
  for (uint32_t byte = 0; byte < 256; ++byte)
    bytes_too += piece(byte_piece(static_cast<uint8_t>(byte)), 0, kByte);
  for (const auto& [text, score] : kCloseOnes) close += piece(text, score);
  const std::vector<std::string> words = {"\u4E2D",     "ab\u4E2D\u6587",
                                          "\u00E9a",    "\u00E9\u4E2Da\u00E9",
                                          "abcab",      "\u4E2Da\u4E2Da\u4E2Da\u4E2Da\u4E2D",
                                          "c\U0001F600"};
  for (const bool falls_back : {false, true}) {
    for (const std::string& more : {close, close + piece("\u4E2D\u2581\u4E2D", -90)}) {
      const auto tokenizer = open(model(falls_back ? more + bytes_too : more, 1, falls_back));
      std::mt19937 random(6);
      std::string text;
      for (int i = 0; i < 6000; ++i)  // sums of about -500,000
        text += words[random() % words.size()] + (random() % 8 == 0 ? "" : " ");
      EXPECT_EQ(tokenizer->encode(text, kPlain),
                tokenizer->encode_rows(text, {}, {.add_special_tokens = false})[0].ids);
    }
  }
}

TEST(SentencePiece, ConfigurationSaysWhatStandsAround) {
  const std::string config = R"({"add_bos_token": true, "add_eos_token": false})";
  const SentencePieceTokenizer tokenizer(model(kLetters, 2), "m.model",
                                         {{"tokenizer_config.json", config}});
  EXPECT_EQ(tokenizer.encode("ab"), (Ids{1, 7}));
  EXPECT_EQ(tokenizer.files().size(), 2u);
}

TEST(SentencePiece, MalformedFilesAreRefused) {
  EXPECT_EQ(refusal(model(kLetters, 1)), "accepted");
  EXPECT_THAT(refusal(""), HasSubstr("m.model: has 0 unknown pieces"));
  EXPECT_THAT(refusal(model(kLetters, 4)), HasSubstr("the model type char is not known"));
  EXPECT_THAT(refusal(model(piece("<unk2>", 0, kUnknown), 1)), HasSubstr("has 2 unknown pieces"));
  EXPECT_THAT(refusal(model(piece("a") + piece("a"), 1)),
              HasSubstr("the piece 'a' is there twice"));
  EXPECT_THAT(refusal(model(piece(""), 1)), HasSubstr("a piece is empty"));
  EXPECT_THAT(refusal(model(piece("\xFF"), 1)), HasSubstr("a piece is not UTF-8"));
  EXPECT_THAT(refusal(model(piece("a", std::numeric_limits<float>::quiet_NaN()), 1)),
              HasSubstr("is not finite"));
  EXPECT_THAT(refusal(model(bytes(1, bytes(1, "a") + number(3, 9)), 1)),
              HasSubstr("of the unknown type 9"));
  EXPECT_THAT(refusal(bytes(1, number(1, 5))), HasSubstr("field 1 is not of the kind it must be"));
  EXPECT_THAT(refusal(model("", 1) + bytes(3, bytes(2, "x"))),
              HasSubstr("shorter than its header"));
  EXPECT_THAT(refusal(model("", 1) + bytes(5, bytes(2, "x"))), HasSubstr("map for decoding"));
  const std::string whole = model(kLetters, 1);
  for (size_t size = 0; size < whole.size(); ++size) refusal(whole.substr(0, size));  // no crash
}

TEST(ProtobufReader, ChecksEveryLength) {
  const auto error = [](const std::string& message) -> std::string {
    try {
      ProtobufReader reader(message, "p");
      while (reader.next()) continue;
    } catch (const Error& e) {
      return e.what();
    }
    return "read";
  };
  EXPECT_EQ(error(number(1, UINT64_MAX) + bytes(2, "ab") + real(3, 1)), "read");
  EXPECT_THAT(error("\x0A\x05"
                    "ab"),
              HasSubstr("p: byte 0: a field is longer than what is left"));
  EXPECT_THAT(error("\x08"), HasSubstr("ends within a number"));
  EXPECT_THAT(error("\x0D"
                    "abc"),
              HasSubstr("ends within a field"));
  EXPECT_THAT(error("\x0B"), HasSubstr("of an unknown kind"));
  EXPECT_THAT(error(std::string("\x00\x01", 2)), HasSubstr("no field where one must begin"));
  EXPECT_THAT(error("\x08" + std::string(10, '\xFF') + "\x01"), HasSubstr("more than 64 bits"));
  const std::string message = number(7, static_cast<uint64_t>(-1));
  ProtobufReader reader(message, "p");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.number(), 7u);
  EXPECT_EQ(reader.int32(), -1);
  EXPECT_THROW(reader.bytes(), Error);
  EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace weft::text
