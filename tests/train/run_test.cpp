// What a run does between its steps: evaluation and the best checkpoint, early stopping, samples,
// logs and the page, NaN, a model to start from.
#include <gmock/gmock.h>

#include <cmath>

#include "io/checkpoint_store.h"
#include "io/safetensors_output.h"
#include "training_test.h"
#include "weft/portable_math.h"

namespace weft::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Run : public TrainingTest {
 protected:
  std::vector<int64_t> evaluated() const {
    std::vector<int64_t> steps;
    for (const report::LogRecord& record : recorder_.records)
      if (record.eval_loss) steps.push_back(record.step);
    return steps;
  }
  std::string file_text(const std::string& name) const {
    return read_text_file(folder_ / name, 1 << 24);
  }
  std::vector<float> embedding(const Path& folder) const {
    const io::SafetensorsFile file(folder / "model.safetensors");
    const io::TensorView& view = file.at("model.embed_tokens.weight");
    std::vector<float> values(static_cast<size_t>(view.elements()));
    io::read_floats(view, values);
    return values;
  }
  static std::vector<float> embedding(const Session& session) {
    for (const NamedTensor& entry : session.parameters())
      if (entry.name == "model.embed_tokens.weight")
        return {entry.tensor.as<float>(),
                entry.tensor.as<float>() + entry.tensor.type.shape.elements()};
    ADD_FAILURE() << "no embedding";
    return {};
  }
  // A rate far too high: the loss rises after a few steps.
  std::vector<std::string> overshooting() const {
    return {"eval_steps=1",   "save_steps=1",    "learning_rate=1", "lr_scheduler=linear",
            "warmup_steps=6", "max_grad_norm=0", "max_steps=12",    "optimizer=sgd"};
  }
};

TEST_F(Run, LearnsAndSaysSo) {
  const PretrainResult result = run(config("run", {"max_steps=60", "eval_steps=20"}));
  EXPECT_EQ(result.outcome, Outcome::kFinished);
  EXPECT_THAT(evaluated(), ElementsAre(20, 40, 60));
  ASSERT_TRUE(result.best_eval_loss.has_value());
  EXPECT_LE(*result.best_eval_loss, 3.0);  // from log(300) = 5.7
  for (const report::LogRecord& record : recorder_.records) {
    if (record.eval_loss) {
      EXPECT_EQ(*record.eval_perplexity, portable::exp(*record.eval_loss));
      continue;
    }
    EXPECT_TRUE(record.loss && record.grad_norm && record.learning_rate &&
                record.tokens_per_second && record.peak_share && record.data_wait &&
                record.memory_bytes && record.eta_seconds && record.tokens_seen);
    EXPECT_EQ(*record.tokens_seen, record.step * 64);
  }
}

// Short documents, packed whole or one to a sample: steps differ in how many labels they have.
TEST_F(Run, PacksWholeDocumentsOrPadsThem) {
  std::string lines;
  for (int i = 0; i < 60; ++i)
    lines += "{\"text\": \"" +
             std::string(static_cast<size_t>(3 + i * 7 % 40), static_cast<char>('a' + i % 5)) +
             "\"}\n";
  const Path tokens = folder_ / "documents";
  data::prepare(*text::load_tokenizer("bytes"),
                {.inputs = {folder_.write("documents.jsonl", lines).string()},
                 .output = tokens,
                 .split = {.by = data::SplitBy::kTail, .size = 0.1}});
  const std::string dataset = "datasets.0.path=" + tokens.string();
  const std::vector<std::vector<std::string>> ways = {
      {dataset, "packing_strategy=bfd"},
      {dataset, "sample_packing=false"},
      {dataset, "sample_packing=false", "group_by_length=true"}};
  for (size_t way = 0; way < ways.size(); ++way) {
    const std::string name = "way" + std::to_string(way);
    recorder_.records.clear();
    run(config(name + "-whole", ways[way]));
    std::erase_if(recorder_.records, [](const auto& record) { return !record.tokens_seen; });
    ASSERT_FALSE(recorder_.records.empty());
    EXPECT_LT(*recorder_.records.back().tokens_seen, 8 * 64);  // there is padding
    run_until(config(name, ways[way]), 3);
    run(config(name, ways[way]));
    EXPECT_EQ(trace(name, 8), trace(name + "-whole", 8)) << name;
  }
  EXPECT_FALSE(recorder_.said("packed 5").empty());
  EXPECT_FALSE(recorder_.said("longer ones are cut into several").empty());
  EXPECT_THAT(error_message([&] { open(config("way0", ways[1])); }),
              HasSubstr("sample_packing was true, is false"));
}

