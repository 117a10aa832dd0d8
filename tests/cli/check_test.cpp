// `weft check`: every finding of the preflight, and that nothing is trained, written or slow.
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli_test.h"

namespace weft::test {
namespace {

class Check : public CliTest {
 protected:
  Outcome check(const std::string& change = "") const {
    Arguments arguments = {"check", "tiny.yaml"};
    if (!change.empty()) arguments.push_back(change);
    const auto before = contents_of(folder_.path());
    Outcome outcome = run(arguments);
    EXPECT_TRUE(contents_of(folder_.path()) == before) << "files were changed, made or left";
    return outcome;
  }
  void expect_failure(const std::string& change, const std::vector<std::string>& parts) const {
    const Outcome outcome = check(change);
    SCOPED_TRACE(change + "\n" + outcome.all());
    EXPECT_EQ(outcome.code, kBadInput);
    EXPECT_THAT(outcome.err, HasSubstr("weft: the run would end with an error"));
    for (const std::string& part : parts) EXPECT_THAT(outcome.out, HasSubstr(part));
  }
  void expect_doubt(const std::string& change, const std::vector<std::string>& parts) const {
    const Outcome outcome = check(change);
    SCOPED_TRACE(change + "\n" + outcome.all());
    EXPECT_EQ(outcome.code, kDone);
    for (const std::string& part : parts) EXPECT_THAT(outcome.out, HasSubstr(part));
  }
  // Many short documents, so that samples hold ends of texts.
  void prepare_records(const std::string& more = "") const {
    std::string lines;
    for (int i = 0; i < 300; ++i)
      lines += "{\"text\": \"Text " + std::to_string(i) + " is short.\"}\n";
    write("text.jsonl", lines);
    must({"prepare", "text.jsonl", "-o", "tokens", "--tokenizer", "bytes"});
    write("tiny.yaml", tiny_config() + more);
  }
};

TEST_F(Check, ASoundRunIsToldWhatItWillDo) {
  prepare_records("save_steps: 1\nsave_total_limit: 2\n");
  const Outcome outcome = check();
  SCOPED_TRACE(outcome.all());
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_EQ(outcome.err, "");
  for (const char* part :
       {"sample 0 of the first batches:", "[learned]", "document", "ok        output_dir: 'run'",
        "ok        tokenizer: 257 tokens, the model has room for 264",
        "samples of all over the run read and decoded", "labels looked at are the end of a text",
        "2 sequences x 1 micro-batches x 16 tokens = 32 tokens a step", "2 steps, ",
        "steps an epoch", "parameters, the plan takes", "2 checkpoints of"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("doubtful")));
  EXPECT_LE(outcome.processor_seconds, 5);
}

TEST_F(Check, JsonHoldsTheFindingsAndTheRows) {
  prepare_records();
  const auto told =
      nlohmann::json::parse(must({"check", "tiny.yaml", "--json", "--rows", "3"}).out);
  EXPECT_EQ(told["fails"], false);
  EXPECT_GE(told["findings"].size(), 6u);
  ASSERT_EQ(told["rows"].size(), 3u);
  EXPECT_EQ(told["rows"][0]["input_ids"].size(), 16u);
}

TEST_F(Check, MisspeltKeysComeWithTheirPlace) {
  prepare_run();
  expect_error({"check", "tiny.yaml", "max_step=3"}, {"max_step", "did you mean 'max_steps'?"});
}

TEST_F(Check, DataThatCannotBeReadIsFoundAndTheRestStillChecked) {
  prepare_run();
  expect_failure("datasets=[{path: nowhere}]",
                 {"FAILS     data: ", "'nowhere'", "ok        memory: "});
  expect_failure("model.vocab_size=200", {"FAILS     data: ", "set vocab_size to 257 or more"});
  expect_failure("tokenizer=missing", {"FAILS     data: ", "no such file or folder"});
  std::string shard = text_of("tokens/train-00000.weft");
  shard[100] ^= 0x40;
  write("tokens/train-00000.weft", shard);
  expect_failure("", {"FAILS     data: ", "train-00000.weft"});
}

// A damaged validation split would end the run at its first evaluation.
TEST_F(Check, ValidationDataThatCannotBeReadIsFound) {
  prepare_run("eval_steps: 1\n");
  const std::string sound = check().out;
  EXPECT_THAT(sound, HasSubstr("ok        validation: "));
  EXPECT_THAT(sound, HasSubstr("batches of an evaluation"));
  EXPECT_THAT(sound, HasSubstr("read and decoded"));
  const std::string file = "tokens/validation-00000.weft", shard = text_of(file);
  std::string damaged = shard;
  damaged[shard.size() / 2] ^= 0x40;
  write(file, damaged);
  expect_failure("", {"ok        data: ", "FAILS     validation: ", "validation-00000.weft",
                      "ok        memory: "});
  EXPECT_EQ(run({"pretrain", "tiny.yaml"}).code, kBadInput) << "and rightly so";
  write(file, shard);
  must({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "none",
        "--overwrite"});
  expect_failure("", {"FAILS     data: ", "has no validation split beside it"});
  write("tiny.yaml", tiny_config());
  EXPECT_THAT(check().out, HasSubstr("there is no validation split, so nothing is evaluated"));
}

TEST_F(Check, ValidationDataThatAreNoTextAreDoubted) {
  std::string lines, signs;
  for (int i = 0; i < 300; ++i) signs += "\xEF\xBF\xBD";
  for (int i = 0; i < 60; ++i) lines += "{\"text\": \"" + std::string(500, 'w') + "\"}\n";
  for (int i = 0; i < 30; ++i) lines += "{\"text\": \"" + signs + "\"}\n";
  write("text.jsonl", lines);
  must(
      {"prepare", "text.jsonl", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "tail:0.4"});
  write("tiny.yaml", tiny_config());
  const Outcome outcome = check();
  EXPECT_THAT(outcome.out, HasSubstr("doubtful  validation: ")) << outcome.all();
  EXPECT_THAT(outcome.out, HasSubstr("ok        data: "));
}

TEST_F(Check, FilesOfTheRunThatAreNoneAreFound) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  for (const char* name : {"log.jsonl", "run_record.jsonl", "run_config.yaml"}) {
    std::filesystem::rename(folder_ / "run" / name, folder_ / "kept");
    std::filesystem::create_directory(folder_ / "run" / name);
    expect_failure("max_steps=4", {"FAILS     output_dir: ", name, "is no regular file"});
    EXPECT_EQ(run({"pretrain", "tiny.yaml", "max_steps=4"}).code, kBadInput) << "and rightly so";
    std::filesystem::remove(folder_ / "run" / name);
    std::filesystem::rename(folder_ / "kept", folder_ / "run" / name);
  }
  must({"pretrain", "tiny.yaml", "max_steps=4"});
}

TEST_F(Check, OtherDataThanTheCheckpointsIsFound) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  expect_failure("micro_batch_size=4",
                 {"FAILS     resume: ", "another order of data", "resume_with_other_data=true"});
  const Outcome forced =
      run({"check", "tiny.yaml", "micro_batch_size=4", "resume_with_other_data=true"});
  EXPECT_EQ(forced.code, kDone) << forced.all();
  EXPECT_THAT(forced.out, HasSubstr("the run goes on with it"));
}

