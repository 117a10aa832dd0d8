// The configs of configs/pretrain, as a user takes them: each can be planned, and the one on
// characters trains on the text that it names.
#include <nlohmann/json.hpp>

#include "cli_test.h"

namespace weft::test {
namespace {

class ShippedConfig : public CliTest {};

TEST_F(ShippedConfig, EachCanBePlanned) {
  const auto source = folder_of("WEFT_SOURCE");
  // The configs are those of the source folder, which an installed test does not have.
  if (!source) GTEST_SKIP() << "WEFT_SOURCE names no checkout";
  int count = 0;
  for (const auto& entry : fs::directory_iterator(*source / "configs/pretrain")) {
    const Outcome outcome = must({"plan", entry.path(), "--json"});
    EXPECT_GT(nlohmann::json::parse(outcome.out)["bytes"]["total"].get<int64_t>(), 1 << 20)
        << entry.path();
    ++count;
  }
  EXPECT_GE(count, 5);
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

}  // namespace
}  // namespace weft::test
