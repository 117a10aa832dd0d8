// Runs that must not start, or must not lose anything: another model's checkpoint, damaged shards,
// two runs in one folder, places that cannot be written, disks that fill up.
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "cli_test.h"

namespace weft::test {
namespace {

class BadRun : public CliTest {};

TEST_F(BadRun, ACheckpointOfAnotherModelIsRefusedAndKept) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  const auto pretrain = [](const std::string& change) {
    return Arguments{"pretrain", "tiny.yaml", "max_steps=4", change};
  };
  const std::string checkpoint = "run/checkpoint-2";
  const auto kept = contents_of(folder_ / checkpoint);
  const auto refused = [&](const std::string& change, const std::vector<std::string>& parts) {
    const Outcome outcome = run(pretrain(change));
    SCOPED_TRACE(change + "\n" + outcome.all());
    EXPECT_EQ(outcome.code, kBadInput);
    for (const std::string& part : parts) EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_TRUE(contents_of(folder_ / checkpoint) == kept);
  };
  refused("model.hidden_size=32", {checkpoint, "model.hidden_size was 16, is 32"});
  refused("model.num_hidden_layers=3", {checkpoint, "was 2, is 3"});
  refused("model.num_hidden_layers=1", {checkpoint, "was 2, is 1"});
  refused("seed=7", {checkpoint, "seed was 42, is 7", "choose another output_dir"});
  refused("optimizer=sgd", {checkpoint, "optimizer"});
  EXPECT_THAT(must(pretrain("logging_steps=1")).err, HasSubstr("continuing from")) << "as it was";
}

TEST_F(BadRun, DataThatDoesNotFitTheModelIsRefused) {
  prepare_run();
  const auto with = [](const std::string& change) {
    return Arguments{"pretrain", "tiny.yaml", change};
  };
  expect_error(with("model.vocab_size=200"),
               {"vocabulary of 257 tokens", "vocab_size is 200", "set vocab_size to 257 or more"});
  expect_error(with("tokenizer=missing"), {"missing", "no such file or folder"});
  expect_error(with("datasets=[{path: nowhere}]"),
               {"'nowhere'", "`weft prepare INPUT -o nowhere`"});
  expect_error(with("sequence_len=100"), {"sequence_len (100)", "(64, tiny.yaml:"});
  write("chars.txt", sample_text(3));
  must({"prepare", "chars.txt", "-o", "chars", "--tokenizer", "chars", "--val-split", "none"});
  expect_error(with("tokenizer=./chars"),
               {"'./chars' is not the one that the train split of 'tokens' was made with",
                "prepare the data again or name its tokenizer"});
  const Outcome mixed = run(with("datasets=[{path: tokens}, {path: chars}, {path: tokens}]"));
  EXPECT_EQ(mixed.code, kBadInput);
  EXPECT_THAT(mixed.err,
              HasSubstr("'chars' was made with another tokenizer than the validation split "
                        "of 'tokens'; prepare all"));
  const Outcome nowhere = run(with("resume_from_checkpoint=nowhere"));
  EXPECT_EQ(nowhere.code, kBadInput);
  EXPECT_THAT(nowhere.err, HasSubstr("there is no folder 'nowhere'; give that of a checkpoint"));
}

struct BadShard {
  const char* name;
  size_t keep;    // bytes of the shard that stay
  size_t change;  // where a byte is changed; 0: nowhere
};

class DamagedShard : public CliTest, public testing::WithParamInterface<BadShard> {};

TEST_P(DamagedShard, IsNamedAndNothingIsTrained) {
  prepare_run();
  const std::string shard = "tokens/train-00000.weft";
  std::string bytes = text_of(shard).substr(0, GetParam().keep);
  if (GetParam().change > 0) bytes[GetParam().change] ^= 0x40;
  write(shard, bytes);
  for (const Arguments& arguments :
       {Arguments{"pretrain", "tiny.yaml"},
        Arguments{"evaluate", "--model", "model", "--shards", "tokens", "--split", "train"}}) {
    write_chain_model(folder_ / "model");
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
    EXPECT_THAT(outcome.err, HasSubstr("train-00000.weft")) << outcome.all();
    EXPECT_FALSE(exists("run/checkpoint-2"));
  }
}

INSTANTIATE_TEST_SUITE_P(Shards, DamagedShard,
                         testing::Values(BadShard{"Empty", 0, 0}, BadShard{"CutInTheHeader", 40, 0},
                                         BadShard{"CutInTheTokens", 3000, 0},
                                         BadShard{"AFlippedHeaderBit", 1 << 20, 20},
                                         BadShard{"AFlippedTokenBit", 1 << 20, 1000}),
                         [](const auto& bad) { return std::string(bad.param.name); });

TEST_F(BadRun, TwoRunsCannotShareAFolder) {
  prepare_run("logging_steps: 1\n");
  RunningProgram first({"pretrain", "tiny.yaml", "max_steps=1000000"}, {.folder = folder_.path()});
  ASSERT_TRUE(first.wait_for("step 3/"));
  const Outcome second = run({"pretrain", "tiny.yaml", "max_steps=1000000"});
  EXPECT_EQ(second.code, kBadInput) << second.all();
  EXPECT_THAT(second.err, HasSubstr("run"));
  EXPECT_THAT(second.err, HasSubstr("process")) << "who has it: " << second.err;
  first.send(SIGINT);
  EXPECT_THAT(first.wait().err, HasSubstr("interrupted and saved")) << "and nothing disturbed it";
}

TEST_F(BadRun, TwoPreparationsCannotShareAFolder) {
  write("big.txt", sample_text(20000));
  const Arguments prepare = {"prepare",     "big.txt", "-o",          "tokens",
                             "--tokenizer", "bytes",   "--val-split", "tail:0.005"};
  RunningProgram first(prepare, {.folder = folder_.path()});
  while (!exists(".tokens.lock") && !exists("tokens")) continue;
  const Outcome second = run(prepare);
  EXPECT_EQ(second.code, kBadInput) << second.all();
  EXPECT_EQ(first.wait().code, kDone);
  write_chain_model(folder_ / "model");
  must({"evaluate", "--model", "model", "--shards", "tokens"});
}

// A signal, and the exit code by which a script learns who asked.
struct Asked {
  int signal;
  int code;
};
constexpr Asked kAsked[] = {{SIGINT, 130}, {SIGTERM, 75}, {SIGUSR1, 75}, {SIGHUP, 129}};

class Interrupted : public CliTest {
 protected:
  Outcome asked_to_stop(const Arguments& arguments, int signal) const {
    RunningProgram program(arguments, {.folder = folder_.path()});
    program.wait_until_it_minds(signal);
    program.send(signal);
    return program.wait();
  }
};

TEST_F(Interrupted, APreparationLeavesNothing) {
  write("big.txt", sample_text(400000));
  for (const Asked& asked : kAsked) {
    for (const Arguments& arguments :
         {Arguments{"prepare", "big.txt", "-o", "made", "--tokenizer", "bytes"},
          Arguments{"tokenizer", "train", "big.txt", "-o", "made"}}) {
      const Outcome outcome = asked_to_stop(arguments, asked.signal);
      EXPECT_EQ(outcome.code, asked.code) << outcome.all();
      EXPECT_THAT(outcome.err, HasSubstr("interrupted; nothing was written"));
      EXPECT_FALSE(exists("made"));
      EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1) << "only the text";
    }
  }
}

