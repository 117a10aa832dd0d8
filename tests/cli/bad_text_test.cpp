// Text and tokenizers that are wrong: every verb that reads text says where, what and what to do,
// and leaves nothing behind.
#include <algorithm>

#include "cli_test.h"

namespace weft::test {
namespace {

struct BadText {
  const char* name;
  const char* path;     // made by the test's folder below, or missing
  const char* content;  // nullptr: no file
  size_t bytes;
  const char* message;
};

constexpr BadText kBadTexts[] = {
    {"Missing", "missing.txt", nullptr, 0, "there is no such file or folder; check the path"},
    {"Empty", "empty.txt", "", 0, "'empty.txt' is empty; give a file with text in it"},
    {"Binary", "binary.txt",
     "\x7f"
     "ELF\0\1\2\3",
     8, "'binary.txt' has a NUL byte (a binary file?) at byte 4"},
    {"InvalidUtf8", "broken.txt", "good\nbad \xff\xfe\n", 12,
     "'broken.txt' has a byte that is no UTF-8 at byte 9; text must be UTF-8; --invalid-utf8"},
    {"FolderWithoutText", "pictures", nullptr, 0, "folder 'pictures' holds no text"},
    {"JsonWithoutText", "a.jsonl", "{\"txt\": \"x\"}\n", 13, "a.jsonl:1: field `text` is missing"},
    {"MalformedJson", "b.jsonl", "{\"text\": \"x\"}\n{\"text\": \n", 24, "b.jsonl:2: "},
    {"OtherData", "table.csv", "a,b\n1,2\n", 8, "table.csv"},
};

class BadTextInput : public CliTest, public testing::WithParamInterface<BadText> {};

TEST_P(BadTextInput, IsRefusedByEveryVerbThatReadsText) {
  const BadText& bad = GetParam();
  if (bad.content != nullptr) write(bad.path, std::string_view(bad.content, bad.bytes));
  write("pictures/a.png", "x");
  write_chain_model(folder_ / "model");
  const std::vector<std::string> parts = {bad.path, bad.message};
  expect_error({"prepare", bad.path, "-o", "tokens", "--tokenizer", "bytes"}, parts);
  expect_error({"prepare", bad.path, "-o", "tokens", "--tokenizer", "chars"}, parts);
  expect_error({"tokenizer", "train", bad.path, "-o", "tokenizer.json", "--vocab-size", "300"},
               parts);
  expect_error({"evaluate", "--model", "model", "--text", bad.path}, parts);
}

INSTANTIATE_TEST_SUITE_P(Texts, BadTextInput, testing::ValuesIn(kBadTexts),
                         [](const auto& bad) { return std::string(bad.param.name); });

class Tokenizing : public CliTest {};

TEST_F(Tokenizing, InvalidTextIsReplacedOrLeftOutWhereAsked) {
  write("in/good.txt", sample_text(20));
  write("in/bad.txt", "bad \xff text\n");
  const Arguments prepare = {"prepare", "in",          "-o",   "tokens",      "--tokenizer",
                             "bytes",   "--val-split", "none", "--overwrite", "--invalid-utf8"};
  const auto with = [&](const char* policy) {
    Arguments arguments = prepare;
    arguments.push_back(policy);
    return must(arguments);
  };
  EXPECT_THAT(with("skip").out, HasSubstr("train: 1 documents"));
  EXPECT_THAT(with("replace").out, HasSubstr("train: 2 documents"));
  EXPECT_THAT(with("replace").err, HasSubstr("1 x malformed sequence replaced by U+FFFD"));
  expect_error({"prepare", "in", "-o", "other", "--tokenizer", "bytes", "--invalid-utf8", "drop"},
               {"--invalid-utf8: 'drop'", "error, replace, skip"});
}

TEST_F(Tokenizing, AFolderWithThingsInItIsNeverReplacedByAccident) {
  write("text.txt", sample_text(30));
  write("full/important", "mine");
  expect_error({"prepare", "text.txt", "-o", "full", "--tokenizer", "bytes"},
               {"'full' exists and is not empty", "--overwrite"});
  expect_error({"prepare", "text.txt", "-o", "full", "--tokenizer", "bytes", "--overwrite"},
               {"holds no dataset.json, so it is not replaced"});
  must({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes"});
  expect_error({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes"},
               {"'tokens' exists"});
  must({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes", "--overwrite"});
  EXPECT_EQ(text_of("full/important"), "mine");
}

TEST_F(Tokenizing, SplitsAndNumbersAreChecked) {
  write("text.txt", sample_text(30));
  for (const char* split : {"hash:", "hash:2", "tail:nan", "tail:-1", "random:0.1", "hash:0.1x"})
    expect_error(
        {"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes", "--val-split", split},
        {"--val-split", "allowed: hash:SIZE, tail:SIZE"});
  expect_error({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes", "--val-split", ""},
               {"val_split: the text is empty"});
  expect_error(
      {"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes", "--shard-tokens", "0"},
      {"shard_tokens 0"});
  expect_error({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "missing"},
               {"missing", "a tokenizer is \"bytes\", a tokenizer.json"});
}

TEST_F(Tokenizing, CharsMakesATokenOfEachCharacterAndReadsItBack) {
  write("text.txt", "abc caf\u00e9 \u4e16\u754c\n" + sample_text(20));
  must({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "chars", "--val-split", "none"});
  write("line.txt", "\u754c\u00e9 cab\n");
  const Outcome ids = must({"tokenizer", "encode", "--tokenizer", "tokens", "line.txt"});
  EXPECT_EQ(std::count(ids.out.begin(), ids.out.end(), ' '), 5) << "six characters: " << ids.out;
  write("ids.txt", ids.out);
  EXPECT_EQ(must({"tokenizer", "decode", "--tokenizer", "tokens", "ids.txt"}).out,
            text_of("line.txt"));
  write("other.txt", "\u00df\n");
  expect_error({"tokenizer", "encode", "--tokenizer", "tokens", "other.txt"}, {"tokens"});
  expect_error({"tokenizer", "encode", "--tokenizer", "chars", "line.txt"},
               {"weft prepare --tokenizer chars"});
}

TEST_F(Tokenizing, ATrainedTokenizerIsDescribed) {
  write("text.txt", sample_text(100));
  const Outcome trained =
      must({"tokenizer", "train", "text.txt", "-o", "tok/tokenizer.json", "--vocab-size", "280"});
  EXPECT_THAT(trained.out, HasSubstr("280 tokens"));
  const Outcome info = must({"tokenizer", "info", "tok"});
  for (const char* line : {"kind bpe\n", "vocab_size 280\n", "merges 23\n", "eos {",
                           "<|endoftext|>", "pre_tokenizer ByteLevel\n", "model BPE\n"})
    EXPECT_THAT(info.out, HasSubstr(line));
  EXPECT_THAT(must({"tokenizer", "info", "bytes", "--json"}).out, HasSubstr("\"vocab_size\": 257"));
  const Outcome fewer =
      must({"tokenizer", "train", "text.txt", "-o", "tok", "--vocab-size", "100000"});
  EXPECT_THAT(fewer.err, HasSubstr("100000 were asked for")) << "less than asked is told";
  expect_error({"tokenizer", "train", "text.txt", "-o", "x.json", "--vocab-size", "3"},
               {"vocab_size is 3", "from 257"});
  expect_error({"tokenizer", "decode", "--tokenizer", "tok", "text.txt"}, {"is no token id"});
  expect_error({"tokenizer", "info", "missing"}, {"missing", "no such file or folder"});
}

struct BadTokenizer {
  const char* name;
  const char* content;
  const char* message;
};

constexpr BadTokenizer kBadTokenizers[] = {
    {"Empty", "", "tokenizer.json:1:1"},
    {"NoJson", "tokens\n", "tokenizer.json:1:"},
    {"CutShort", "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0,", "tokenizer.json:1:"},
    {"NoModel", "{}", "model: is missing"},
    {"OtherModel", "{\"model\": {\"type\": \"Transducer\", \"vocab\": {}}}", "Transducer"},
};

class BadTokenizerFile : public CliTest, public testing::WithParamInterface<BadTokenizer> {};

TEST_P(BadTokenizerFile, IsRefusedWithItsPlace) {
  write("text.txt", sample_text(5));
  write("tok/tokenizer.json", GetParam().content);
  expect_error({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "tok"}, {GetParam().message});
  expect_error({"tokenizer", "info", "tok"}, {GetParam().message});
  write_chain_model(folder_ / "model");
  write("model/tokenizer.json", GetParam().content);
  expect_error({"generate", "--model", "model", "--prompt", "a"}, {GetParam().message});
}

INSTANTIATE_TEST_SUITE_P(Files, BadTokenizerFile, testing::ValuesIn(kBadTokenizers),
                         [](const auto& bad) { return std::string(bad.param.name); });

}  // namespace
}  // namespace weft::test