TEST_F(Run, ACurriculumResumesAndIsChecked) {
  const std::vector<std::string> two = {
      "datasets.1.path=" + prepare("second", generated_text(60)).string(), "datasets.1.weight=2",
      "curriculum=[{until_step: 3, weights: [1, 0]}, {until_step: 5, weights: [0, 1]}]"};
  run(config("whole", two));
  run_until(config("stopped", two), 4);
  run(config("stopped", two));
  EXPECT_EQ(trace("stopped", 8), trace("whole", 8));
  EXPECT_THAT(recorder_.said("epochs of each dataset in 8 steps"), SizeIs(3));
  const auto refused = [&](const std::string& stages) {
    return error_message([&] { config("bad", {two[0], "curriculum=" + stages}); });
  };
  EXPECT_THAT(refused("[{until_step: 3, weights: [1]}]"),
              HasSubstr("has 1 weights; give one for each of the 2 datasets"));
  EXPECT_THAT(refused("[{until_step: 3, weights: [0, 0]}]"), HasSubstr("leaves out every dataset"));
  EXPECT_THAT(refused("[{until_step: 3, weights: [1, 1]}, {until_step: 3, weights: [1, 0]}]"),
              HasSubstr("does not end after the one before it"));
}

TEST_F(Run, EvaluatesAndSamplesAtTheEndWhereNothingElseIsSaid) {
  run(config("run", {"sample_prompts=[warp]", "sample_max_new_tokens=4"}));
  EXPECT_THAT(evaluated(), ElementsAre(8));
  EXPECT_THAT(recorder_.said("sample at step 8: warp"), SizeIs(1));
}

TEST_F(Run, SamplesComeWithEvaluationsOrAtStepsOfTheirOwn) {
  run(config("a", {"eval_steps=4", "sample_prompts=[warp, the]", "sample_max_new_tokens=3"}));
  EXPECT_THAT(recorder_.said("sample at step 4: "), SizeIs(2));
  recorder_ = {};
  run(config("b", {"sample_steps=3", "sample_prompts=[the]", "sample_max_new_tokens=3"}));
  for (const char* step : {"3", "6", "8"})
    EXPECT_THAT(recorder_.said("sample at step " + std::string(step) + ": the"), SizeIs(1));
  run(config("c", {"sample_prompts=[" + std::string(40, 'x') + "]", "sample_max_new_tokens=3"}));
  EXPECT_THAT(recorder_.said("it has 40 tokens, allowed are 1 to"), SizeIs(1));
}

TEST_F(Run, StopsEarlyAndStaysStopped) {
  std::vector<std::string> options = overshooting();
  options.push_back("early_stopping_patience=2");
  const PretrainResult result = run(config("run", options));
  EXPECT_EQ(result.outcome, Outcome::kStoppedEarly);
  EXPECT_LT(result.updates, 12);
  EXPECT_TRUE(has_checkpoint("run", result.updates));
  const PretrainResult again = run(config("run", options));
  EXPECT_EQ(again.outcome, Outcome::kStoppedEarly);
  EXPECT_EQ(again.updates, result.updates);
  options.back() = "early_stopping_patience=100";
  EXPECT_EQ(run(config("run", options)).updates, 12);
}

TEST_F(Run, KeepsTheBestCheckpointBesideTheNewest) {
  std::vector<std::string> options = overshooting();
  options.push_back("save_total_limit=2");
  const PretrainResult result = run(config("run", options));
  int64_t best = 0;
  double least = INFINITY;
  for (const report::LogRecord& record : recorder_.records)
    if (record.eval_loss && *record.eval_loss < least) {
      least = *record.eval_loss;
      best = record.step;
    }
  ASSERT_LT(best, 11);
  EXPECT_EQ(*result.best_eval_loss, least);
  for (int64_t step = 1; step <= 12; ++step)
    EXPECT_EQ(has_checkpoint("run", step), step == best || step >= 11) << step;
}

TEST_F(Run, EndsWithTheBestModelWhereAsked) {
  std::vector<std::string> options = overshooting();
  options[1] = "save_steps=null";
  options.insert(options.end(), {"load_best_model_at_end=true", "save_total_limit=1"});
  const auto process = open(config("run", options));
  process->run();
  const auto best = io::best_checkpoint(real_file_system(), folder_of("run")).checkpoint;
  ASSERT_TRUE(best.has_value());
  ASSERT_LT(best->manifest.step, 12);
  EXPECT_THAT(recorder_.said("loaded the best model, '" + best->folder.string()), SizeIs(1));
  const std::vector<float> expected = embedding(best->folder);
  EXPECT_EQ(embedding(process->session()), expected);
  EXPECT_EQ(model_checkpoint(real_file_system(), folder_of("run")).checkpoint->folder,
            best->folder);
  run(config("last", overshooting()));
  EXPECT_EQ(model_checkpoint(real_file_system(), folder_of("last")).checkpoint->folder,
            checkpoint("last", 12));
}

