// Texts that threads share: where they are cut, and who gets which buffers.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "golden.h"
#include "small_tokenizer.h"
#include "text/scratch_pool.h"

namespace weft::text {
namespace {

using nlohmann::json;
using Ids = std::vector<int32_t>;

constexpr EncodeOptions kPlain{.add_special_tokens = false};

// Words, numbers, signs and white space of all kinds, mixed.
std::string mixed_text(std::mt19937& random) {
  static const char* const kParts[] = {
      "a",  "word", "'s", "'ll",    "12345",  ".",      "//",      " ",          " ",
      "  ", "\n",   "\t", "\r\n",   "\n\n",   "\u00e9", "e\u0301", "\u4e2d",     "\u3000",
      "_",  "<s>",  "?!", "\u00a0", "\u00a8", "X",      "\u0301",  "\U0001F600", "\xFF"};
  std::string text;
  for (int i = 0; i < 60; ++i) text += kParts[random() % std::size(kParts)];
  return text;
}

// How many cuts there were.
int check_cuts(const Tokenizer& tokenizer, std::string_view text) {
  const Ids whole = tokenizer.encode(text, kPlain);
  int cuts = 0;
  for (size_t at = 0; (at = tokenizer.next_cut(text, at)) < text.size(); ++cuts) {
    Ids both = tokenizer.encode(text.substr(0, at), kPlain);
    tokenizer.append_ids(text.substr(at), kPlain, both);
    EXPECT_EQ(both, whole) << "cut at " << at << " of " << text;
  }
  return cuts;
}

class Cuts : public testing::TestWithParam<const char*> {};

TEST_P(Cuts, ChangeNoIds) {
  const std::string given = GetParam();
  const std::string top = given.starts_with('/') ? golden::data_folder() : golden::text_folder();
  if (top.empty()) GTEST_SKIP() << "WEFT_GOLDEN or WEFT_DATA has no values";
  const auto tokenizer =
      load_tokenizer(given.starts_with('/') ? top + given : top + "/tokenizers/" + given + ".json");
  std::mt19937 random(3);
  int cuts = 0;
  for (int i = 0; i < 400; ++i) cuts += check_cuts(*tokenizer, mixed_text(random));
  for (const std::string& line :
       golden::lines_of(golden::read(golden::text_folder() + "/fuzz.txt")))
    if (random() % 16 == 0) cuts += check_cuts(*tokenizer, line);
  EXPECT_GT(cuts, 1000);
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Cuts,
                         testing::Values("/tok-gpt2/tokenizer.json", "/tok-bert/tokenizer.json",
                                         "bpe_llama3", "bpe_qwen2"),
                         [](const auto& c) {
                           const std::string name = c.param;
                           return name.starts_with("/tok-") ? name.substr(5, 4) : name;
                         });

// Nothing that reaches over a space may lie there.
TEST(NextCut, IsTheEndWhereACutMightShow) {
  const std::string text = "ab cd ab";
  const auto first_cut = [&](const json& file) { return open_json(file)->next_cut(text, 0); };
  json file = small_tokenizer();
  EXPECT_EQ(first_cut(file), 2u);
  EXPECT_EQ(open_json(file)->next_cut(text, 2), 5u);
  EXPECT_EQ(open_json(file)->next_cut(text, 5), text.size());
  EXPECT_EQ(open_json(file)->next_cut(text, text.size()), text.size());
  EXPECT_EQ(open_json(file)->next_cut("1 . \n", 0), 5u) << "behind letters only";
  EXPECT_EQ(make_bytes_tokenizer()->next_cut(text, 0), text.size());
  file["added_tokens"].push_back(added_token(11, "b c"));
  EXPECT_EQ(first_cut(file), text.size()) << "a token with a space";
  file["added_tokens"][1] = added_token(11, "xy");
  EXPECT_EQ(first_cut(file), 2u);
  file["added_tokens"][1]["rstrip"] = true;
  EXPECT_EQ(first_cut(file), text.size()) << "a token that takes the space behind it";
  file = small_tokenizer();
  file["normalizer"] = {{"type", "NFC"}};
  EXPECT_EQ(first_cut(file), 2u);
  file["normalizer"] = {{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}};
  EXPECT_EQ(first_cut(file), text.size());
  file["normalizer"] = nullptr;
  file["pre_tokenizer"]["add_prefix_space"] = true;
  EXPECT_EQ(first_cut(file), text.size());
}

struct Buffer {
  bool is_large() const { return large; }
  bool large = false;
  int owner = 0;
};

TEST(ScratchPool, AThreadGetsBackItsOwn) {
  ScratchPool<Buffer> pool;
  using Lease = ScratchPool<Buffer>::Lease;
  const auto own = [&pool](int number) {
    { Lease(pool).get().owner = number; }
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(Lease(pool).get().owner, number);
  };
  {
    const Lease held(pool);  // so that no thread finds this one's
    std::thread([&] { own(1); }).join();
    // The next thread inherits what the one that has ended left.
    std::thread([&] { EXPECT_EQ(Lease(pool).get().owner, 1); }).join();
  }
  own(2);
}

TEST(ScratchPool, LendsToManyAndForgetsWhatIsLarge) {
  ScratchPool<Buffer> pool;
  using Lease = ScratchPool<Buffer>::Lease;
  {
    Lease a(pool), b(pool), c(pool);
    EXPECT_NE(&a.get(), &b.get());
    a.get().owner = b.get().owner = c.get().owner = 7;
    b.get().large = true;
  }
  Lease a(pool), b(pool), c(pool);
  EXPECT_EQ(a.get().owner + b.get().owner + c.get().owner, 14);
}

}  // namespace
}  // namespace weft::text
