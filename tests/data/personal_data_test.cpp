// What is taken for personal data, and what is not.
#include "data/clean/personal_data.h"

#include <gtest/gtest.h>

#include "clean_util.h"

namespace weft::data {
namespace {

std::string masked(const std::string& text) {
  return cleaned({.stage = StageKind::kPersonalData}, text).text;
}

TEST(PersonalData, MasksAddresses) {
  EXPECT_EQ(masked("Mail to a.b+c@mail.example.org, please."), "Mail to <EMAIL>, please.");
  EXPECT_EQ(masked("<x_1@host-name.co.uk>"), "<<EMAIL>>");
  EXPECT_EQ(masked("from 192.168.10.255 and 2001:db8::8a2e:370:7334."), "from <IP> and <IP>.");
  EXPECT_EQ(masked("fe80::1ff:fe23:4567:890a"), "<IP>");
  for (const char* other : {"user@localhost", "@handle", "a @ b.com", "x@y.1", "std::vector a::b",
                            "12:30:45", "256.1.1.1", "1.2.3", "1.2.3.4.5", "ratio 4:3"})
    EXPECT_EQ(masked(other), other);
}

TEST(PersonalData, MasksCardNumbersWithARightCheckDigit) {
  EXPECT_EQ(masked("card 4111 1111 1111 1111 ok"), "card <CARD> ok");
  EXPECT_EQ(masked("5500-0000-0000-0004; 378282246310005; 3782 822463 10005"),
            "<CARD>; <CARD>; <CARD>");
  for (const char* other : {"4111 1111 1111 1112", "0.4111111111111111", "x4111111111111111",
                            "2019 2020 2021 2022", "41111111111111110000000"})
    EXPECT_EQ(masked(other), other);
  EXPECT_TRUE(luhn_holds("79927398713"));
  EXPECT_FALSE(luhn_holds("79927398710"));
}

TEST(PersonalData, MasksChineseIdentityNumbersWithARightCheckDigit) {
  EXPECT_EQ(masked("\u8EAB\u4EFD\u8BC1\u53F7"
                   "11010519491231002X\u3002"),
            "\u8EAB\u4EFD\u8BC1\u53F7<CN_ID>\u3002");
  EXPECT_EQ(masked("440524188001010014"), "<CN_ID>");
  for (const char* other : {"110105194912310021", "110105194913310025", "11010519491231002Xa"})
    EXPECT_EQ(masked(other), other);
  EXPECT_TRUE(is_cn_id("11010519491231002x"));
  EXPECT_FALSE(is_cn_id("01010519491231002X"));
}

TEST(PersonalData, MasksPhoneNumbers) {
  EXPECT_EQ(masked("Call +49 30 1234567 or (555) 234-5678."), "Call <PHONE> or <PHONE>.");
  EXPECT_EQ(masked("1-800-555-0199, 555.234.5678"), "<PHONE>, <PHONE>");
  EXPECT_EQ(masked("\u7535\u8BDD13812345678\u6216 138-1234-5678, 010-62345678"),
            "\u7535\u8BDD<PHONE>\u6216 <PHONE>, <PHONE>");
  for (const char* other : {"in 1999-2005", "2024-01-15", "12345678901", "3.14159265",
                            "1,234,567,890", "pages 100-200-300", "v10.4", "+5", "10 20 30"})
    EXPECT_EQ(masked(other), other);
}

TEST(PersonalData, MasksOnlyTheKindsAskedFor) {
  const Cleaned result = cleaned({.stage = StageKind::kPersonalData, .kinds = {"email"}},
                                 "a@b.org 192.168.1.1 4111111111111111");
  EXPECT_EQ(result.text, "<EMAIL> 192.168.1.1 4111111111111111");
  EXPECT_EQ(result.why, "<EMAIL>");
}

// Examples of a stage that has nothing to do with personal data, as reports show them.
StageExample example_of(const StageConfig& config, std::string text) {
  const StageList stages(real_file_system(), {config});
  StageTally tally(stages);
  StageResults results;
  stages.apply(text, results);
  tally.admit(results, "place");
  return tally.reports()[0].examples.at(0);
}

TEST(PersonalData, IsMaskedInTheExamplesOfEveryStage) {
  const StageExample dropped = example_of({.stage = StageKind::kLength, .min_chars = 1000},
                                          "Ask jane.doe@example.org, +49 30 1234567.");
  EXPECT_EQ(dropped.before, "Ask <EMAIL>, <PHONE>.");
  EXPECT_EQ(dropped.after, "");
  const StageExample changed =
      example_of({.stage = StageKind::kCharacters}, "from\u200B 192.168.10.255 on");
  EXPECT_EQ(changed.before, "from\u200B <IP> on");
  EXPECT_EQ(changed.after, "from <IP> on");
}

TEST(PersonalData, IsMaskedWhereAnExampleBeginsOrEndsWithinIt) {
  const std::string card = "4111 1111 1111 1111";
  for (size_t before = 130; before <= 165; ++before) {  // an example has 160 bytes
    const std::string shown = example_of({.stage = StageKind::kLength, .min_chars = 1000},
                                         std::string(before - 1, 'x') + " " + card + " end")
                                  .before;
    EXPECT_EQ(shown.find("11"), shown.npos) << shown;
    EXPECT_EQ(shown.find("<CARD>") != shown.npos, before < 160) << before;
  }
  for (size_t between = 20; between <= 45; ++between) {  // 40 bytes of it stand before the change
    const std::string shown =
        example_of({.stage = StageKind::kCharacters}, std::string(100, 'x') + " " + card + " " +
                                                          std::string(between, 'y') + "\u200B tail")
            .before;
    EXPECT_EQ(shown.find("11"), shown.npos) << shown;
  }
}

}  // namespace
}  // namespace weft::data
