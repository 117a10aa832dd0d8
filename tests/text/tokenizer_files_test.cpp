// Tokenizers from files and folders: what is read beside tokenizer.json, what is handed on, what is
// said when something is missing.
#include <gmock/gmock.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "small_tokenizer.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class TokenizerFiles : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("weft_tokenizer_" + std::string(info->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  static std::string message(const fs::path& where) {
    try {
      load_tokenizer(where.string());
    } catch (const Error& error) {
      return error.what();
    }
    return "loaded";
  }

  fs::path folder_;
};

TEST_F(TokenizerFiles, AreFoundByFileOrFolder) {
  const std::string content = small_tokenizer().dump(1);
  write("tokenizer.json", content);
  for (const fs::path& where : {folder_, folder_ / "tokenizer.json"}) {
    const auto tokenizer = load_tokenizer(where.string());
    EXPECT_EQ(tokenizer->vocab_size(), 11);
    EXPECT_EQ(tokenizer->files()[0].content, content);  // byte for byte
    EXPECT_EQ(tokenizer->files().size(), 3u);           // the other two are made
  }
}

TEST_F(TokenizerFiles, ConfigurationGivesTheRoles) {
  write("tokenizer.json", small_tokenizer().dump());
  const std::string config =
      R"({"eos_token": "e", "bos_token": {"content": "<s>"}, "pad_token": null})";
  write("tokenizer_config.json", config);
  write("special_tokens_map.json", "{}");
  write("chat_template.jinja", "{{ x }}");
  const auto tokenizer = load_tokenizer(folder_.string());
  EXPECT_EQ(tokenizer->special_ids().eos, 5);
  EXPECT_EQ(tokenizer->special_ids().bos, 0);
  EXPECT_EQ(tokenizer->special_ids().pad, std::nullopt);
  ASSERT_EQ(tokenizer->files().size(), 4u);
  EXPECT_EQ(tokenizer->files()[1].content, config);
  EXPECT_EQ(tokenizer->files()[2].content, "{}");
  EXPECT_EQ(tokenizer->files()[3].name, "chat_template.jinja");
}

TEST_F(TokenizerFiles, BadConfigurationIsNamed) {
  write("tokenizer.json", small_tokenizer().dump());
  write("tokenizer_config.json", R"({"eos_token": "missing"})");
  EXPECT_THAT(message(folder_),
              HasSubstr("tokenizer_config.json beside it: eos_token '\"missing\"' is not a token"));
  write("tokenizer_config.json", R"({"eos_token": 5})");
  EXPECT_THAT(message(folder_), HasSubstr("eos_token is not a string"));
  write("tokenizer_config.json", "[]");
  EXPECT_THAT(message(folder_), HasSubstr("not a JSON object"));
  write("tokenizer_config.json", "{");
  EXPECT_THAT(message(folder_), HasSubstr("syntax error"));
}

TEST_F(TokenizerFiles, VocabularyOfABert) {
  write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\r\n[SEP]\nhe\n##llo\nHe\n");
  EXPECT_EQ(load_tokenizer(folder_.string())->encode("Hello he x"),
            (std::vector<int32_t>{2, 4, 5, 4, 1, 3}));
  write("tokenizer_config.json", R"({"do_lower_case": false})");
  const auto cased = load_tokenizer((folder_ / "vocab.txt").string());
  EXPECT_EQ(cased->encode("Hello"), (std::vector<int32_t>{2, 6, 5, 3}));
  EXPECT_EQ(cased->name(), "wordpiece");
  EXPECT_EQ(cased->special_ids().unk, std::nullopt);  // the configuration names none
  write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\na\n");
  EXPECT_THAT(message(folder_), HasSubstr("vocab.txt:5: the token 'a' is there twice"));
  write("vocab.txt", "a\nb\n");
  EXPECT_THAT(message(folder_), HasSubstr("has no token [UNK]"));
  write("vocab.txt", "[UNK]\n\xFF\n");
  EXPECT_THAT(message(folder_), HasSubstr("byte 6 is not UTF-8"));
}

TEST_F(TokenizerFiles, VocabularyAndMerges) {
  write("vocab.json", R"({"<s>": 0, "</s>": 1, "a": 2, "b": 3, "ab": 4, "\u0120": 5})");
  EXPECT_THAT(message(folder_), HasSubstr("has no merges.txt beside it"));
  write("merges.txt", "#version: 0.2\na b\n");
  EXPECT_EQ(load_tokenizer(folder_.string())->encode("ab a"),
            (std::vector<int32_t>{0, 4, 5, 2, 1}));
  write("merges.txt", "a b c\n");
  EXPECT_THAT(message(folder_), HasSubstr("merges beside it:1: 'a b c' is not two tokens"));
  write("vocab.json", R"({"a": 0, "b": 0})");
  EXPECT_THAT(message(folder_), HasSubstr("the id of 'b' is no number below 2, or is there twice"));
  write("vocab.json", R"({"a": 0, "b": -1})");
  EXPECT_THAT(message(folder_), HasSubstr("the id of 'b'"));
}

TEST_F(TokenizerFiles, MissingOnesAreNamed) {
  EXPECT_THAT(message(folder_), HasSubstr("the folder has no tokenizer.json"));
  EXPECT_THAT(message(folder_ / "none"),
              HasSubstr("no such file or folder; a tokenizer is \"bytes\""));
  EXPECT_THAT(message("chars"), HasSubstr("is made from a corpus"));
  write("tokenizer.json", "");
  EXPECT_THAT(message(folder_), HasSubstr("syntax error"));
  EXPECT_THAT(message(folder_), HasSubstr("tokenizer.json"));
}

TEST_F(TokenizerFiles, RolesByUsualNames) {
  auto json = small_tokenizer();
  for (int i = 0; i < 3; ++i) {
    auto token = added_token(
        11 + i, std::array{"<|im_end|>", "<|endoftext|>", "[PAD]"}[static_cast<size_t>(i)]);
    token["special"] = true;
    json["added_tokens"].push_back(token);
  }
  const auto tokenizer = open_json(json);
  EXPECT_EQ(tokenizer->special_ids().bos, 0);
  EXPECT_EQ(tokenizer->special_ids().eos, 12);  // the end of a text before the end of a turn
  EXPECT_EQ(tokenizer->special_ids().pad, 13);
  EXPECT_EQ(tokenizer->special_ids().unk, std::nullopt);
  const auto config = nlohmann::json::parse(tokenizer->files()[1].content);
  EXPECT_EQ(config["eos_token"], "<|endoftext|>");
  EXPECT_EQ(config["pad_token"], "[PAD]");
  EXPECT_FALSE(config.contains("unk_token"));
}

}  // namespace
}  // namespace weft::text