TEST_F(Run, ACheckpointHasTheScoreOfItsOwnStepOnly) {
  run(config("run", {"eval_steps=3", "save_steps=2"}));
  const auto score = [&](int64_t step) {
    return io::open_checkpoint(real_file_system(), checkpoint("run", step)).manifest.score;
  };
  EXPECT_FALSE(score(2).has_value());
  EXPECT_FALSE(score(4).has_value());
  EXPECT_TRUE(score(6).has_value());
}

TEST_F(Run, TellsOfNaNAndEndsAfterTenInARow) {
  const auto process = open(config("run", {"max_steps=30", "eval_steps=5"}));
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step != 3) return;
    for (const NamedTensor& entry : process->session().parameters())
      if (entry.name.find("norm") != std::string::npos) entry.tensor.as<float>()[0] = NAN;
  };
  const PretrainResult result = process->run();
  EXPECT_EQ(result.outcome, Outcome::kDiverged);
  EXPECT_EQ(result.updates, 13);
  EXPECT_TRUE(std::isnan(*result.loss));
  EXPECT_THAT(recorder_.said("the gradient is not finite, so no parameter was changed"),
              SizeIs(10));
  EXPECT_THAT(file_text("run/log.jsonl"), HasSubstr("{\"step\": 4, \"loss\": \"NaN\""));
  EXPECT_THAT(file_text("run/log.jsonl"), HasSubstr("\"eval_loss\": \"NaN\""));
  EXPECT_FALSE(has_checkpoint("run", 13));
  EXPECT_FALSE(result.best_eval_loss.has_value());
}

// non_finite_policy decides what becomes of such a run; a sample decides nothing.
TEST_F(Run, ASampleOfNaNIsToldAndEndsNothing) {
  const auto process =
      open(config("run", {"max_steps=5", "sample_prompts=[warp]", "sample_steps=1"}));
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step != 3 || !record.loss) return;
    for (const NamedTensor& entry : process->session().parameters())
      if (entry.name.find("norm") != std::string::npos) entry.tensor.as<float>()[0] = NAN;
  };
  EXPECT_EQ(process->run().updates, 5);
  EXPECT_THAT(recorder_.said("no sample of \"warp\""), SizeIs(3));
}

TEST_F(Run, APlanThatIsLargerThanTheMemoryThatIsFreeDoesNotBegin) {
  const auto open_with = [&](int64_t bytes) {
    const Pretrainer run(config("run"),
                         {.listener = &recorder_, .roof_seconds = 1e-4, .memory_bytes = bytes});
    return run.plan().total();
  };
  const int64_t needed = open_with(int64_t{1} << 40);
  EXPECT_EQ(open_with(needed), needed);
  try {
    open_with(needed - 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kDoesNotFit);
    EXPECT_THAT(error.what(), HasSubstr("is free; lower micro_batch_size"));
  }
}

TEST_F(Run, OneStepWithNaNIsSkippedAndTheRunGoesOn) {
  const auto process = open(config("run", {"max_steps=6", "save_steps=3"}));
  NamedTensor norm;
  for (const NamedTensor& entry : process->session().parameters())
    if (entry.name.find("norm") != std::string::npos) norm = entry;
  const float kept = norm.tensor.as<float>()[0];
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step == 2) norm.tensor.as<float>()[0] = NAN;
    if (record.step == 3) norm.tensor.as<float>()[0] = kept;
  };
  EXPECT_EQ(process->run().outcome, Outcome::kFinished);
  EXPECT_THAT(recorder_.said("step 3: the gradient is not finite"), SizeIs(1));
  for (const auto& [name, values] : trace("run", 6).tensors)
    for (const float value : values) ASSERT_TRUE(std::isfinite(value)) << name;
}

TEST_F(Run, WritesWhatReportToNamesAndNothingElse) {
  const auto with = [&](const std::string& name, const std::string& report_to) {
    const auto process = open(config(name, {"report_to=" + report_to, "sample_prompts=[warp]",
                                            "sample_max_new_tokens=3", "max_steps=3"}));
    write_run_page(*process, process->run());
    bool events = false;
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(name)))
      events |= entry.path().filename().string().starts_with("events.out.tfevents");
    return std::pair(events, std::filesystem::exists(folder_of(name) / "report.html"));
  };
  EXPECT_EQ(with("none", "[]"), std::pair(false, false));
  EXPECT_EQ(with("events", "[tensorboard]"), std::pair(true, false));
  EXPECT_EQ(with("page", "[html]"), std::pair(false, true));
  const std::string page = file_text("page/report.html");
  EXPECT_THAT(page, HasSubstr("finished"));
  EXPECT_THAT(page, HasSubstr("micro_batch_size"));
}

