// Stop strings in a stream: nothing of them is shown, nothing else is lost, however it is cut.
#include "generate/stop_strings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "weft/error.h"

namespace weft::generate {
namespace {

struct Outcome {
  std::string shown;
  std::string matched;
  bool operator==(const Outcome&) const = default;
};

// Pushes `text` in pieces of `piece` bytes.
Outcome run(const std::vector<std::string>& stops, const std::string& text, size_t piece) {
  StopMatcher matcher(stops);
  std::string shown;
  for (size_t i = 0; i < text.size(); i += piece) shown += matcher.push(text.substr(i, piece));
  shown += matcher.finish();
  return {shown, matcher.matched()};
}

TEST(StopMatcher, HoldsBackAPossiblePrefixAndReleasesIt) {
  StopMatcher matcher({"<end>"});
  EXPECT_EQ(matcher.push("a<"), "a");
  EXPECT_EQ(matcher.push("en"), "");
  EXPECT_EQ(matcher.push("x<"), "<enx");
  EXPECT_EQ(matcher.push("e"), "");
  EXPECT_FALSE(matcher.stopped());
  EXPECT_EQ(matcher.finish(), "<e");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, EndsAtAStopStringAcrossPieces) {
  StopMatcher matcher({"\n\n", "###"});
  EXPECT_EQ(matcher.push("one\n"), "one");
  EXPECT_EQ(matcher.push("\ntwo"), "");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.matched(), "\n\n");
  EXPECT_EQ(matcher.push("more"), "");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, ResultDoesNotDependOnThePieces) {
  const std::vector<std::string> stops{"aab", "abab", "b#", "ccc", "abc"};
  for (const std::string text : {"aaaab rest", "abaabab", "ab#", "cc", "ccbabaccc!", "xabcx", ""}) {
    const Outcome expected = run(stops, text, 1);
    for (size_t piece = 2; piece < 12; ++piece) {
      EXPECT_EQ(run(stops, text, piece), expected) << text << " in pieces of " << piece;
    }
  }
}

TEST(StopMatcher, FirstCompleteStopWinsAndTheLongestOfThoseThatEndTogether) {
  EXPECT_EQ(run({"abcd", "b"}, "xabcd", 100), (Outcome{"xa", "b"}));
  EXPECT_EQ(run({"b", "ab"}, "xabcd", 100), (Outcome{"x", "ab"}));
}

TEST(StopMatcher, SelfOverlappingStopIsFound) {
  EXPECT_EQ(run({"aab"}, "aaab", 1), (Outcome{"a", "aab"}));
  EXPECT_EQ(run({"abab!"}, "ababab!", 1), (Outcome{"ab", "abab!"}));
}

TEST(StopMatcher, WithoutStopsEverythingPasses) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.push("text"), "text");
  EXPECT_EQ(matcher.finish(), "");
  EXPECT_FALSE(matcher.stopped());
}

TEST(StopMatcher, EmptyStopIsRefused) {
  EXPECT_THROW(StopMatcher({"a", ""}), Error);
}

}  // namespace
}  // namespace weft::generate
