// Normalizers by themselves against the reference values.
#include <gmock/gmock.h>

#include "golden.h"
#include "text/normalizer.h"

namespace weft::text {
namespace {

using nlohmann::json;

struct Case {
  const char* key;
  const char* otherwise;  // the key to look at where the first is missing
  json component;
};

json bert(bool clean, bool chinese, json strip, bool lower) {
  return {{"type", "BertNormalizer"},
          {"clean_text", clean},
          {"handle_chinese_chars", chinese},
          {"strip_accents", strip},
          {"lowercase", lower}};
}

TEST(NormalizerGolden, AllAreEqual) {
  const std::string folder = golden::text_folder();
  if (folder.empty()) GTEST_SKIP() << "WEFT_GOLDEN has no values";
  const std::vector<Case> cases = {{"hf_nfc", "nfc", {{"type", "NFC"}}},
                                   {"hf_nfd", "nfd", {{"type", "NFD"}}},
                                   {"hf_nfkc", "nfkc", {{"type", "NFKC"}}},
                                   {"hf_nfkd", "nfkd", {{"type", "NFKD"}}},
                                   {"hf_lower", "lower", {{"type", "Lowercase"}}},
                                   {"hf_strip_accents", "", {{"type", "StripAccents"}}},
                                   {"hf_nmt", "", {{"type", "Nmt"}}},
                                   {"bert_lower", "", bert(true, true, nullptr, true)},
                                   {"bert_cased", "", bert(true, true, nullptr, false)},
                                   {"bert_strip_only", "", bert(false, false, true, false)}};
  const auto lines = golden::lines_of(golden::read(folder + "/unicode.jsonl"));
  EXPECT_EQ(lines.size(), 400U);
  for (const Case& c : cases) {
    const Normalizer normalizer(c.component, "test");
    for (const std::string& line : lines) {
      const json row = json::parse(line);
      const std::string text = row["text"];
      const std::string expected = row.value(c.key, row.value(c.otherwise, text));
      EXPECT_EQ(normalizer.normalize(text), expected) << c.key << ": " << text;
    }
  }
}

// Origins are in order and cover what was not removed.
TEST(Normalizer, KeepsOrigins) {
  const Normalizer normalizer(bert(true, true, nullptr, true), "test");
  const std::string text = "\u00C9a\u0301\u4E2D \u0130";
  AlignedText aligned{text, identity_origin(text, 10)};
  normalizer.normalize(aligned);
  EXPECT_EQ(aligned.text, "ea \u4E2D  i");
  const std::vector<TextSpan> expected = {{10, 12}, {12, 13}, {15, 18}, {15, 18}, {15, 18},
                                          {15, 18}, {15, 18}, {18, 19}, {19, 21}};
  EXPECT_EQ(aligned.origin, expected);
}

TEST(Normalizer, WritesBytesAsLetters) {
  const Normalizer normalizer({{"type", "ByteLevel"}}, "test");
  EXPECT_EQ(normalizer.normalize("a \u00E9\n"), "a\u0120\u00C3\u00A9\u010A");
}

TEST(Normalizer, StripsPrependsAndReplaces) {
  const Normalizer normalizer(
      {{"type", "Sequence"},
       {"normalizers",
        {{{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}},
         {{"type", "Prepend"}, {"prepend", "__"}},
         {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "-"}}}}},
      "test");
  AlignedText aligned{"\u3000a b ", identity_origin("\u3000a b ", 0)};
  normalizer.normalize(aligned);
  EXPECT_EQ(aligned.text, "__a-b");
  const std::vector<TextSpan> expected = {{3, 4}, {3, 4}, {3, 4}, {4, 5}, {5, 6}};
  EXPECT_EQ(aligned.origin, expected);
  EXPECT_EQ(normalizer.normalize(" "), "");
}

}  // namespace
}  // namespace weft::text
