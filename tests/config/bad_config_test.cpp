// Bad configs and the whole message that each gives: where, what was given, what is allowed, what
// to do. The files are x.yaml.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_test_files.h"

namespace weft {
namespace {

// A good config, of which the cases change a part. The keys under test come in line 8 and after.
constexpr std::string_view kModel =
    "model: {model_type: llama, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4,\n"
    "        intermediate_size: 128, vocab_size: 300}\n";
constexpr std::string_view kRest =
    "datasets:\n"
    "  - path: tokens\n"
    "sequence_len: 64\n"
    "max_steps: 10\n"
    "output_dir: run\n";

struct BadKey {
  const char* name;
  const char* lines;    // after the good config
  const char* message;  // after "x.yaml:"
};

class BadKeys : public testing::TestWithParam<BadKey> {};

TEST_P(BadKeys, SaysWhereWhatAndWhatToDo) {
  const std::string text = std::string(kModel) + std::string(kRest) + GetParam().lines;
  EXPECT_EQ(pretrain_error(text), std::string("x.yaml:") + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Scalars, BadKeys,
    testing::Values(
        BadKey{"Misspelt", "lerning_rate: 1e-3\n",
               "8:1: unknown key 'lerning_rate'; did you mean 'learning_rate'?"},
        BadKey{"Unknown", "qqqq: 1\n", "8:1: unknown key 'qqqq'; docs/config.md lists all keys"},
        BadKey{"SwappedLetters", "sede: 1\n", "8:1: unknown key 'sede'; did you mean 'seed'?"},
        BadKey{"NoInteger", "seed: abc\n",
               "8:7: seed: 'abc' is not an integer; allowed: at least 0"},
        BadKey{"Octal", "seed: 010\n",
               "8:7: seed: '010' is not an integer; write 10: a leading zero means octal to some "
               "readers and decimal to others; allowed: at least 0"},
        BadKey{"Underscore", "seed: 1_000\n",
               "8:7: seed: '1_000' is not an integer; write 1000, without underscores; allowed: at "
               "least 0"},
        BadKey{
            "Hexadecimal", "seed: 0x1F\n",
            "8:7: seed: '0x1F' is not an integer; write the number in decimal; allowed: at least "
            "0"},
        BadKey{"PlusSign", "seed: +5\n",
               "8:7: seed: '+5' is not an integer; write 5, without the sign; allowed: at least 0"},
        BadKey{"RealForInteger", "save_steps: 1e3\n",
               "8:13: save_steps: '1e3' is not an integer; write 1000; allowed: at least 1 and at "
               "most 1e15"},
        BadKey{
            "Quoted", "seed: \"5\"\n",
            "8:7: seed: '5' in quotes is not an integer; remove the quotes; allowed: at least 0"},
        BadKey{"TooLarge", "seed: 9223372036854775808\n",
               "8:7: seed: '9223372036854775808' is not an integer; the largest is "
               "9223372036854775807; allowed: at least 0"},
        BadKey{"Negative", "seed: -1\n", "8:7: seed: '-1' is out of range; allowed: at least 0"},
        BadKey{"Infinite", "learning_rate: .inf\n",
               "8:16: learning_rate: '.inf' is not a number; allowed: more than 0"},
        BadKey{"NotANumber", "z_loss: .nan\n",
               "8:9: z_loss: '.nan' is not a number; allowed: at least 0"},
        BadKey{"Overflow", "z_loss: 1e999\n",
               "8:9: z_loss: '1e999' is not a number; it is too large or too small for a 64-bit "
               "number; allowed: at least 0"},
        BadKey{"Zero", "learning_rate: 0\n",
               "8:16: learning_rate: '0' is out of range; allowed: more than 0"},
        BadKey{"AboveOne", "warmup_ratio: 1.5\n",
               "8:15: warmup_ratio: '1.5' is out of range; allowed: at least 0 and at most 1"},
        BadKey{"Yes", "deterministic: yes\n",
               "8:16: deterministic: 'yes' is not true or false; write true"},
        BadKey{"No", "deterministic: no\n",
               "8:16: deterministic: 'no' is not true or false; write false"},
        BadKey{"Capital", "deterministic: True\n",
               "8:16: deterministic: 'True' is not true or false; write true"},
        BadKey{"QuotedBoolean", "deterministic: 'true'\n",
               "8:16: deterministic: 'true' in quotes is not true or false; remove the quotes"},
        BadKey{"EmptyValue", "eval_steps:\nseed: 1\n",
               "8:1: eval_steps: an empty value is not an integer; allowed: at least 1 and at most "
               "1e15; give a value or remove the key"},
        BadKey{"NullForRequired", "seed: null\n",
               "8:7: seed: 'null' is not an integer; allowed: at least 0"},
        BadKey{"ListForNumber", "seed: [1]\n",
               "8:7: seed: a list of 1 is not an integer; allowed: at least 0"},
        BadKey{"MapForText", "device: {a: 1}\n", "8:9: device: a map of keys is not text"},
        BadKey{"EmptyText", "tokenizer: ''\n",
               "8:12: tokenizer: the text is empty; give some or remove the key"},
        BadKey{"UnknownChoice", "optimizer: adam\n",
               "8:12: optimizer: 'adam' is not known; did you mean 'adamw'?; allowed: adamw, sgd, "
               "lion, muon or adafactor"},
        BadKey{"UnsupportedChoice", "precision: fp8\n",
               "8:12: precision: 'fp8' is not known; allowed: fp32 or bf16"},
        BadKey{"UnknownWord", "device: metal\n",
               "8:9: device: 'metal' is not known; allowed: auto, cpu or cuda"},
        BadKey{"Threads", "threads: 0\n",
               "8:10: threads: '0' is out of range; allowed: auto or at least 1 and at most 4096"},
        BadKey{"Report", "report_to: [html, csv]\n",
               "8:19: report_to.1: 'csv' is not known; allowed: tensorboard or html"},
        BadKey{"Terminal", "device: \"\\e[31m\"\n",
               "8:9: device: '\\x1b[31m' in quotes is not known; allowed: auto, cpu or cuda"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Relations, BadKeys,
    testing::Values(
        BadKey{"TwoLengths", "num_epochs: 2\n",
               "8:1: 'num_epochs' and 'max_steps' (x.yaml:6:1) are both given; keep one of them "
               "(KEY=null on the command line unsets one)"},
        BadKey{"TwoModels", "base_config: gpt2-124m\n",
               "8:1: 'base_config' and 'model' (x.yaml:1:1) are both given; keep one of them "
               "(KEY=null on the command line unsets one)"},
        BadKey{"TwoWarmups", "warmup_steps: 2\nwarmup_ratio: 0.1\n",
               "9:1: 'warmup_ratio' and 'warmup_steps' (x.yaml:8:1) are both given; keep one of "
               "them (KEY=null on the command line unsets one)"},
        BadKey{
            "LongWarmup", "warmup_steps: 20\n",
            "8:1: warmup_steps (20) is more than max_steps (10, x.yaml:6:1); change one of them"},
        BadKey{"AliasAndName", "lr: 1e-3\nlearning_rate: 1e-3\n",
               "8:1: 'lr' and 'learning_rate' (x.yaml:9:1) are two names of one key; keep one of "
               "them"},
        BadKey{"TwoAliases", "max_length: 3\n",
               "8:1: 'max_length' and 'sequence_len' (x.yaml:5:1) are two names of one key; keep "
               "one of them"},
        BadKey{"OddBatch", "micro_batch_size: 3\nglobal_batch_size: 8\n",
               "9:1: global_batch_size (8 sequences) is not a multiple of micro_batch_size (3, "
               "x.yaml:8:1); change one of them"},
        BadKey{"ThreeBatches",
               "micro_batch_size: 2\nglobal_batch_size: 8\ngradient_accumulation_steps: 3\n",
               "9:1: global_batch_size (8 sequences) is not micro_batch_size (2, x.yaml:8:1) times "
               "gradient_accumulation_steps (3, x.yaml:10:1); leave one of them out"},
        BadKey{"TooManyBatches", "micro_batch_size: 1\nglobal_batch_size: 1048577\n",
               "9:1: global_batch_size (1048577 sequences) needs 1048577 micro-batches of "
               "micro_batch_size (1, x.yaml:8:1) a step; at most 1048576 are allowed"},
        BadKey{"TooManyTokens",
               "micro_batch_size: 1048576\ngradient_accumulation_steps: 1048576\n"
               "curriculum: [{until_step: 1000000000000000, weights: [1]}]\n",
               "6:1: 1000000000000000 steps of 1048576 x 1048576 x 64 tokens are more than can be "
               "counted (4.6e18); lower one of them"},
        BadKey{"OddTokens", "global_batch_tokens: 100\n",
               "8:1: global_batch_tokens (100) is not a multiple of sequence_len (64, x.yaml:5:1); "
               "the nearest is 64"},
        BadKey{
            "TwoBatches", "global_batch_tokens: 128\nglobal_batch_size: 2\n",
            "8:1: 'global_batch_tokens' and 'global_batch_size' (x.yaml:9:1) are both given; keep "
            "one of them (KEY=null on the command line unsets one)"},
        BadKey{"Patience", "early_stopping_patience: 3\n",
               "8:1: early_stopping_patience needs eval_steps: it counts evaluations"},
        BadKey{"BestWithoutEvaluation", "load_best_model_at_end: true\n",
               "8:1: load_best_model_at_end needs eval_steps: evaluations find the best"},
        BadKey{"SamplesOfNothing", "sample_steps: 3\n",
               "8:1: sample_steps needs sample_prompts: there is nothing to continue"},
        BadKey{
            "WrongCount", "global_batch_size: null\nglobal_batch_tokens: 5u\n",
            "9:22: global_batch_tokens: '5u' is not a count for this key; 5u counts steps: write "
            "max_steps: 5u; allowed: at least 1 and at most 1e15"},
        BadKey{"Fp16", "fp16: true\n",
               "8:7: fp16: nothing is trained in fp16, whose range would need a scaled loss; use "
               "precision: bf16, which is as fast and has the range of fp32 (weights are read and "
               "exported in fp16, too)"},
        BadKey{"PrecisionFp16", "precision: float16\n",
               "8:12: precision: 'float16': nothing is trained in fp16, whose range would need a "
               "scaled loss; use precision: bf16, which is as fast and has the range of fp32 "
               "(weights are read and exported in fp16, too)"},
        BadKey{"ResumeTrue", "resume_from_checkpoint: true\n",
               "8:25: resume_from_checkpoint: 'true' is not known; allowed: auto, never or a "
               "folder"},
        BadKey{"SplitKeys", "val_split: {by: hash, sise: 0.1}\n",
               "8:23: val_split: unknown key 'sise'; did you mean 'size'?; allowed: by or size"},
        BadKey{"SplitSize", "val_split: {size: 1}\n",
               "8:19: val_split.size: '1' is out of range; allowed: more than 0 and less than 1"},
        BadKey{"TwoSplits", "val_split: {size: 0.1}\nval_set_size: 0.1\n",
               "9:1: 'val_set_size' and 'val_split' (x.yaml:8:1) say the same; keep one of them"}),
    [](const auto& test) { return test.param.name; });

// What the file as a whole may be.
struct BadFile {
  const char* name;
  const char* text;
  const char* message;
};

class BadFiles : public testing::TestWithParam<BadFile> {};

TEST_P(BadFiles, SaysWhereWhatAndWhatToDo) {
  EXPECT_EQ(pretrain_error(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadFiles,
    testing::Values(
        BadFile{"Empty", "", "x.yaml: the config is empty"},
        BadFile{"OnlyComments", "# nothing\n", "x.yaml: the config is empty"},
        BadFile{"List", "- a\n",
                "x.yaml:1:1: a config is a map of keys ('key: value'); this is a list"},
        BadFile{
            "NoSpace", "seed:5\n",
            "x.yaml:1:1: a config is a map of keys ('key: value'); this is the text 'seed:5'; a "
            "space is missing after the colon"},
        BadFile{
            "MissingKeys", "seed: 5\n",
            "x.yaml:1:1: there is no model: give model, base_config or base_model\n"
            "x.yaml:1:1: the run has no length: give max_steps, num_epochs or max_tokens\n"
            "x.yaml:1:1: datasets: is missing (what to train on)\n"
            "x.yaml:1:1: sequence_len: is missing (length of a sample)\n"
            "x.yaml:1:1: output_dir: is missing (folder of the run: checkpoints, logs, report)"},
        BadFile{
            "NoDatasets",
            "base_config: gpt2-124m\ndatasets: []\nsequence_len: 8\nmax_steps: 1\noutput_dir: r\n",
            "x.yaml:2:1: datasets: the list is empty; give at least one {path: FOLDER}"},
        BadFile{"DatasetKeys",
                "base_config: gpt2-124m\ndatasets:\n  - pth: a\nsequence_len: 8\nmax_steps: 1\n"
                "output_dir: r\n",
                "x.yaml:3:5: datasets.0.path: is missing (folder that `weft prepare` wrote)\n"
                "x.yaml:3:5: datasets.0: unknown key 'pth'; did you mean 'path'?; allowed: "
                "path, weight or share"},
        BadFile{
            "DatasetText",
            "base_config: gpt2-124m\ndatasets: tokens\nsequence_len: 8\nmax_steps: 1\noutput_dir: "
            "r\n",
            "x.yaml:2:11: datasets.0: 'tokens' is not a map of keys; write {key: value} or one "
            "'key: value' a line, further to the right"},
        BadFile{
            "SeveralInOrder",
            "seed: x\nprecision: y\nfoo: 1\nmodel: {model_type: gpt3}\n"
            "datasets: [{path: d}]\nsequence_len: 8\nmax_steps: 1\noutput_dir: r\n",
            "x.yaml:1:7: seed: 'x' is not an integer; allowed: at least 0\n"
            "x.yaml:2:12: precision: 'y' is not known; allowed: fp32 or bf16\n"
            "x.yaml:3:1: unknown key 'foo'; docs/config.md lists all keys\n"
            "x.yaml:4:21: model_type: 'gpt3' is not known; allowed: gpt2, llama, mistral, qwen2 "
            "or qwen3"},
        BadFile{"MissingBase", "extends: nope.yaml\n",
                "x.yaml:1:10: extends: cannot read 'nope.yaml': there is no such file or folder; "
                "check the path"}),
    [](const auto& test) { return test.param.name; });

TEST(BadConfigs, AtMostTwentyErrorsAreShown) {
  std::string text = "seed: 1\n";
  for (int i = 0; i < 30; ++i) text += "unknown_" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(pretrain_error(text), testing::HasSubstr("\nand 15 more errors"));
}

TEST(BadConfigs, UnknownBaseConfigNamesTheNearest) {
  const std::string error = pretrain_error(
      "base_config: gpt2-124n\ndatasets: [{path: d}]\nsequence_len: 8\nmax_steps: 1\noutput_dir: "
      "r\n");
  EXPECT_THAT(error,
              testing::StartsWith("x.yaml:1:14: base_config: 'gpt2-124n' is neither a folder "
                                  "with a config.json nor a known model; did you mean "
                                  "'gpt2-124m'?; allowed: gpt2-124m, "));
}

}  // namespace
}  // namespace weft
