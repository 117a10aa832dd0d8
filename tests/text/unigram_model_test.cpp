// The model Unigram, compiled character maps and grapheme clusters in small.
#include <gmock/gmock.h>

#include "small_tokenizer.h"
#include "text/grapheme_cluster.h"
#include "text/unigram_lattice.h"
#include "text/unigram_model.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

std::unique_ptr<const Tokenizer> unigram(const char* vocab, Json unk_id,
                                         bool byte_fallback = false) {
  return open_json({{"model",
                     {{"type", "Unigram"},
                      {"unk_id", unk_id},
                      {"vocab", Json::parse(vocab)},
                      {"byte_fallback", byte_fallback}}}});
}

TEST(UnigramModel, TakesTheBestSum) {
  const char* vocab = R"([["?", 0], ["a", -1], ["b", -1], ["ab", -1.5], ["aba", -4]])";
  EXPECT_EQ(unigram(vocab, 0)->encode("abab"), (Ids{3, 3}));
  EXPECT_EQ(unigram(vocab, 0)->encode("aba"), (Ids{3, 1}));
  EXPECT_EQ(unigram(vocab, 0)->name(), "unigram");
  // Equal sums: the longer last piece was found first.
  EXPECT_EQ(unigram(R"([["?", 0], ["a", -1], ["aa", -2]])", 0)->encode("aa"), (Ids{2}));
}

TEST(UnigramModel, UnknownCharactersAreOneTokenOrBytes) {
  const char* vocab = R"([["?", 0], ["a", -1], ["<0xC3>", 0], ["<0xA9>", 0]])";
  EXPECT_EQ(unigram(vocab, 0)->encode("xya\u00E9"), (Ids{0, 1, 0}));
  EXPECT_EQ(unigram(vocab, 0, true)->encode("a\u00E9x"), (Ids{1, 0}));  // one run, not all bytes
  EXPECT_EQ(unigram(vocab, 0, true)->encode("a\u00E9a"), (Ids{1, 2, 3, 1}));
  EXPECT_THROW(unigram(vocab, nullptr)->encode("x"), Error);
  EXPECT_EQ(unigram(vocab, nullptr)->encode("a"), (Ids{1}));
}

// What Hugging Face's library writes after it has read them.
TEST(UnigramModel, ReadsScoresAsHuggingFaceDoes) {
  EXPECT_EQ(score_as_read(-3.7732498659201283), -3.773249865920128);
  EXPECT_EQ(score_as_read(-7.2694474335005435), -7.269447433500544);
  EXPECT_EQ(score_as_read(-7.3130869197315995), -7.3130869197316);
  for (const double exact : {0.0, -0.0, 1.0, -8.5, 123000.0, 0.000125, -1e22, 1e-7})
    EXPECT_EQ(score_as_read(exact), exact);
}

TEST(UnigramLattice, SumsInSinglePrecisionWhereAsked) {
  UnigramLattice lattice;
  lattice.set_unknown(9, -20);
  lattice.add("a", 1, -1);
  EXPECT_EQ(lattice.add_user_defined("aa", 2), 0.1F);
  lattice.finish();
  ModelScratch scratch;
  lattice.find_path<float>("aaab", scratch);
  Ids ids;
  for (const WordToken& token : scratch.path) ids.push_back(token.id);
  EXPECT_EQ(ids, (Ids{1, 2, 9}));
  EXPECT_EQ(scratch.path[2].begin, 3U);
  EXPECT_EQ(scratch.path[2].end, 4U);
  EXPECT_TRUE(lattice.cuts_at_spaces());
  lattice.add("a\u2581b", 3, 0);
  EXPECT_FALSE(lattice.cuts_at_spaces());
}

TEST(SpaceMarks, MayLieAtTheStart) {
  EXPECT_FALSE(has_inner_space_mark("\u2581\u2581a"));
  EXPECT_FALSE(has_inner_space_mark("ab"));
  EXPECT_TRUE(has_inner_space_mark("\u2581a\u2581"));
}

std::vector<size_t> clusters(std::string_view text) {
  std::vector<size_t> sizes;
  for (size_t at = 0; at < text.size(); at += sizes.back()) sizes.push_back(cluster_size(text, at));
  return sizes;
}

TEST(GraphemeCluster, FollowsTheRules) {
  using Sizes = std::vector<size_t>;
  EXPECT_EQ(clusters("ab\r\n\n"), (Sizes{1, 1, 2, 1}));
  EXPECT_EQ(clusters("e\u0301\u0302x"), (Sizes{5, 1}));
  EXPECT_EQ(clusters("\u1100\u1161\u11A8\u1100"), (Sizes{9, 3}));        // Hangul
  EXPECT_EQ(clusters("\U0001F1E9\U0001F1EA\U0001F1EB"), (Sizes{8, 4}));  // flags
  EXPECT_EQ(clusters("\U0001F468\u200D\U0001F469"), (Sizes{11}));        // a family
  EXPECT_EQ(clusters("\u0915\u094D\u0937\u0915"), (Sizes{9, 3}));        // a conjunct
  EXPECT_EQ(clusters("a\xFF\u0301"), (Sizes{1, 1, 2}));
}

}  // namespace
}  // namespace weft::text