TEST_F(Run, APageIsMadeOfAFolderAtAnyTime) {
  run_until(config("run", {"sample_prompts=[warp]", "sample_steps=2", "sample_max_new_tokens=3"}),
            4);
  EXPECT_EQ(write_page_of_folder(real_file_system(), folder_of("run")),
            folder_of("run") / "report.html");
  EXPECT_THAT(file_text("run/report.html"), HasSubstr("at step 4"));
  EXPECT_THAT(file_text("run/report.html"), HasSubstr("state stopped"));
  {
    const io::CheckpointStore owner(real_file_system(), folder_of("run"), {});
    write_page_of_folder(real_file_system(), folder_of("run"));
  }
  EXPECT_THAT(file_text("run/report.html"), HasSubstr("state running"));
  EXPECT_THAT(error_message([&] { write_page_of_folder(real_file_system(), folder_.path()); }),
              HasSubstr("give the output_dir of a run"));
}

TEST_F(Run, GoesOnWithAModelAndNewOptimizerState) {
  run(config("base"));
  const std::string base = checkpoint("base", 8).string();
  const std::string text = "base_model: " + base +
                           "\ndatasets: [{path: " + default_tokens().string() +
                           "}]\nsequence_len: 32\nmax_steps: 4\nthreads: 1\nreport_to: []\n"
                           "lr_scheduler: constant\noutput_dir: " +
                           folder_of("more").string() + "\n";
  const Path file = folder_.write("more.yaml", text);
  const auto process = open(load_pretrain_config(file).config);
  EXPECT_EQ(process->first_step(), 0);
  const std::vector<float> expected = embedding(base);
  EXPECT_EQ(embedding(process->session()), expected);
  for (const NamedTensor& entry : process->session().optimizer_state())
    EXPECT_EQ(entry.tensor.as<float>()[0], 0.0f) << entry.name;
  process->run();
  EXPECT_TRUE(has_checkpoint("more", 4));
  EXPECT_NE(embedding(checkpoint("more", 4)), expected);
  EXPECT_TRUE(recorder_.said("another tokenizer").empty());
  std::string tokenizer = file_text("base/checkpoint-8/tokenizer.json");
  folder_.write("base/checkpoint-8/tokenizer.json", tokenizer + "\n");
  const std::vector<std::string> other = {"output_dir=" + folder_of("other").string()};
  open(load_pretrain_config(file, other).config);
  EXPECT_EQ(recorder_.said("another tokenizer file than that of base_model").size(), 1u);
}

TEST_F(Run, RefusesASplitThatTheDataDoesNotHave) {
  const std::string message =
      error_message([&] { open(config("run", {"val_split={by: hash, size: 0.05}"})); });
  EXPECT_THAT(message, HasSubstr("val_split is {by: hash, size: 0.05}"));
  EXPECT_THAT(message, HasSubstr("was prepared with {by: tail, size: 0.2}"));
  EXPECT_THAT(message, HasSubstr("--val-split hash:0.05"));
  EXPECT_NO_THROW(open(config("run", {"val_split={by: tail, size: 0.2}"})));
}

TEST_F(Run, RefusesWhatItCannotDo) {
  PretrainConfig c = config("run");
  c.datasets[0].path = prepare("unsplit", generated_text(50), {.size = 0}).string();
  c.eval_steps = 2;
  EXPECT_THAT(error_message([&] { open(c); }), HasSubstr("has no validation split"));
}

// The config that the documentation shows, on a small corpus and for a few steps.
TEST_F(Run, TheCompleteConfigWorksAsItStands) {
  const char* source = std::getenv("WEFT_SOURCE");
  const Path file = Path(source == nullptr ? "." : source) / "configs/pretrain/example.yaml";
  const Path tokens =
      prepare("demo", generated_text(900), {.by = data::SplitBy::kHash, .size = 0.05});
  const std::vector<std::string> overrides = {"tokenizer=" + (tokens / "tokenizer.json").string(),
                                              "datasets=[{path: " + tokens.string() + "}]",
                                              "output_dir=" + folder_of("example").string(),
                                              "max_steps=2",
                                              "eval_steps=2",
                                              "save_steps=1",
                                              "micro_batch_size=1",
                                              "sequence_len=64"};
  const PretrainResult result = run(load_pretrain_config(file, overrides).config);
  EXPECT_EQ(result.outcome, Outcome::kFinished);
  EXPECT_TRUE(std::isfinite(*result.loss) && std::isfinite(*result.eval_loss));
  EXPECT_TRUE(has_checkpoint("example", 2));
}

}  // namespace
}  // namespace weft::train
