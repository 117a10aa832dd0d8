// What a step's result may not depend on: how its batch is split, the number of threads, how labels
// are spread over rows; and what it must depend on.
#include <algorithm>
#include <cmath>
#include <set>

#include "data/sampler.h"
#include "train/text_evaluation.h"
#include "training_test.h"

namespace weft::train {
namespace {

constexpr int64_t kVocabulary = 300;
constexpr int64_t kRows = 8;
constexpr int64_t kTime = 24;

// Rows of different lengths, with ignored labels in between and two documents in each row.
data::Batch ragged_batch() {
  data::Batch batch(kRows, kTime);
  const data::SyntheticSequences random(kVocabulary, kTime, 5);
  for (int64_t r = 0; r < kRows; ++r) {
    const data::SequenceRow row = batch.row(r);
    random.read(r, row);
    const int64_t boundary = 5 + r;
    for (int64_t t = 0; t < kTime; ++t) {
      const size_t i = static_cast<size_t>(t);
      if (t >= boundary) {
        row.key_range[2 * i] = static_cast<int32_t>(boundary);
        row.positions[i] = static_cast<int32_t>(t - boundary);
      }
      if (t > 8 + 2 * r || t % 5 == 0) row.labels[i] = data::kIgnoredLabel;
      batch.tokens += row.labels[i] != data::kIgnoredLabel ? 1 : 0;
    }
  }
  return batch;
}

data::Batch rows_of(const data::Batch& whole, int64_t first, int64_t count) {
  data::Batch part(count, whole.sequence_len);
  const auto copy = [&](const std::vector<int32_t>& from, std::vector<int32_t>& to) {
    const auto per_row = static_cast<std::ptrdiff_t>(from.size()) / whole.rows;
    std::copy_n(from.begin() + first * per_row, count * per_row, to.begin());
  };
  copy(whole.input_ids, part.input_ids);
  copy(whole.labels, part.labels);
  copy(whole.positions, part.positions);
  copy(whole.key_range, part.key_range);
  return part;
}

class Step : public TrainingTest {
 protected:
  std::unique_ptr<Session> session(int64_t rows, int threads, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"micro_batch_size=" + std::to_string(rows), "sequence_len=24"});
    return std::make_unique<Session>(plan_pretraining(config("unused", more), threads), 3);
  }
  // One step over `batch`, `rows` at a time.
  static StepResult step(Session& session, const data::Batch& batch, int64_t rows,
                         double rate = 0.01) {
    session.begin_step(batch.tokens);
    for (int64_t first = 0; first < batch.rows; first += rows) {
      copy_inputs(rows_of(batch, first, rows), session.step_program());
      session.micro_batch();
    }
    return session.end_step(rate);
  }
  static std::vector<float> all(const std::vector<NamedTensor>& tensors) {
    std::vector<float> values;
    for (const NamedTensor& entry : tensors)
      values.insert(values.end(), entry.tensor.as<float>(),
                    entry.tensor.as<float>() + entry.tensor.type.shape.elements());
    return values;
  }
};

TEST_F(Step, TheGradientDoesNotDependOnHowTheBatchIsSplit) {
  const data::Batch batch = ragged_batch();
  const auto whole = session(kRows, 1);
  const StepResult expected = step(*whole, batch, kRows);
  const std::vector<float> gradient = all(whole->gradients());
  double largest = 0;
  for (const float g : gradient) largest = std::fmax(largest, std::abs(static_cast<double>(g)));
  ASSERT_GT(largest, 0);
  for (const int64_t rows : {4, 2, 1}) {
    const auto parts = session(rows, 1);
    const StepResult result = step(*parts, batch, rows);
    EXPECT_LE(std::abs(result.loss - expected.loss), 1e-6 * expected.loss) << rows;
    EXPECT_LE(std::abs(result.gradient_norm - expected.gradient_norm),
              1e-5 * expected.gradient_norm);
    const std::vector<float> other = all(parts->gradients());
    ASSERT_EQ(other.size(), gradient.size());
    // Sums of some 100 terms in another order.
    for (size_t i = 0; i < gradient.size(); ++i)
      ASSERT_LE(std::abs(static_cast<double>(other[i]) - static_cast<double>(gradient[i])),
                1e-6 * largest)
          << rows << " rows at a time, element " << i;
  }
}

