// Files that extend each other, arguments of the command line, aliases and other spellings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config_test_files.h"
#include "core/tree/compare.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kBase =
    "model: {model_type: llama, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4,\n"
    "        intermediate_size: 128, vocab_size: 300}\n"
    "datasets: [{path: a}, {path: b, weight: 2}]\n"
    "sequence_len: 64\n"
    "max_steps: 10\n"
    "output_dir: run\n";

train::LoadedPretrainConfig load(const std::vector<std::string>& overrides,
                                 const std::string& text = kBase) {
  return train::load_pretrain_config("x.yaml", overrides, texts({{"x.yaml", text}}));
}

TEST(Overrides, ReplaceValuesDeepInTheTree) {
  const auto c = load({"model.hidden_size=128", "learning_rate=2e-4", "datasets.1.path=c",
                       "datasets[0].weight=3", "sample_prompts=[\"a: b\", c]", "threads=4"})
                     .config;
  EXPECT_EQ(c.model->hidden_size, 128);
  EXPECT_EQ(c.model->num_hidden_layers, 2);
  EXPECT_EQ(c.learning_rate, 2e-4);
  EXPECT_EQ(c.datasets[0].path, "a");
  EXPECT_EQ(c.datasets[0].weight, 3);
  EXPECT_EQ(c.datasets[1].path, "c");
  EXPECT_EQ(c.datasets[1].weight, 2);
  EXPECT_THAT(c.sample_prompts, ElementsAre("a: b", "c"));
  EXPECT_EQ(c.threads, 4);
}

TEST(Overrides, TheLastOneWins) {
  EXPECT_EQ(load({"seed=1", "seed=2"}).config.seed, 2);
}

TEST(Overrides, AppendToAList) {
  EXPECT_EQ(load({"datasets.2.path=c"}).config.datasets.at(2).path, "c");
  EXPECT_EQ(pretrain_error(kBase, {"datasets.3.path=c"}),
            "command line: datasets.3.path=c: 'datasets' has 2 items, so it has no item 3");
}

TEST(Overrides, AnAliasReplacesTheKeyOfTheFile) {
  const auto loaded = load({"lr=1e-5"}, std::string(kBase) + "learning_rate: 1e-3\n");
  EXPECT_EQ(loaded.config.learning_rate, 1e-5);
  EXPECT_THAT(loaded.notes, ElementsAre("command line: lr=1e-5: 'lr' is read as 'learning_rate'"));
  EXPECT_EQ(load({"dataset.0.path=z"}).config.datasets[0].path, "z");
}

TEST(Overrides, GpuIsReadAsCuda) {
  const auto loaded = load({"device=gpu"});
  EXPECT_EQ(loaded.config.device, "cuda");
  EXPECT_THAT(loaded.notes, ElementsAre("command line: device=gpu: device: 'gpu' is read as cuda"));
  EXPECT_EQ(load({"device=cuda"}).notes, std::vector<std::string>());
}

TEST(Overrides, NullUnsetsAKey) {
  const auto c = load({"max_steps=null", "num_epochs=2.5"}).config;
  EXPECT_FALSE(c.max_steps.has_value());
  EXPECT_EQ(c.num_epochs, 2.5);
}

struct BadOverride {
  const char* argument;
  const char* message;
};

class BadOverrides : public testing::TestWithParam<BadOverride> {};

