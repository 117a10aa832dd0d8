// Training that starts while `weft prepare` still writes its dataset: the same weights and log as
// after it, and what has to wait or is refused.
#include <gmock/gmock.h>

#include <condition_variable>
#include <thread>

#include "training_test.h"

namespace weft::train {
namespace {

using ::testing::HasSubstr;

class StreamedTraining : public TrainingTest {
 protected:
  StreamedTraining() {
    std::string lines;
    for (uint32_t i = 0; i < 300; ++i) {
      std::string text = generated_text(1, i);
      text.pop_back();
      lines += "{\"text\": \"" + text + "\"}\n";
    }
    options_ = {.inputs = {folder_.write("in.jsonl", lines).string()},
                .output = folder_ / "tokens",
                .split = {.size = 0.1},
                .shard_tokens = 500,
                .save_bytes = 1 << 10};
    options_.progress = [this](const data::PrepareProgress& progress) {
      std::unique_lock lock(mutex_);
      if (progress.bytes_done < 5000) return;
      stands_ = true;
      changed_.notify_all();
      changed_.wait(lock, [&] { return goes_on_; });
    };
    thread_ = std::thread([this] { data::prepare(*text::load_tokenizer("bytes"), options_); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stands_; });
  }
  ~StreamedTraining() override { go_on(); }
  void go_on() {
    {
      const std::lock_guard lock(mutex_);
      goes_on_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  PretrainConfig config(const std::string& run, std::vector<std::string> overrides = {}) {
    const std::string text = std::string(kConfig) +
                             "datasets: [{path: " + (folder_ / "tokens").string() +
                             "}]\noutput_dir: " + (folder_ / run).string() + "\n";
    overrides.insert(overrides.begin(), {"shuffle_window=20", "max_steps=30", "eval_steps=10",
                                         "eval_batches=2", "sequence_len=16"});
    return load_pretrain_config(folder_.write("config.yaml", text), overrides).config;
  }
  std::string error_of(const std::vector<std::string>& overrides) {
    try {
      run(config("refused", overrides));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  // Of steps and of evaluations, in the order of the log.
  std::vector<std::pair<double, double>> losses(const std::string& name) const {
    std::vector<std::pair<double, double>> values;
    for (const auto& record :
         report::read_log(real_file_system(), folder_of(name) / kRunLogFile).records)
      values.emplace_back(record.loss.value_or(-1), record.eval_loss.value_or(-1));
    return values;
  }

  data::PrepareOptions options_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stands_ = false, goes_on_ = false;
};

TEST_F(StreamedTraining, HasTheWeightsAndTheLogOfTrainingAfterwards) {
  int64_t recorded = 0;
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (++recorded == 3) go_on();
    EXPECT_TRUE(record.step < 3 || recorded >= 3);
  };
  EXPECT_EQ(run(config("streamed")).outcome, Outcome::kFinished);
  EXPECT_EQ(recorder_.said("is still being prepared").size(), 1u);
  recorder_.on_record = nullptr;
  EXPECT_EQ(run(config("whole")).outcome, Outcome::kFinished);
  const Trace streamed = trace("streamed", 30), whole = trace("whole", 30);
  EXPECT_TRUE(streamed.tensors == whole.tensors);
  EXPECT_EQ(losses("streamed"), losses("whole"));
}

// One dataset is whole, the other is still written: the order is that of the shares alone.
TEST_F(StreamedTraining, MixesDatasetsByTheirShares) {
  data::PrepareOptions other = options_;
  other.output = folder_ / "other";
  other.split.seed = 7;
  other.progress = nullptr;
  data::prepare(*text::load_tokenizer("bytes"), other);
  const auto mixed = [&](const std::string& name) {
    return config(name, {"datasets.0.share=3", "datasets.1.share=1",
                         "datasets.1.path=" + (folder_ / "other").string(), "eval_batches=1"});
  };
  int64_t recorded = 0;
  recorder_.on_record = [&](const report::LogRecord&) {
    if (++recorded == 3) go_on();
  };
  EXPECT_EQ(run(mixed("streamed")).outcome, Outcome::kFinished);
  EXPECT_EQ(recorder_.said("is still being prepared").size(), 1u);
  recorder_.on_record = nullptr;
  EXPECT_EQ(run(mixed("whole")).outcome, Outcome::kFinished);
  EXPECT_TRUE(trace("streamed", 30).tensors == trace("whole", 30).tensors);
}

// Names and sizes of the input are the same, and so is the fingerprint; the text is not.
TEST_F(StreamedTraining, GoesOnWithTheSameTextOnly) {
  go_on();
  EXPECT_EQ(run(config("run")).outcome, Outcome::kFinished);
  const Path input = options_.inputs.front();
  std::string text = real_file_system().read(input, 1 << 20);
  const size_t at = text.rfind("\"}");
  text[at - 1] = text[at - 1] == 'q' ? 'r' : 'q';
  folder_.write("in.jsonl", text);
  options_.overwrite = true;
  options_.progress = nullptr;
  const std::string before = data::read_manifest(options_.output).fingerprint;
  data::prepare(*text::load_tokenizer("bytes"), options_);
  EXPECT_EQ(data::read_manifest(options_.output).fingerprint, before);
  std::string error;
  try {
    run(config("run", {"max_steps=40"}));
  } catch (const Error& caught) {
    error = caught.what();
  }
  EXPECT_THAT(error, HasSubstr("holds another text than the checkpoint"));
}

// A run that began while the dataset was written goes on when it is whole.
TEST_F(StreamedTraining, IsInterruptedWhileItWaitsAndGoesOnLater) {
  const auto wide = [&](const std::string& name) {
    return config(name, {"shuffle_window=200", "eval_steps=null", "sample_steps=null"});
  };
  const PretrainConfig waiting = wide("streamed");
  std::thread interrupting([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    interrupts_ = 1;
  });
  EXPECT_EQ(run(waiting).outcome, Outcome::kInterrupted);
  interrupting.join();
  interrupts_ = 0;
  go_on();
  EXPECT_EQ(run(waiting).outcome, Outcome::kFinished);
  run(wide("whole"));
  EXPECT_TRUE(trace("streamed", 30).tensors == trace("whole", 30).tensors);
}

TEST_F(StreamedTraining, AnEvaluationThatWasInterruptedIsMadeByTheNextProcess) {
  const auto evaluating = [&](const std::string& name) {
    return config(name, {"max_steps=3", "eval_steps=1", "eval_batches=1000"});
  };
  bool has_step = false;
  recorder_.on_record = [&](const report::LogRecord&) { has_step = true; };
  recorder_.on_message = [&](const std::string&) {  // of what is waited for
    if (has_step) interrupts_ = 1;
  };
  const PretrainResult interrupted = run(evaluating("streamed"));
  EXPECT_EQ(interrupted.outcome, Outcome::kInterrupted);
  EXPECT_EQ(interrupted.updates, 1);
  EXPECT_EQ(losses("streamed").size(), 1u) << "a step, no evaluation";
  recorder_.on_message = nullptr;
  recorder_.on_record = nullptr;
  interrupts_ = 0;
  go_on();
  EXPECT_EQ(run(evaluating("streamed")).outcome, Outcome::kFinished);
  run(evaluating("whole"));
  EXPECT_EQ(losses("streamed"), losses("whole"));
  EXPECT_TRUE(trace("streamed", 3).tensors == trace("whole", 3).tensors);
}

// The two commands may be given at once.
TEST_F(StreamedTraining, WaitsForAPreparationThatBegins) {
  go_on();
  std::filesystem::remove_all(options_.output);
  std::thread preparing;
  recorder_.on_message = [&](const std::string& text) {
    if (text.find("to begin") != std::string::npos)
      preparing = std::thread([this] {
        options_.progress = nullptr;
        data::prepare(*text::load_tokenizer("bytes"), options_);
      });
  };
  EXPECT_EQ(run(config("run")).outcome, Outcome::kFinished);
  ASSERT_TRUE(preparing.joinable());
  preparing.join();
  recorder_.on_message = nullptr;
  std::filesystem::remove_all(options_.output);
  interrupts_ = 1;
  EXPECT_THAT(error_of({}), HasSubstr("interrupted before the first step"));
}

TEST_F(StreamedTraining, RefusesWhatNeedsAllOfTheData) {
  EXPECT_THAT(error_of({"shuffle_window=null"}), HasSubstr("set shuffle_window"));
  EXPECT_THAT(error_of({"packing_strategy=bfd"}),
              HasSubstr("packing of whole documents is planned ahead over all of them"));
  EXPECT_THAT(error_of({"sample_packing=false"}),
              HasSubstr("which sample has which document is planned ahead over all of them"));
  EXPECT_THAT(error_of({"max_steps=null", "num_epochs=1"}),
              HasSubstr("set max_steps or max_tokens instead of num_epochs"));
  EXPECT_THAT(error_of({"datasets.1.path=" + (folder_ / "tokens").string()}),
              HasSubstr("give each a `share`"));
  EXPECT_THAT(error_of({"datasets.0.share=1", "datasets.1.path=" + (folder_ / "tokens").string()}),
              HasSubstr("some datasets have a `share` of the samples and some have not"));
  EXPECT_THAT(error_of({"datasets.0.share=1", "datasets.0.weight=2"}),
              HasSubstr("has both `share` and `weight`"));
  EXPECT_THAT(error_of({"model.vocab_size=200"}), HasSubstr("has a vocabulary of 257 tokens"));
}

}  // namespace
}  // namespace weft::train