TEST_F(Step, TheLossIsTheMeanOverLabelsNotOverRows) {
  const data::Batch batch = ragged_batch();
  const auto whole = session(kRows, 1);
  const double loss = step(*whole, batch, kRows, 0.0).loss;
  const auto single = session(1, 1);
  double sum = 0;
  int64_t labels = 0;
  for (int64_t r = 0; r < kRows; ++r) {
    data::Batch row = rows_of(batch, r, 1);
    for (const int32_t label : row.labels) row.tokens += label != data::kIgnoredLabel ? 1 : 0;
    sum += step(*single, row, 1, 0.0).loss * static_cast<double>(row.tokens);
    labels += row.tokens;
  }
  EXPECT_EQ(labels, batch.tokens);
  EXPECT_LE(std::abs(loss - sum / static_cast<double>(labels)), 1e-6 * loss);
}

// Two documents in one row are as two rows with one each.
TEST_F(Step, PackedDocumentsDoNotSeeEachOther) {
  const data::SyntheticSequences random(kVocabulary, kTime, 9);
  data::Batch packed(1, kTime), apart(2, kTime);
  random.read(0, packed.row(0));
  const size_t half = kTime / 2;
  data::SequenceRow row = packed.row(0);
  for (size_t t = half; t < static_cast<size_t>(kTime); ++t) {
    row.key_range[2 * t] = static_cast<int32_t>(half);
    row.positions[t] = static_cast<int32_t>(t - half);
  }
  packed.tokens = kTime;
  for (int64_t r = 0; r < 2; ++r) {
    data::SequenceRow part = apart.row(r);
    random.read(0, part);
    for (size_t t = 0; t < static_cast<size_t>(kTime); ++t) {
      const bool inside = t < half;
      const size_t from = t + (r == 1 ? half : 0);
      part.input_ids[t] = inside ? row.input_ids[from] : 0;
      part.labels[t] = inside ? row.labels[from] : data::kIgnoredLabel;
    }
  }
  apart.tokens = kTime;
  const auto one = session(1, 1);
  const auto two = session(2, 1);
  const double packed_loss = step(*one, packed, 1).loss, apart_loss = step(*two, apart, 2).loss;
  EXPECT_LE(std::abs(packed_loss - apart_loss), 1e-6 * apart_loss);
  const std::vector<float> a = all(one->gradients()), b = all(two->gradients());
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_LE(std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])), 1e-6) << i;
}

TEST_F(Step, NeedsALabel) {
  const auto one = session(1, 1);
  EXPECT_NE(error_message([&] { one->begin_step(0); }).find("at least one label"),
            std::string::npos);
}

TEST_F(Step, WeightsSayHowOftenADatasetComes) {
  const Path small = prepare("small", generated_text(40, 5));
  const data::TokenStream stream(small, data::Split::kTrain);
  const data::TokenStream other(default_tokens(), data::Split::kTrain);
  const double few = static_cast<double>((stream.tokens() - 1) / 32);
  const double many = static_cast<double>((other.tokens() - 1) / 32);
  std::set<std::vector<int32_t>> windows;
  std::vector<int32_t> window(32);
  for (int64_t t = 0; t + 33 <= stream.tokens(); t += 32) {
    stream.read(t, window);
    windows.insert(window);
  }
  for (const double weight : {0.5, 3.0}) {
    PretrainConfig mixed = config("mixed", {"max_steps=200"});
    mixed.datasets.push_back({.path = small.string(), .weight = weight});
    const TrainingData data(mixed, kVocabulary);
    int64_t count = 0;
    for (int64_t s = 0; s < 200; ++s) {
      const data::Batch batch = data.batches().batch(s, 0);
      for (auto row = batch.input_ids.begin(); row != batch.input_ids.end(); row += 32)
        count += static_cast<int64_t>(windows.count(std::vector<int32_t>(row, row + 32)));
    }
    const double expected = 400 * weight * few / (weight * few + many);
    EXPECT_LE(std::abs(static_cast<double>(count) - expected), 1.0) << weight;
  }
}

using StepThreads = Step;

TEST_F(StepThreads, DoNotChangeABit) {
  for (const std::string kind : {"adamw", "muon"})
    for (const std::string precision : {"fp32", "bf16"}) {
      Trace first;
      for (const std::string threads : {"1", "2", "3"}) {
        const std::string name = kind + precision + threads;
        run(config(name, {"optimizer=" + kind, "precision=" + precision, "threads=" + threads,
                          "max_steps=3", "gradient_accumulation_steps=2", "eval_steps=3",
                          "model.hidden_size=64", "learning_rate=1e-3"}));
        const Trace result = trace(name, 3);
        if (threads == "1") first = result;
        EXPECT_EQ(result, first) << kind << " " << precision << ", threads " << threads;
      }
    }
}

}  // namespace
}  // namespace weft::train