TEST_P(BadOverrides, AreRefusedWithTheArgument) {
  EXPECT_EQ(pretrain_error(kBase, {GetParam().argument}), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Overrides, BadOverrides,
    testing::Values(
        BadOverride{"seed", "command line: 'seed' is not key=value"},
        BadOverride{"=5", "command line: '=5' is not key=value"},
        BadOverride{"a..b=5",
                    "command line: a..b=5: 'a..b' is not the name of a key; write key or "
                    "a.b.c"},
        BadOverride{"seed=",
                    "command line: seed=: seed: an empty value is not an integer; allowed: at "
                    "least 0; give a value or remove the key"},
        BadOverride{"seed=abc",
                    "command line: seed=abc: seed: 'abc' is not an integer; allowed: at least 0"},
        BadOverride{"sed=1", "command line: sed=1: unknown key 'sed'; did you mean 'seed'?"},
        BadOverride{"model.hidden_sise=1",
                    "command line: model.hidden_sise=1: model: unknown key "
                    "'hidden_sise'; did you mean 'hidden_size'?"},
        BadOverride{"seed=010",
                    "command line: seed=010: seed: '010' is not an integer; write 10: a "
                    "leading zero means octal to some readers and decimal to others; "
                    "allowed: at least 0"},
        BadOverride{
            "num_epochs=3",
            "command line: num_epochs=3: 'num_epochs' and 'max_steps' (x.yaml:5:1) are both "
            "given; keep one of them (KEY=null on the command line unsets one)"},
        BadOverride{"model.0=3",
                    "command line: model.0=3: 'model' is not a list, so it has no item 0"},
        BadOverride{
            "seed.0=3",
            "command line: seed.0=3: seed: a list of 1 is not an integer; allowed: at least 0"},
        BadOverride{"0=3", "command line: '0=3' names no key"},
        BadOverride{"extends=y.yaml",
                    "command line: extends=y.yaml: unknown key 'extends'; "
                    "docs/config.md lists all keys"},
        BadOverride{"device=metal",
                    "command line: device=metal: device: 'metal' is not known; allowed: "
                    "auto, cpu or cuda"}));

TEST(Overrides, ValuesThatAreNoYamlAreRefused) {
  EXPECT_THAT(pretrain_error(kBase, {"datasets=[a"}),
              testing::StartsWith("command line: datasets=[a:1:"));
  EXPECT_THAT(pretrain_error(kBase, {"output_dir=\xff"}), HasSubstr("not UTF-8"));
}

TEST(Extends, LaysTheFileOverTheOther) {
  const auto files =
      texts({{"d/top.yaml", "extends: sub/middle.yaml\nseed: 3\nmodel: {head_dim: 32}\n"},
             {"d/sub/middle.yaml", "extends: ../base.yaml\nseed: 2\ndatasets: [{path: m}]\n"},
             {"d/base.yaml", std::string(kBase) + "seed: 1\nlr: 1e-2\n"}});
  const auto loaded = train::load_pretrain_config("d/top.yaml", {}, files);
  EXPECT_EQ(loaded.config.seed, 3);
  EXPECT_EQ(loaded.config.model->head_dim, 32);
  EXPECT_EQ(loaded.config.model->hidden_size, 64);
  ASSERT_EQ(loaded.config.datasets.size(), 1u);
  EXPECT_EQ(loaded.config.datasets[0].path, "m");
  EXPECT_EQ(loaded.config.learning_rate, 1e-2);
  EXPECT_THAT(loaded.notes, ElementsAre("d/base.yaml:8:1: 'lr' is read as 'learning_rate'"));
}

TEST(Extends, ErrorsNameTheFileThatHasThem) {
  const auto files = texts(
      {{"x.yaml", "extends: b.yaml\nmax_steps: 5\nnum_epochs: 1\n"}, {"b.yaml", "seed: x\n"}});
  const std::string error = error_of([&] { train::load_pretrain_config("x.yaml", {}, files); });
  EXPECT_THAT(error, HasSubstr("b.yaml:1:7: seed: 'x' is not an integer"));
  EXPECT_THAT(error, HasSubstr("x.yaml:3:1: 'num_epochs' and 'max_steps' (x.yaml:2:1)"));
}

TEST(Extends, RefusesCirclesLongChainsAndOtherValues) {
  const auto load_of = [](std::map<std::string, std::string> files) {
    return error_of([&] { train::load_pretrain_config("a.yaml", {}, texts(files)); });
  };
  EXPECT_EQ(load_of({{"a.yaml", "extends: b.yaml\n"}, {"b.yaml", "extends: ./a.yaml\n"}}),
            "b.yaml:1:10: extends: the files extend each other in a circle: a.yaml -> b.yaml -> "
            "a.yaml");
  EXPECT_EQ(load_of({{"a.yaml", "extends: a.yaml\n"}}),
            "a.yaml:1:10: extends: the files extend each other in a circle: a.yaml -> a.yaml");
  EXPECT_EQ(load_of({{"a.yaml", "extends: [b.yaml]\n"}}),
            "a.yaml:1:10: extends: give the path of one file, relative to this one");
  std::map<std::string, std::string> chain{{"a.yaml", "extends: 1.yaml\n"}};
  for (int i = 1; i < 12; ++i)
    chain[std::to_string(i) + ".yaml"] = "extends: " + std::to_string(i + 1) + ".yaml\n";
  EXPECT_EQ(load_of(chain), "9.yaml:1:10: extends: more than 10 files extend each other");
}

TEST(Aliases, OfOtherTrainersAreReadWithANote) {
  const char* text =
      "model_name_or_path: some/folder\n"
      "dataset: {path: a}\n"
      "cutoff_len: 64\n"
      "per_device_train_batch_size: 4\n"
      "optimizer-delay: 2\n"
      "num_train_epochs: 5e\n"
      "lr: 1e-3\n"
      "lr_scheduler_type: linear\n"
      "warmup_steps: 0.1\n"
      "clip_grad: 0.5\n"
      "bf16: true\n"
      "recompute_granularity: selective\n"
      "save_interval: 10\n"
      "eval_interval: 5\n"
      "val_set_size: 0.1\n"
      "report_to: none\n"
      "load: never\n"
      "output_dir: run\n";
  config::Loaded<train::PretrainConfig> loaded =
      config::load<train::PretrainConfig>("x.yaml", {}, texts({{"x.yaml", text}}));
  const train::PretrainConfig& c = loaded.value;
  EXPECT_EQ(c.base_model, "some/folder");
  EXPECT_EQ(c.datasets.at(0).path, "a");
  EXPECT_EQ(c.sequence_len, 64);
  EXPECT_EQ(c.sequences_per_step(), 8);
  EXPECT_EQ(c.num_epochs, 5);
  EXPECT_EQ(c.warmup_ratio, 0.1);
  EXPECT_EQ(c.optimizer_options().max_grad_norm, 0.5);
  EXPECT_EQ(c.precision, train::Precision::kBf16);
  EXPECT_EQ(c.gradient_checkpointing, RecomputeMode::kSelective);
  EXPECT_EQ(c.val_split->size, 0.1);
  EXPECT_TRUE(c.report_to.empty());
  EXPECT_EQ(c.resume_from_checkpoint, "never");
  EXPECT_EQ(loaded.notes.size(), 16u) << testing::PrintToString(loaded.notes);
}

TEST(Aliases, NoValidationSplitIsWrittenInManyWays) {
  for (const char* text : {"val_set_size=0", "val_set_size=0.0", "val_set_size=none",
                           "val_split=none", "val_split=0"}) {
    const auto loaded = load({"val_split={by: tail, size: 0.1}", text});
    EXPECT_FALSE(loaded.config.val_split.has_value()) << text;
    ASSERT_EQ(loaded.notes.size(), 1u) << text;
    EXPECT_THAT(loaded.notes[0], HasSubstr(" is read as val_split: null"));
  }
  EXPECT_THAT(load({"val_set_size=0.1"}).notes,
              ElementsAre(HasSubstr("is read as val_split: {by: hash, size: 0.1}")));
}

TEST(Aliases, ATextLaidOverAModelIsToldFromIt) {
  EXPECT_THAT(pretrain_error(kBase, {"model=some folder"}),
              HasSubstr("'model', a text here and so read as base_model, and 'model' (x.yaml:1:1) "
                        "are both given"));
}

TEST(Aliases, OnTheCommandLineTheLastNameCounts) {
  EXPECT_EQ(load({"learning_rate=2", "lr=1"}).config.learning_rate, 1);
  EXPECT_EQ(load({"lr=1", "learning_rate=2"}).config.learning_rate, 2);
}

TEST(Aliases, AModelThatIsTextIsABaseModel) {
  EXPECT_THAT(pretrain_error("model: some/folder\ndatasets: [{path: d}]\nsequence_len: 8\n"
                             "max_steps: 1\noutput_dir: r\n"),
              testing::StartsWith("x.yaml:1:8: base_model: cannot read 'some/folder/config.json'"));
}

TEST(Counts, HaveUnitsWhereTheKeyCountsThem) {
  EXPECT_EQ(load({"max_steps=null", "max_tokens=1.5Gt"}).config.max_tokens, 1'500'000'000);
  EXPECT_EQ(load({"max_steps=100Ku"}).config.max_steps, 100'000);
  EXPECT_EQ(load({"max_steps=7u"}).config.max_steps, 7);
  EXPECT_THAT(pretrain_error(kBase, {"max_steps=0.5u"}), HasSubstr("'0.5u' is not a whole number"));
  EXPECT_THAT(pretrain_error(kBase, {"max_steps=5e"}), HasSubstr("write num_epochs: 5e"));
  EXPECT_THAT(pretrain_error(kBase, {"max_steps=10G"}), HasSubstr("'10G' is not an integer"));
  EXPECT_THAT(pretrain_error(kBase, {"save_steps=10Ku"}), HasSubstr("is not an integer"));
}

TEST(Notes, KeysWithoutEffectAreNamed) {
  EXPECT_THAT(
      load({"momentum=0.5"}).notes,
      ElementsAre("command line: momentum=0.5: momentum has no effect with optimizer adamw"));
  EXPECT_THAT(load({"momentum=0.5", "optimizer=sgd"}).notes, testing::IsEmpty());
  EXPECT_THAT(load({"wsd_decay_ratio=0.5"}).notes.at(0), HasSubstr("lr_scheduler cosine"));
  EXPECT_THAT(load({"wsd_decay_ratio=0.2", "group_by_length=false"}).notes, testing::IsEmpty())
      << "what they are anyway";
}

TEST(Print, GivesAFileThatLoadsToTheSame) {
  const auto loaded =
      load({"val_split={by: tail, size: 0.25}", "sample_prompts=[\"x: \\\"y\\\"\\n\"]",
            "global_batch_size=4", "micro_batch_size=2", "threads=auto",
            "model.rope_scaling={type: linear, factor: 2}"});
  const std::string printed = config::print(loaded.config);
  EXPECT_EQ(load({}, printed).config, loaded.config) << printed;
  EXPECT_THAT(load({}, printed).notes, testing::IsEmpty());
  EXPECT_THAT(printed, HasSubstr("\nthreads: auto\n"));
  EXPECT_THAT(printed, HasSubstr("\n  rope_parameters:\n    rope_type: linear\n"));
  EXPECT_THAT(printed, HasSubstr("\ngradient_accumulation_steps: 2\n"));
}

TEST(Compare, TellsWhatMayChangeWhenARunGoesOn) {
  const auto before = load({"learning_rate=1e-3"}).config;
  const auto after = load({"learning_rate=2e-3", "model.hidden_size=128", "save_steps=5"}).config;
  const auto differences =
      compare(to_tree(before), to_tree(after), schema_of<train::PretrainConfig>());
  std::vector<std::string> lines;
  for (const Difference& d : differences)
    lines.push_back(d.path + " " + d.before + ">" + d.after + (d.may_change ? " may" : ""));
  EXPECT_THAT(lines, ElementsAre("model.hidden_size 64>128", "model.head_dim 16>32",
                                 "learning_rate 0.001>0.002 may", "save_steps >5 may"));
}

}  // namespace
}  // namespace weft
