// The configs of configs/pretrain, configs/bench and configs/prepare, as a user takes them: each
// can be planned or loaded, the one on characters trains on the text that it names, and those of
// text and of tables prepare some.
#include <map>
#include <nlohmann/json.hpp>

#include "cli_test.h"

namespace weft::test {
namespace {

class ShippedConfig : public CliTest {};

TEST_F(ShippedConfig, EachCanBePlanned) {
  const auto source = folder_of("WEFT_SOURCE");
  // The configs are those of the source folder, which an installed test does not have.
  if (!source) GTEST_SKIP() << "WEFT_SOURCE names no checkout";
  std::map<std::string, int> count;
  for (const std::string folder : {"pretrain", "bench"})
    for (const auto& entry : fs::directory_iterator(*source / "configs" / folder)) {
      const Outcome outcome = must({"plan", entry.path(), "--json"});
      EXPECT_GT(nlohmann::json::parse(outcome.out)["bytes"]["total"].get<int64_t>(), 1 << 20)
          << entry.path();
      ++count[folder];
    }
  EXPECT_GE(count["pretrain"], 5);
  EXPECT_GE(count["bench"], 4);
}

TEST_F(ShippedConfig, TheCharacterModelLearnsShakespeare) {
  const auto source = folder_of("WEFT_SOURCE"), data = folder_of("WEFT_DATA");
  // Public data, which does not belong to the project.
  if (!source || !data) GTEST_SKIP() << "WEFT_SOURCE or WEFT_DATA names no folder";
  const std::string tokens = "runs/tinyshakespeare/tokens";
  must({"prepare", *data / "tinyshakespeare/input.txt", "-o", tokens, "--tokenizer", "chars",
        "--val-split", "tail:0.1"});
  must({"pretrain", *source / "configs/pretrain/tinyshakespeare-char.yaml", "max_steps=12",
        "warmup_steps=2", "eval_steps=12", "eval_batches=2", "sample_prompts=[\"ROMEO:\"]"});
  write("line.txt", "ROMEO:\nIs the day so young?\n");
  const Outcome evaluated =
      must({"evaluate", "--model", "runs/tinyshakespeare", "--text", "line.txt"});
  EXPECT_THAT(evaluated.out, HasSubstr("perplexity"));
  write("other.txt", "caf\u00e9\n");
  expect_error({"evaluate", "--model", "runs/tinyshakespeare", "--text", "other.txt"},
               {"other.txt: ", "no token for U+00E9"});
  const Outcome text = must({"generate", "--model", "runs/tinyshakespeare", "--prompt", "ROMEO:"});
  EXPECT_EQ(text.out.substr(0, 6), "ROMEO:");
}

TEST_F(ShippedConfig, EachOfPrepareCanBeLoaded) {
  const auto source = folder_of("WEFT_SOURCE");
  // The configs are those of the source folder, which an installed test does not have.
  if (!source) GTEST_SKIP() << "WEFT_SOURCE names no checkout";
  int count = 0;
  for (const auto& entry : fs::directory_iterator(*source / "configs/prepare")) {
    const std::string printed = must({"prepare", entry.path(), "--print-config"}).out;
    write("c.yaml", printed);
    EXPECT_EQ(must({"prepare", "c.yaml", "--print-config"}).out, printed) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 2);
}

TEST_F(ShippedConfig, TheTableBecomesTokensAndFeatures) {
  const auto source = folder_of("WEFT_SOURCE");
  // The configs are those of the source folder, which an installed test does not have.
  if (!source) GTEST_SKIP() << "WEFT_SOURCE names no checkout";
  write("people.csv",
        "text,age,income,city\n\"I paid twice, got nothing\",34,1800,Oslo\n"
        "\"thank you, all is well\",NA,,Rome\nfine,?,1200,\nbad,20,900,Oslo\n");
  const std::string config = *source / "configs/prepare/table.yaml";
  const Outcome made =
      must({"prepare", config, "inputs=people.csv", "output=tokens", "val_split=none"});
  EXPECT_THAT(made.out, HasSubstr("stage missing: 4 documents, 2 changed, 0 left out"));
  EXPECT_THAT(made.out, HasSubstr("train: 4 documents, 54 bytes"));
  EXPECT_THAT(must({"inspect", "tokens"}).out,
              HasSubstr("5 features: age, income, city=Oslo, city=Rome, city=unknown"));
  const nlohmann::json columns = nlohmann::json::parse(text_of("tokens/dataset.json"))["columns"];
  EXPECT_EQ(columns[0]["fill"], 27);  // median of 34 and 20
  must({"prepare", config, "inputs=people.csv", "output=others", "val_split=none",
        "column_statistics=tokens"});
  EXPECT_EQ(text_of("others/train-00000.npy"), text_of("tokens/train-00000.npy"));
  write("people.csv", "text,age,city\na,1,Oslo\n");
  expect_error({"prepare", config, "inputs=people.csv", "output=x"}, {"people.csv:1", "'income'"});
}

}  // namespace
}  // namespace weft::test