TEST_F(Check, FoldersThatCannotBeMadeAreFound) {
  prepare_run();
  expect_failure("output_dir=text.txt/run",
                 {"FAILS     output_dir: 'text.txt' is no folder", "choose another output_dir"});
}

TEST_F(Check, MemoryAndDiskThatDoNotSufficeAreFound) {
  prepare_run("save_steps: 1\n");
  const Outcome outcome = run({"check", "tiny.yaml", "--memory", "16KiB"});
  EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
  EXPECT_THAT(outcome.out, HasSubstr("FAILS     memory: "));
  fs::create_directory(folder_ / "small");
  // Mounting a small disk takes rights that not every user has.
  if (!mount_memory(folder_ / "small", 64 << 10, false))
    GTEST_SKIP() << "this system lets a test mount nothing";
  expect_failure("output_dir=small/run",
                 {"FAILS     disk: the checkpoints do not fit", "there is room for 0;"});
}

// The verdict is the run's own: without save_total_limit it begins, and may be stopped in time.
TEST_F(Check, ADiskThatWillFillUpIsDoubted) {
  prepare_run("save_steps: 1\n");
  std::filesystem::create_directory(folder_ / "small");
  // Mounting a small disk takes rights that not every user has.
  if (!mount_memory(folder_ / "small", 512 << 10, false))
    GTEST_SKIP() << "this system lets a test mount nothing";
  Arguments words = {"check", "tiny.yaml", "output_dir=small/run", "max_steps=9"};
  const Outcome outcome = run(words);
  EXPECT_EQ(outcome.code, kDone) << outcome.all();
  EXPECT_THAT(outcome.out, HasSubstr("doubtful  disk: the checkpoints do not fit"));
  words.push_back("save_total_limit=8");
  EXPECT_EQ(run(words).code, kBadInput);
  words.front() = "pretrain";
  EXPECT_EQ(run(words).code, kDoesNotFit);
}

TEST_F(Check, AFolderThatIsReadOnlyIsFound) {
  prepare_run();
  fs::create_directory(folder_ / "small");
  // Mounting a small disk takes rights that not every user has.
  if (!mount_memory(folder_ / "small", 1 << 20, true))
    GTEST_SKIP() << "this system lets a test mount nothing";
  expect_failure("output_dir=small/run", {"FAILS     output_dir: nothing may be written"});
}