// A legacy checkpoint of llama2.c, all zeros: 150 MB that take no room on the disk.
TEST_F(Interrupted, AnImportLeavesNothing) {
  const std::array<int32_t, 7> header = {512, 1024, 14, 8, 8, 512, 256};
  constexpr int64_t kLayer = 512 * 2 + 512 * 512 * 4 + 512 * 1024 * 3;
  constexpr int64_t kNumbers = 512 * 512 + 14 * kLayer + 512 + 256 * 64;
  write("model.bin", {reinterpret_cast<const char*>(header.data()), sizeof header});
  fs::resize_file(folder_ / "model.bin", sizeof header + 4 * kNumbers);
  const Arguments import = {"import", "model.bin", "-o", "made"};
  for (const Asked& asked : kAsked) {
    const Outcome outcome = asked_to_stop(import, asked.signal);
    EXPECT_EQ(outcome.code, asked.code) << outcome.all();
    EXPECT_THAT(outcome.err, HasSubstr("interrupted; nothing was written"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1) << "only the model";
  }
  must(import);
  for (const Asked& asked : kAsked) {
    const Outcome outcome = asked_to_stop({"export", "made", "-o", "again"}, asked.signal);
    EXPECT_EQ(outcome.code, asked.code) << outcome.all();
    EXPECT_FALSE(exists("again"));
    EXPECT_FALSE(exists(".again.partial"));
  }
}

TEST_F(Interrupted, WhatAVerbHasFoundUntilThenIsPrinted) {
  prepare_run();
  for (const Asked& asked : kAsked) {
    const Arguments bench = {"bench", "tiny.yaml", "--steps", "1000000", "--json"};
    RunningProgram program(bench, {.folder = folder_.path()});
    program.wait_until_it_minds(asked.signal);
    usleep(300'000);  // it needs no step, but some are likely
    program.send(asked.signal);
    const Outcome outcome = program.wait();
    EXPECT_EQ(outcome.code, asked.code) << outcome.all();
    EXPECT_THAT(outcome.all(), testing::AnyOf(HasSubstr("tokens_per_second"),
                                              HasSubstr("interrupted before the first step")));
  }
  write_chain_model(folder_ / "model");
  write("big.txt", sample_text(50000));
  std::string prompts;
  for (int i = 0; i < 50000; ++i) prompts += "a\n";
  write("prompts.txt", prompts);
  for (const Arguments& arguments :
       {Arguments{"evaluate", "--model", "model", "--text", "big.txt", "--batch-size", "1"},
        Arguments{"generate", "--model", "model", "--prompts", "prompts.txt"}}) {
    const Outcome outcome = asked_to_stop(arguments, SIGTERM);
    EXPECT_EQ(outcome.code, 75) << outcome.all();
  }
}

TEST_F(BadRun, AnInterruptEndsWaitingForStandardInput) {
  const RunOptions waiting{.folder = folder_.path(), .input = "text", .input_stays_open = true};
  RunningProgram preparing({"prepare", "-", "-o", "made", "--tokenizer", "bytes"}, waiting);
  preparing.wait_until_it_minds(SIGINT);
  preparing.send(SIGINT);
  const Outcome prepared = preparing.wait();
  EXPECT_EQ(prepared.code, 130) << prepared.all();
  EXPECT_THAT(prepared.err, HasSubstr("interrupted; nothing was written"));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
  for (const char* verb : {"encode", "decode"}) {
    RunningProgram coding({"tokenizer", verb, "--tokenizer", "bytes"}, waiting);
    usleep(300'000);  // most of the time it reads by then; before, it ends as well
    coding.send(SIGINT);
    const Outcome coded = coding.wait();
    EXPECT_FALSE(coded.timed_out) << verb;
    EXPECT_EQ(coded.signal, SIGINT) << verb << "\n" << coded.all();
  }
}

// Without standard output and error, messages would go into the first files that a run opens: its
// lock and its log.
TEST_F(BadRun, ClosedDescriptorsLeaveTheFilesOfARunAlone) {
  prepare_run("logging_steps: 1\n");
  const std::string command = "cd '" + folder_.path().string() + "' && '" + program_path() +
                              "' pretrain tiny.yaml <&- >&- 2>&-";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::istringstream log(text_of("run/log.jsonl"));
  int lines = 0;
  for (std::string line; std::getline(log, line); ++lines)
    EXPECT_THAT(line, testing::StartsWith("{\"step\": "));
  EXPECT_GE(lines, 2);
  must({"checkpoint", "verify", "run"});
}

// Whichever thread the system refuses: an orderly end, with what was started ended too.
TEST_F(BadRun, ThreadsThatTheSystemRefusesAreTold) {
  const char* library = std::getenv("WEFT_REFUSED_THREADS");
  if (library == nullptr) GTEST_SKIP() << "WEFT_REFUSED_THREADS names no library";
  write_chain_model(folder_ / "model");
  prepare_run("threads: 3\nsave_steps: 1\nsave_in_background: true\n");
  int refused = 0;
  for (const Arguments& arguments :
       {Arguments{"pretrain", "tiny.yaml"},
        Arguments{"prepare", "text.txt", "-o", "made", "--tokenizer", "bytes", "--threads", "3"},
        Arguments{"tokenizer", "train", "text.txt", "-o", "made.json", "--vocab-size", "300",
                  "--threads", "3"},
        Arguments{"evaluate", "--model", "model", "--shards", "tokens", "--threads", "3"}}) {
    for (int thread = 1; thread <= 6; ++thread) {
      const Outcome outcome =
          run(arguments, {.environment = {{"LD_PRELOAD", library},
                                          {"WEFT_REFUSED_THREAD", std::to_string(thread)}},
                          .seconds = 20});
      SCOPED_TRACE(arguments[0] + ", thread " + std::to_string(thread) + "\n" + outcome.all());
      EXPECT_FALSE(outcome.timed_out);
      for (const char* made : {"run", "made", "made.json"}) fs::remove_all(folder_ / made);
      if (outcome.code == kDone) continue;  // it asked for fewer
      ++refused;
      EXPECT_EQ(outcome.code, kDoesNotFit);
      EXPECT_THAT(outcome.err, HasSubstr("the system refuses to start a thread"));
    }
  }
  EXPECT_GE(refused, 10) << "or the library was not loaded";
}

// The folder "small" is a file system of its own.
class Disk : public CliTest {
 protected:
  bool mount_small(int64_t bytes, bool read_only) const {
    fs::create_directory(folder_ / "small");
    return mount_memory(folder_ / "small", bytes, read_only);
  }
  static constexpr const char* kSkip = "this system lets a test mount nothing";
};

TEST_F(Disk, AFullOneIsToldAndNothingIsLeft) {
  write_chain_model(folder_ / "model");
  prepare_run();
  write("big.txt", sample_text(20000));
  // Mounting a small disk takes rights that not every user has.
  if (!mount_small(256 << 10, false)) GTEST_SKIP() << kSkip;
  const std::vector<std::string> parts = {"small", "free some space or choose another folder"};
  expect_error({"prepare", "big.txt", "-o", "small/tokens", "--tokenizer", "bytes"}, parts,
               kDoesNotFit);
  expect_error({"export", "model", "-o", "small/export"}, parts, kDoesNotFit);
  must(
      {"prepare", "text.txt", "-o", "small/tokens", "--tokenizer", "bytes", "--val-split", "none"});
  expect_error({"prepare", "big.txt", "-o", "small/tokens", "--tokenizer", "bytes", "--overwrite"},
               parts, kDoesNotFit);
  write("small/fill", std::string(300 << 10, 'x'));  // as much as there is room for
  expect_error({"tokenizer", "train", "big.txt", "-o", "small/t.json", "--vocab-size", "300"},
               parts, kDoesNotFit);
}

TEST_F(Disk, ATrainingRunThatCannotSaveEndsWithAnError) {
  prepare_run("save_steps: 1\n");
  // Mounting a small disk takes rights that not every user has.
  if (!mount_small(128 << 10, false)) GTEST_SKIP() << kSkip;
  const Outcome outcome = run({"pretrain", "tiny.yaml", "output_dir=small/run"});
  EXPECT_EQ(outcome.code, kDoesNotFit) << outcome.all();
  EXPECT_THAT(outcome.err, HasSubstr("free some space or choose another folder"));
  EXPECT_FALSE(exists("small/run/checkpoint-2"));
}

TEST_F(Disk, OneThatFillsUpStopsNoTraining) {
  prepare_run("save_steps: 5\nlogging_steps: 1\nsave_total_limit: 1\nreport_to: [tensorboard]\n");
  // Mounting a small disk takes rights that not every user has.
  if (!mount_small(1 << 20, false)) GTEST_SKIP() << kSkip;
  RunningProgram program({"pretrain", "tiny.yaml", "max_steps=1000000", "output_dir=small/run"},
                         {.folder = folder_.path()});
  ASSERT_TRUE(program.wait_for("step 6/"));
  write("small/fill", std::string(1 << 20, 'x'));  // as much as there is room for
  ASSERT_TRUE(program.wait_for("no checkpoint was saved at step"));
  ASSERT_TRUE(program.wait_for("the log could not be written, training goes on"));
  must({"checkpoint", "verify", "small/run"});
  fs::remove(folder_ / "small/fill");
  program.send(SIGINT);
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.code, 130) << outcome.all();
  std::istringstream log(text_of("small/run/log.jsonl"));
  int64_t steps = 0;
  for (std::string line; std::getline(log, line);)
    EXPECT_THAT(line, testing::StartsWith("{\"step\": " + std::to_string(++steps) + ","));
  EXPECT_TRUE(exists("small/run/checkpoint-" + std::to_string(steps))) << "with no gap in the log";
}

TEST_F(Disk, AReadOnlyOneIsTold) {
  write_chain_model(folder_ / "model");
  prepare_run();
  // Mounting a small disk takes rights that not every user has.
  if (!mount_small(16 << 20, true)) GTEST_SKIP() << kSkip;
  const std::vector<std::string> parts = {"small", "the file system is read-only"};
  expect_error({"prepare", "text.txt", "-o", "small/tokens", "--tokenizer", "bytes"}, parts);
  expect_error({"tokenizer", "train", "text.txt", "-o", "small/t.json", "--vocab-size", "260"},
               parts);
  expect_error({"export", "model", "-o", "small/export"}, parts);
  expect_error({"pretrain", "tiny.yaml", "output_dir=small/run"}, parts);
}

TEST_F(Disk, ALimitOnFileSizesIsToldAndNothingIsLeft) {
  write_chain_model(folder_ / "model");
  const auto before = contents_of(folder_.path());
  const Outcome outcome = run({"export", "model", "-o", "out"}, {.largest_file = 100000});
  EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
  EXPECT_THAT(outcome.err, HasSubstr("raise the limit of file sizes"));
  EXPECT_TRUE(contents_of(folder_.path()) == before);
}

}  // namespace
}  // namespace weft::test
