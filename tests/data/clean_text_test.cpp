// Stages that change a text or judge it by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clean_util.h"

namespace weft::data {
namespace {

using ::testing::HasSubstr;

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(CleanText, NormalizesUnicode) {
  const StageConfig unicode{.stage = StageKind::kUnicode};
  EXPECT_EQ(cleaned(unicode, "cafe\u0301").text, "caf\u00E9");
  EXPECT_FALSE(cleaned(unicode, "caf\u00E9 plain").changed);
  const auto as = [](UnicodeForm form) {
    return cleaned({.stage = StageKind::kUnicode, .form = form}, "\uFB01\u00E9").text;
  };
  EXPECT_EQ(as(UnicodeForm::kNfd), "\uFB01e\u0301");
  EXPECT_EQ(as(UnicodeForm::kNfkc), "fi\u00E9");
  EXPECT_EQ(as(UnicodeForm::kNfkd), "fie\u0301");
}

TEST(CleanText, RemovesWhatIsNotSeen) {
  const StageConfig characters{.stage = StageKind::kCharacters};
  EXPECT_EQ(cleaned(characters,
                    "a\x01\x7F"
                    "b\u200B\uFEFF\u00AD"
                    "c\td\n")
                .text,
            "abc\td\n");
  EXPECT_EQ(cleaned(characters,
                    "a\r\nb\rc\u2028d\u0085"
                    "e")
                .text,
            "a\nb\nc\nd\ne");
  EXPECT_EQ(cleaned(characters, "\u0645\u06CC\u200C\u0634\u0648\u062F").text,
            "\u0645\u06CC\u200C\u0634\u0648\u062F");
  EXPECT_EQ(cleaned({.stage = StageKind::kCharacters, .joiners = true}, "a\u200D\u200Cb").text,
            "ab");
  EXPECT_FALSE(cleaned(characters, "\u4E2D\u6587 text \U0001F600").changed);
  EXPECT_EQ(cleaned(characters, "\u200B\u200B").why, "nothing is left");
}

TEST(CleanText, TakesTextOutOfHtml) {
  const StageConfig html{.stage = StageKind::kHtml};
  EXPECT_EQ(cleaned(html,
                    "<!DOCTYPE html><html><head><title>t</title><style>p{}</style></head>\n<body>"
                    "<h1>Head&amp;line</h1><p>One  <b>bold</b>\n word.<p>Two<br>lines"
                    "<script>if (a < b) { x(\"</p>\"); }</script><!-- no --> &eacute;&#x4E2D;&nbsp;"
                    "<ul><li>x<li title=\"a > b\">y</ul></body></html>")
                .text,
            "Head&line\n\nOne bold word.\n\nTwo\nlines \u00E9\u4E2D\nx\ny");
  EXPECT_EQ(cleaned(html, "<pre>a\n  b</pre>").text, "a\n  b");
  EXPECT_FALSE(cleaned(html, "if a < b and c > d, or x<y").changed);
  EXPECT_EQ(cleaned({.stage = StageKind::kHtml, .always = true}, "x &lt; y &unknown; &").text,
            "x < y &unknown; &");
  EXPECT_TRUE(cleaned(html, "<p><script>only code").dropped);
  EXPECT_EQ(cleaned(html, "<p>unclosed <a href=\"x").text, "unclosed");
}

TEST(CleanText, BoundsLengths) {
  const StageConfig length{
      .stage = StageKind::kLength, .min_chars = 3, .max_chars = 20, .min_words = 2, .min_lines = 1};
  EXPECT_EQ(cleaned(length, "\u4E2D\u6587").why, "too few characters");
  EXPECT_EQ(cleaned(length, "one").why, "too few words");
  EXPECT_EQ(cleaned(length, std::string(21, 'x')).why, "too many characters");
  EXPECT_FALSE(cleaned(length, "one two").dropped);
  EXPECT_EQ(cleaned({.stage = StageKind::kLength, .min_lines = 2}, "one\n \n").why,
            "too few lines");
}

TEST(CleanText, RemovesRepeatedLines) {
  EXPECT_EQ(cleaned({.stage = StageKind::kRepeatedLines}, "menu\ntext\n\n menu\n\nmore\nmenu").text,
            "menu\ntext\n\n\nmore");
  EXPECT_EQ(cleaned({.stage = StageKind::kRepeatedLines, .most = 2}, "a\na\na\n").text, "a\na\n");
}

constexpr const char* kProse =
    "The house that we have seen is one of the oldest in town, and it stands with its back to the "
    "river. Nobody lives there now. People say that a painter had it built, and that he left with "
    "his family when the mill was closed. Since then the garden has grown wild, and foxes have "
    "come "
    "to sleep under the stairs.";

TEST(CleanText, JudgesQualityAsGopher) {
  const StageConfig gopher{.stage = StageKind::kGopherQuality};
  EXPECT_EQ(cleaned(gopher, kProse).why, "");
  EXPECT_EQ(cleaned(gopher, "The cat and the dog.").why, "too few words");
  EXPECT_EQ(cleaned(gopher, repeated("a b ", 30)).why, "words are too short");
  EXPECT_EQ(cleaned(gopher, repeated("incomprehensibilities the ", 30)).why, "words are too long");
  EXPECT_EQ(cleaned(gopher, std::string(kProse) + repeated(" #tag", 12)).why,
            "too many hash signs or ellipses");
  EXPECT_EQ(cleaned(gopher, repeated("- the pointed remark and more of it\n", 12)).why,
            "too many lines begin with a bullet");
  EXPECT_EQ(cleaned(gopher, repeated("the text that goes on and on and on until here...\n", 3) +
                                repeated("the text with an end of it\n", 6))
                .why,
            "too many lines end with an ellipsis");
  EXPECT_EQ(cleaned(gopher, repeated("123 456 the 789 and ", 15)).why,
            "too few words have a letter");
  EXPECT_EQ(cleaned(gopher, repeated("Haus Garten Baum ", 20)).why, "too few stop words");
  EXPECT_FALSE(cleaned({.stage = StageKind::kGopherQuality, .min_words = 5}, "The cat and the dog.")
                   .dropped);
}

TEST(CleanText, JudgesRepetitionAsGopher) {
  const StageConfig gopher{.stage = StageKind::kGopherRepetition};
  EXPECT_EQ(cleaned(gopher, kProse).why, "");
  EXPECT_EQ(cleaned(gopher, std::string(kProse) + "\n" + repeated("again\n", 5)).why,
            "too many repeated lines");
  EXPECT_EQ(cleaned(gopher, "a line of text\nb\nc\nd\n\na line of text\n\nx y z w v u t s r q").why,
            "too much text in repeated lines");
  EXPECT_EQ(cleaned(gopher, repeated("click here ", 20)).why, "one 2-gram is too frequent");
  EXPECT_EQ(cleaned(gopher, "a a a").why, "one 2-gram is too frequent");
  EXPECT_EQ(cleaned(gopher, "one").why, "");
  const std::string phrase = "all of these nine words are said once more ";
  EXPECT_THAT(
      cleaned(gopher, std::string(kProse) + phrase + "x " + phrase + "y " + phrase + "z").why,
      HasSubstr("repeated"));
}

TEST(CleanText, CleansAsC4) {
  const StageConfig c4{.stage = StageKind::kC4};
  EXPECT_EQ(
      cleaned(c4,
              "Menu\nThis is the first real sentence.\nHome | About\nIs this the second one of "
              "them?\nShort one.\nPlease enable JavaScript to see this page.\nRead our privacy "
              "policy before you go on.\nAnd this is the last one here!\nNo end to this line")
          .text,
      "This is the first real sentence.\nIs this the second one of them?\nAnd this is the last "
      "one here!");
  EXPECT_EQ(cleaned(c4, "One sentence that has words. And another one.").why,
            "it has fewer than 3 sentences");
  EXPECT_EQ(cleaned(c4, "A b c d e. { f g h i j. k l m n.").why, "it has a curly bracket");
  EXPECT_EQ(cleaned(c4, repeated("Lorem ipsum dolor sit amet.\n", 4)).why,
            "it has \"lorem ipsum\"");
  TemporaryFolder folder;
  const StageConfig with_words{.stage = StageKind::kC4,
                               .bad_words = folder.write("bad.txt", "darn\n").string()};
  EXPECT_EQ(cleaned(with_words, repeated("It was a DARN good thing.\n", 4)).why,
            "it has a bad word");
}

TEST(CleanText, TellsLanguagesApart) {
  const auto language = [](std::vector<std::string> languages, const std::string& text) {
    return cleaned({.stage = StageKind::kLanguage, .languages = std::move(languages)}, text);
  };
  const std::string german = repeated(
      "Der Garten hinter dem Haus ist verwildert, und niemand wei\u00DF, wem er heute "
      "geh\u00F6rt. ",
      3);
  const std::string chinese = repeated(
      "\u4ECA\u5929\u5929\u6C14\u5F88\u597D\uFF0C\u6211\u4EEC\u51FA\u53BB\u8D70\u4E00\u8D70\u5427"
      "\u3002",
      6);
  try {
    EXPECT_FALSE(language({"en"}, kProse).dropped);
    EXPECT_EQ(language({"en"}, german).why, "GERMAN");
    EXPECT_FALSE(language({"en", "de"}, german).dropped);
    EXPECT_FALSE(language({"zh"}, chinese).dropped);
    EXPECT_TRUE(language({"en"}, chinese).dropped);
    EXPECT_THAT(error_message([&] { language({"klingonese"}, kProse); }),
                HasSubstr("'klingonese'"));
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("libcld2-dev"));
    GTEST_SKIP() << "CLD2 is not installed";
  }
}

TEST(CleanText, LeavesOutWhatIsInEvaluationFiles) {
  TemporaryFolder folder;
  const std::string question =
      "What is the name of the river that flows through the old town of Cahors in France";
  const std::string file =
      folder
          .write(
              "eval.jsonl",
              "{\"question\": \"" + question +
                  "\"}\n"
                  "{\"question\": \"Name the longest river there.\"}\n{\"question\": \"Who?\"}\n")
          .string();
  const StageConfig stage{
      .stage = StageKind::kDecontaminate, .files = {file}, .text_field = "question"};
  EXPECT_TRUE(
      cleaned(stage,
              "Quiz! what is the NAME of the river, that flows through the old town of Cahors...")
          .dropped);
  EXPECT_FALSE(
      cleaned(stage, "the name of the river that flows through the old town is unknown").dropped);
  EXPECT_TRUE(cleaned(stage, "Tell me: name the longest river there!").dropped);
  EXPECT_FALSE(cleaned(stage, "Who? Nobody knows.").dropped);
  EXPECT_THAT(error_message([&] {
                cleaned({.stage = StageKind::kDecontaminate, .files = {"missing.txt"}}, "x");
              }),
              HasSubstr("missing.txt"));
}

}  // namespace
}  // namespace weft::data
