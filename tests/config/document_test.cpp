// docs/config.md is what the structs say. WEFT_UPDATE_DOCS=1 writes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "config_test_files.h"

namespace weft {
namespace {

TEST(ConfigDocument, IsCurrent) {
  const Path file = repository_configs().parent_path() / "docs/config.md";
  const std::string expected = train::pretrain_config_document();
  if (std::getenv("WEFT_UPDATE_DOCS") != nullptr)
    write_file_atomically(real_file_system(), file, expected);
  EXPECT_EQ(read_text_file(file, 1 << 20), expected)
      << "docs/config.md is not what the structs say; WEFT_UPDATE_DOCS=1 in the environment of "
         "this "
         "test writes it anew";
}

TEST(ConfigDocument, NamesEveryKeyOnce) {
  const std::string text = train::pretrain_config_document();
  const Schema schema = schema_of<train::PretrainConfig>();
  EXPECT_GE(schema.fields.size(), 50u);
  for (const SchemaField& field : schema.fields) {
    EXPECT_NE(field.info.help, "") << field.name;
    EXPECT_THAT(text, testing::HasSubstr("| `" + field.name + "` |"));
  }
}

TEST(ConfigSpeed, AConfigLoadsAndAnErrorShowsWithinATenthOfASecond) {
  const Path file = repository_configs() / "pretrain/gpt2-1558m.yaml";
  const std::vector<std::string> bad{"model.n_embd=1", "lerning_rate=1", "seed=x"};
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(train::load_pretrain_config(file).config.model->num_hidden_layers, 48);
    EXPECT_THROW(train::load_pretrain_config(file, bad), Error);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  EXPECT_LE(took.count() / 20, 0.05);  // sanitizers and a busy machine included
}

}  // namespace
}  // namespace weft
