// A run that is stopped and goes on is the run that was never stopped, bit for bit; and a run does
// not go on from what is damaged, changed or someone else's.
#include <gmock/gmock.h>

#include <thread>

#include "tests/core/faulty_file_system.h"
#include "training_test.h"

namespace weft::train {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class Resume : public TrainingTest {
 protected:
  // Evaluation, samples and dropout take part: all that has a state or is random.
  std::vector<std::string> everything() const {
    return {"eval_steps=3", "save_steps=2", "sample_prompts=[warp]", "sample_max_new_tokens=4",
            "gradient_accumulation_steps=2"};
  }
};

TEST_F(Resume, AnInterruptedRunEndsAsOneThatWasNot) {
  ASSERT_EQ(run(config("whole", everything())).outcome, Outcome::kFinished);
  const Trace whole = trace("whole", 8);
  for (const int64_t stop : {1, 2, 3, 7}) {
    const std::string name = "stopped-" + std::to_string(stop);
    const PretrainResult part = run_until(config(name, everything()), stop);
    EXPECT_EQ(part.outcome, Outcome::kInterrupted);
    EXPECT_EQ(part.updates, stop);
    EXPECT_TRUE(has_checkpoint(name, stop));
    std::vector<std::string> other_threads = everything();
    other_threads.push_back("threads=" + std::to_string(stop));
    EXPECT_EQ(run(config(name, other_threads)).outcome, Outcome::kFinished);
    EXPECT_EQ(trace(name, 8), whole) << "stopped after step " << stop;
  }
}

TEST_F(Resume, HoldsForEveryOptimizerAndPrecision) {
  for (const std::string kind : {"adamw", "sgd", "lion", "muon", "adafactor"}) {
    const std::vector<std::string> options = {"optimizer=" + kind, "precision=bf16",
                                              "learning_rate=1e-3", "max_steps=4"};
    run(config(kind + "-whole", options));
    run_until(config(kind, options), 2);
    run(config(kind, options));
    EXPECT_EQ(trace(kind, 4), trace(kind + "-whole", 4)) << kind;
  }
}

TEST_F(Resume, DropoutGoesOnWithTheSameNumbers) {
  const std::string text = R"(
model: {model_type: gpt2, n_embd: 32, n_layer: 2, n_head: 4, vocab_size: 300, n_positions: 32,
        resid_pdrop: 0.1, embd_pdrop: 0.1, attn_pdrop: 0.1}
sequence_len: 32
micro_batch_size: 2
max_steps: 4
learning_rate: 1e-3
threads: 1
report_to: []
datasets: [{path: )" + default_tokens().string() +
                           "}]\n";
  const Path file = folder_.write("gpt2.yaml", text);
  const auto load = [&](const std::string& name) {
    const std::vector<std::string> overrides = {"output_dir=" + folder_of(name).string()};
    return load_pretrain_config(file, overrides).config;
  };
  run(load("whole"));
  run_until(load("parts"), 3);
  run(load("parts"));
  EXPECT_EQ(trace("parts", 4), trace("whole", 4));
}

TEST_F(Resume, ALongerRunWithAConstantRateContinuesTheShorterOne) {
  const std::vector<std::string> constant = {"lr_scheduler=constant"};
  run(config("whole", constant));
  run(config("parts", {"lr_scheduler=constant", "max_steps=4"}));
  run(config("parts", constant));
  EXPECT_EQ(trace("parts", 8).tensors, trace("whole", 8).tensors);
  EXPECT_THAT(recorder_.said("max_steps was 4, is 8"), SizeIs(1));
}

// What a process that dies at once leaves: the files as they are at that moment.
TEST_F(Resume, AProcessThatDiesAnywhereIsContinuedFromItsLastCheckpoint) {
  const std::vector<std::string> options = {"save_steps=2", "eval_steps=2", "max_steps=6"};
  run(config("whole", options));
  const Trace whole = trace("whole", 6);
  for (const int64_t step : {1, 2, 3, 4, 5}) {
    const std::string name = "dead-" + std::to_string(step);
    recorder_.on_record = [&](const report::LogRecord& record) {
      if (record.step == step) throw Crash("killed");
    };
    EXPECT_THROW(run(config(name, options)), Crash);
    recorder_.on_record = nullptr;
    run(config(name, options));
    EXPECT_EQ(trace(name, 6), whole) << "died in step " << step;
  }
}

TEST_F(Resume, AProcessThatDiesWithinASaveIsContinued) {
  const std::vector<std::string> options = {"save_steps=2", "max_steps=4"};
  run(config("whole", options));
  const Trace whole = trace("whole", 4);
  FaultyFileSystem counting;
  files_ = &counting;
  run(config("counted", options));
  const int64_t operations = counting.operations();
  ASSERT_GT(operations, 20);
  for (int64_t k = 3; k < operations; k += operations / 7) {
    const std::string name = "crash-" + std::to_string(k);
    FaultyFileSystem faulty(Fault::kCrash, k);
    files_ = &faulty;
    EXPECT_THROW(run(config(name, options)), Crash) << k;
    files_ = &real_file_system();
    run(config(name, options));
    EXPECT_EQ(trace(name, 4), whole)
        << "crashed in operation " << k << ": " << counting.log()[static_cast<size_t>(k)];
  }
}

// It finds what a save and a replacement left, mends it, and dies in the middle of that.
TEST_F(Resume, AProcessThatDiesWithinAResumeIsContinued) {
  const std::vector<std::string> options = {"save_steps=2", "max_steps=4"};
  run(config("whole", options));
  const Trace whole = trace("whole", 4);
  run_until(config("stopped", options), 3);
  folder_.write("stopped/.checkpoint-4.partial/model.safetensors", "half");
  std::filesystem::rename(checkpoint("stopped", 2),
                          folder_of("stopped") / ".checkpoint-2.replaced");
  const auto resume = [&](const std::string& name, FaultyFileSystem& files) {
    std::filesystem::copy(folder_of("stopped"), folder_of(name),
                          std::filesystem::copy_options::recursive);
    files_ = &files;
    open(config(name, options));
    files_ = &real_file_system();
  };
  FaultyFileSystem counting;
  resume("counted", counting);
  ASSERT_GT(counting.operations(), 8);
  for (int64_t k = 0; k < counting.operations(); ++k) {
    const std::string name = "crash-" + std::to_string(k);
    FaultyFileSystem faulty(Fault::kCrash, k);
    EXPECT_THROW(resume(name, faulty), Crash);
    files_ = &real_file_system();
    run(config(name, options));
    EXPECT_EQ(trace(name, 4), whole) << counting.log()[static_cast<size_t>(k)];
  }
}

TEST_F(Resume, FallsBackFromADamagedCheckpointAndSaysSo) {
  run(config("whole", {"save_steps=2"}));
  const Trace whole = trace("whole", 8);
  folder_.write("whole/checkpoint-8/model.safetensors", "damaged");
  EXPECT_EQ(run(config("whole", {"save_steps=2"})).updates, 8);
  EXPECT_THAT(recorder_.said("skipped the damaged checkpoint"), SizeIs(1));
  EXPECT_THAT(recorder_.said("continuing from '" + checkpoint("whole", 6).string() + "' at step 6"),
              SizeIs(1));
  EXPECT_EQ(trace("whole", 8), whole);
}

TEST_F(Resume, NeverBeginsAnewWhereAllCheckpointsAreDamaged) {
  run(config("run"));
  folder_.write("run/checkpoint-8/model.safetensors", "damaged");
  EXPECT_THAT(error_message([&] { run(config("run")); }), HasSubstr("none of them is intact"));
}

TEST_F(Resume, AFinishedRunStaysAsItIs) {
  run(config("run", everything()));
  const Trace before = trace("run", 8);
  const PretrainResult again = run(config("run", everything()));
  EXPECT_EQ(again.outcome, Outcome::kFinished);
  EXPECT_EQ(again.updates, 8);
  EXPECT_EQ(trace("run", 8), before);
}

TEST_F(Resume, TellsWhichKeysAreOthers) {
  run(config("run", {"max_steps=2"}));
  const std::string message = error_message([&] {
    run(config("run", {"model.hidden_size=64", "optimizer=lion", "learning_rate=1e-3"}));
  });
  EXPECT_THAT(message, HasSubstr("cannot change within a run"));
  EXPECT_THAT(message, HasSubstr("model.hidden_size was 32, is 64"));
  EXPECT_THAT(message, HasSubstr("optimizer was adamw, is lion"));
  EXPECT_THAT(message, testing::Not(HasSubstr("learning_rate")));
  run(config("run", {"max_steps=3", "learning_rate=1e-3"}));
  EXPECT_THAT(recorder_.said("learning_rate was 0.01, is 0.001"), SizeIs(1));
}

TEST_F(Resume, RefusesOtherData) {
  run(config("run", {"max_steps=2"}));
  PretrainConfig other = config("run");
  other.datasets[0].path = prepare("other", generated_text(120, 7)).string();
  EXPECT_THAT(error_message([&] { run(other); }), HasSubstr("another order of data"));
  EXPECT_THAT(error_message([&] { run(config("run", {"seed=7"})); }),
              HasSubstr("seed was 42, is 7"));
  EXPECT_THAT(error_message([&] { run(config("run", {"micro_batch_size=4"})); }),
              HasSubstr("another order of data"));
}

TEST_F(Resume, OtherDataIsTakenWhereForced) {
  run(config("run", {"max_steps=2"}));
  std::vector<std::string> forced = {"max_steps=4", "resume_with_other_data=true", "seed=7",
                                     "micro_batch_size=4", "sequence_len=16"};
  EXPECT_EQ(run(config("run", forced)).updates, 4);
  EXPECT_THAT(recorder_.said("another order of data"), SizeIs(1));
  EXPECT_THAT(recorder_.said("seed was 42, is 7"), SizeIs(1));
  forced.front() = "max_steps=5";
  recorder_.messages.clear();
  EXPECT_EQ(run(config("run", forced)).updates, 5);
  EXPECT_THAT(recorder_.said("another order of data"), SizeIs(0)) << "it is the run's own now";
  forced.push_back("model.hidden_size=64");
  EXPECT_THAT(error_message([&] { run(config("run", forced)); }),
              HasSubstr("model.hidden_size was 32, is 64"));
}

TEST_F(Resume, TheSameStepMayBeSplitOtherwise) {
  run(config("run", {"max_steps=2"}));
  EXPECT_EQ(run(config("run", {"micro_batch_size=1", "gradient_accumulation_steps=2"})).updates, 8);
}

TEST_F(Resume, NeverRefusesAFolderWithCheckpoints) {
  run(config("run", {"max_steps=2"}));
  EXPECT_THAT(error_message([&] { run(config("run", {"resume_from_checkpoint=never"})); }),
              HasSubstr("has checkpoint-2 of an earlier run"));
}

TEST_F(Resume, ABranchBeginsAtACheckpointOfAnotherFolder) {
  const std::vector<std::string> options = {"save_steps=2"};
  run(config("run", options));
  const std::string from = "resume_from_checkpoint=" + checkpoint("run", 4).string();
  EXPECT_THAT(error_message([&] { run(config("run", {from})); }),
              HasSubstr("has the later checkpoint-8"));
  run(config("branch", {"save_steps=2", from}));
  EXPECT_EQ(trace("branch", 8).tensors, trace("run", 8).tensors);
  EXPECT_FALSE(has_checkpoint("branch", 2));
}

TEST_F(Resume, ABranchThatWasInterruptedGoesOnByTheSameCommand) {
  run(config("run", {"save_steps=2"}));
  const std::vector<std::string> branch = {
      "save_steps=2", "resume_from_checkpoint=" + checkpoint("run", 2).string()};
  run_until(config("branch", branch), 5);
  EXPECT_EQ(run(config("branch", branch)).outcome, Outcome::kFinished);
  EXPECT_EQ(trace("branch", 8).tensors, trace("run", 8).tensors);
  EXPECT_THAT(recorder_.said("continuing from"), testing::Contains(HasSubstr("checkpoint-5")));
}

TEST_F(Resume, ALongStepThatIsInterruptedIsGivenUpAndMadeAgain) {
  const std::vector<std::string> options = {"max_steps=5", "gradient_accumulation_steps=200"};
  run(config("whole", options));
  std::thread interrupting;
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step == 3)
      interrupting = std::thread([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        interrupts_ = 1;
      });
  };
  seconds_to_finish_ = 0;
  const PretrainResult result = run(config("run", options));
  interrupting.join();
  EXPECT_EQ(result.outcome, Outcome::kInterrupted);
  EXPECT_EQ(result.updates, 3);
  recorder_.on_record = nullptr;
  interrupts_ = 0;
  EXPECT_EQ(run(config("run", options)).updates, 5);
  EXPECT_EQ(trace("run", 5), trace("whole", 5));
}

