// The pinned Unicode tables: classes against the reference ranges, NFC against reference strings.
#include "text/unicode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "golden.h"
#include "text/normalization.h"

namespace weft::text {
namespace {

std::string nfc(std::string_view text) {
  std::string out;
  append_nfc(out, text);
  return out;
}

TEST(Unicode, ClassesAreThoseOfTheReference) {
  const std::string folder = golden::text_folder();
  // Reference values are not part of the repository.
  if (folder.empty()) GTEST_SKIP() << "WEFT_GOLDEN has no values";
  const auto classes = nlohmann::json::parse(golden::read(folder + "/char_classes.json"));
  const std::map<std::string, uint16_t> bits = {{"regex_p_L", kLetter},
                                                {"regex_p_Lu", kUpper},
                                                {"regex_p_Ll", kLower},
                                                {"regex_p_Lt", kTitle},
                                                {"regex_p_Lm", kModifierLetter},
                                                {"regex_p_Lo", kOtherLetter},
                                                {"regex_p_M", kMark},
                                                {"regex_p_N", kNumber},
                                                {"regex_p_Nd", kDecimal},
                                                {"regex_p_P", kPunctuation},
                                                {"regex_p_S", kSymbol},
                                                {"regex_s", kSpace},
                                                {"regex_w", kRegexWord},
                                                {"digits", kDigit}};
  for (const auto& [name, bit] : bits) {
    std::vector<bool> expected(kCodePoints);
    for (const auto& range : classes.at(name)) {
      for (uint32_t c = range[0]; c <= range[1].get<uint32_t>(); ++c) expected[c] = true;
    }
    for (uint32_t c = 0; c < kCodePoints; ++c) {
      ASSERT_EQ((class_table()[c] & bit) != 0, expected[c]) << name << " U+" << std::hex << c;
    }
    size_t covered = 0;
    for (const CodeRange& range : ranges_of(bit)) covered += range.last - range.first + 1;
    EXPECT_EQ(covered, static_cast<size_t>(std::count(expected.begin(), expected.end(), true)));
  }
}

TEST(Unicode, WordCharactersAreThoseOfRust) {
  for (const uint32_t c :
       {uint32_t{'a'}, uint32_t{'_'}, uint32_t{'7'}, 0x4E2DU, 0x2160U, 0x24B6U, 0x200DU, 0x301U}) {
    EXPECT_NE(class_table()[c] & kWord, 0) << c;
  }
  for (const uint32_t c :
       {uint32_t{' '}, uint32_t{'-'}, 0xB2U, 0xBDU, 0x2460U, kInvalidByte, 0x110000U}) {
    EXPECT_EQ(class_table()[c] & kWord, 0) << c;
  }
}

TEST(Unicode, NfcEqualsTheReference) {
  const std::string folder = golden::text_folder();
  // Reference values are not part of the repository.
  if (folder.empty()) GTEST_SKIP() << "WEFT_GOLDEN has no values";
  int changed = 0;
  for (const std::string& line : golden::lines_of(golden::read(folder + "/unicode.jsonl"))) {
    const auto row = nlohmann::json::parse(line);
    const std::string text = row["text"];
    const std::string expected = row.value("nfc", text);
    EXPECT_EQ(nfc(text), expected) << text;
    // Composition of the decomposed text gives the same; so does a second time.
    EXPECT_EQ(nfc(row.value("nfd", text)), expected) << text;
    EXPECT_EQ(nfc(expected), expected) << text;
    changed += text != expected ? 1 : 0;
  }
  EXPECT_GT(changed, 10);
}

TEST(Unicode, NfcComposesOrdersAndRespectsBlocking) {
  EXPECT_EQ(nfc(""), "");
  EXPECT_EQ(nfc("plain"), "plain");
  EXPECT_EQ(nfc("e\u0301"), "\u00E9");
  EXPECT_EQ(nfc("xe\u0301y"), "x\u00E9y");
  EXPECT_EQ(nfc("\u0301"), "\u0301");                     // nothing before it
  EXPECT_EQ(nfc("a\u0323\u0307"), nfc("a\u0307\u0323"));  // canonical order
  EXPECT_EQ(nfc("s\u0307\u0323"), "\u1E69");
  EXPECT_EQ(nfc("\u212B"), "\u00C5");               // a singleton
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093C");         // excluded from composition
  EXPECT_EQ(nfc("a\u0301\u0301"), "\u00E1\u0301");  // the second is blocked
  EXPECT_EQ(nfc("\u1100\u1161\u11A8"), "\uAC01");   // Hangul
  EXPECT_EQ(nfc("\uAC00\u11A8"), "\uAC01");
  EXPECT_EQ(nfc("\uAC01\u11A8"), "\uAC01\u11A8");
  EXPECT_EQ(nfc("\u09C7\u09BE"), "\u09CB");      // a starter that joins a starter
  EXPECT_EQ(nfc("e\xFF\u0301"), "e\xFF\u0301");  // an invalid byte separates
}

}  // namespace
}  // namespace weft::text