TEST_F(Check, DoubtsAreToldAndEndNothing) {
  prepare_run();  // one document, of which no sample holds the end
  expect_doubt("max_steps=100000", {"doubtful  schedule: 100000 steps", "learns it by heart"});
  expect_doubt("", {"doubtful  end token: none of ", "does not learn to stop"});
  expect_doubt("micro_batch_size=4096", {"doubtful  batch: one step reads all of the data"});
  expect_doubt("model.vocab_size=1000", {"doubtful  tokenizer: ", "lower vocab_size"});
  expect_doubt("model.eos_token_id=3",
               {"doubtful  tokenizer: documents end with token 256", "set it to 256"});
  expect_doubt("sample_prompts=[" + std::string(70, 'x') + "]",
               {"doubtful  samples: the prompt", "has 70 tokens", "allowed are 1 to 63"});
  EXPECT_THAT(check("sample_prompts=[x]").out, testing::Not(HasSubstr("doubtful  samples")))
      << "its sample is shorter than sample_max_new_tokens";
  expect_doubt("warmup_ratio=1", {"doubtful  schedule: the warmup of 2 steps is not over"});
}

TEST_F(Check, ARunThatCannotGoOnIsFound) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  EXPECT_THAT(check("max_steps=4").out, HasSubstr("the run would go on from 'run/checkpoint-2'"));
  expect_failure("seed=7", {"FAILS     resume: ", "seed was 42, is 7"});
  expect_failure("resume_from_checkpoint=never", {"FAILS     resume: "});
}

// Tensors are matched with the model by name, shape and type before anything starts.
TEST_F(Check, ABaseModelWhoseTensorsDoNotFitIsFound) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  std::filesystem::copy(folder_ / "run/checkpoint-2", folder_ / "base",
                        std::filesystem::copy_options::recursive);
  std::string more = tiny_config();
  more = "base_model: base\n" + more.substr(more.find("datasets:"));
  more.replace(more.find("output_dir: run"), 15, "output_dir: more");
  write("tiny.yaml", more);
  const Outcome sound = check();
  EXPECT_EQ(sound.code, kDone) << sound.all();
  EXPECT_THAT(sound.out, HasSubstr("ok        base_model: 'base' has 21 tensors, all that the "));
  const std::string config = text_of("base/config.json");
  const auto with = [&](const std::string& key, int value) {
    auto json = nlohmann::ordered_json::parse(config);
    json[key] = value;
    write("base/config.json", json.dump());
  };
  with("num_hidden_layers", 3);
  expect_failure("", {"has no tensor 'model.layers.2.self_attn.q_proj.weight'",
                      "base_model: 4 other tensors do not fit"});
  with("num_hidden_layers", 1);
  expect_failure("", {"has the tensor", "model.layers.1.mlp.down_proj.weight",
                      "which the model of its config.json does not have"});
  with("intermediate_size", 48);
  expect_failure("", {"model.layers.0.mlp.gate_proj.weight", "config.json makes it [48, 16]",
                      "base_model: 1 other tensors do not fit"});
  write("base/config.json", config);
  std::string weights = text_of("base/model.safetensors");
  for (size_t at = 0; (at = weights.find("\"F32\"", at)) != std::string::npos; ++at)
    weights.replace(at, 5, "\"I32\"");
  write("base/model.safetensors", weights);
  expect_failure("", {"FAILS     base_model: ", "I32"});
  std::filesystem::remove(folder_ / "base/model.safetensors");
  expect_failure("", {"FAILS     base_model: "});
}

TEST_F(Check, ARunInProgressIsFound) {
  prepare_run("logging_steps: 1\n");
  RunningProgram first({"pretrain", "tiny.yaml", "max_steps=1000000"}, {.folder = folder_.path()});
  ASSERT_TRUE(first.wait_for("step 3/"));
  const Outcome outcome = run({"check", "tiny.yaml", "max_steps=1000000"});
  EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
  EXPECT_THAT(outcome.out, HasSubstr("FAILS     output_dir: "));
  first.send(SIGINT);
  first.wait();
}

TEST_F(Check, HostileTextIsShownWithoutItsEscapes) {
  std::string lines;
  for (int i = 0; i < 50; ++i)
    lines += "{\"text\": \"" + std::to_string(i) + "\\u001b[2Jb\\u009b31m\"}\n";
  write("text.jsonl", lines);
  must({"prepare", "text.jsonl", "-o", "tokens", "--tokenizer", "bytes"});
  write("tiny.yaml", tiny_config());
  EXPECT_THAT(check().out, testing::Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace weft::test