TEST_F(Resume, AStrangersCheckpointShowsNoFileOfTheUsers) {
  const Path secret = folder_.write("secret", "root:x:0\n");
  io::CheckpointStore(real_file_system(), folder_of("run"), {})
      .save(
          {.step = 1,
           .files = {io::text_to_write(std::string(kConfigFile), "extends: " + secret.string())}});
  const std::string error =
      error_message([&] { model_checkpoint(real_file_system(), folder_of("run")); });
  EXPECT_THAT(error, HasSubstr("is not as a run writes it: it extends"));
  EXPECT_THAT(error, testing::Not(HasSubstr("root:x")));
}

TEST_F(Resume, ADamagedLineOfTheLogStopsNoRun) {
  run_until(config("run", {"logging_steps=1"}), 4);
  const Path log = folder_of("run") / kRunLogFile;
  std::string text = read_text_file(log, 1 << 20);
  text.insert(text.find('\n') + 1, "nonsense\n");
  write_file_atomically(real_file_system(), log, text);
  EXPECT_EQ(run(config("run", {"logging_steps=1"})).outcome, Outcome::kFinished);
  EXPECT_THAT(recorder_.said("a line of the log counts not"), SizeIs(1));
}

TEST_F(Resume, ALogThatIsRemovedInMidRunIsWrittenAnew) {
  const Path log = folder_of("run") / kRunLogFile;
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step == 3) std::filesystem::remove(log);
  };
  run(config("run", {"logging_steps=1", "max_steps=6"}));
  recorder_.on_record = nullptr;
  EXPECT_THAT(recorder_.said("was removed while the run goes on"), SizeIs(1));
  std::vector<int64_t> steps;
  for (const auto& record : report::read_log(real_file_system(), log).records)
    if (record.loss) steps.push_back(record.step);
  EXPECT_THAT(steps, testing::ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(Resume, TwoRunsInOneFolderAreRefused) {
  const auto first = open(config("run"));
  const std::string message = error_message([&] { open(config("run")); });
  EXPECT_THAT(message, HasSubstr("run.lock"));
  EXPECT_THAT(message, HasSubstr("it is held by process " + std::to_string(getpid())));
}

TEST_F(Resume, AFullDiskStopsNoTrainingButAnUnsavedEndIsAnError) {
  const std::vector<std::string> options = {"save_steps=2", "max_steps=6"};
  FaultyFileSystem counting;
  files_ = &counting;
  run(config("counted", {"save_steps=2", "max_steps=4"}));
  FaultyFileSystem full(Fault::kDiskFull, counting.operations());
  files_ = &full;
  EXPECT_THAT(error_message([&] { run(config("run", options)); }), HasSubstr("the disk is full"));
  EXPECT_THAT(recorder_.said("no checkpoint was saved at step 6, training goes on"), SizeIs(1));
  EXPECT_TRUE(has_checkpoint("run", 4));
  files_ = &real_file_system();
  run(config("whole", options));
  run(config("run", options));
  EXPECT_EQ(trace("run", 6), trace("whole", 6));
}

}  // namespace
}  // namespace weft::train
