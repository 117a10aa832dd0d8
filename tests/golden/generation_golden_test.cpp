// Generation with the programs that the product uses, caches and all, against transformers: greedy
// texts with their logits, and beams with their scores. Both rows of the reference's batch run side
// by side: the second is shorter, which there is padding on its left.
#include <gtest/gtest.h>

#include <cmath>

#include "generate/generator.h"
#include "golden_case.h"
#include "runtime/forward_session.h"

namespace weft::test {
namespace {

using generate::Hypothesis;
using Tokens = std::vector<int32_t>;

constexpr int64_t kNew = 24;

class GenerationGolden : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto folder = golden_folder("generation");
    // The values are made with transformers and kept apart from the project.
    if (!folder) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
    file_ = std::make_unique<io::SafetensorsFile>(*folder / (GetParam() + ".safetensors"));
    facts_ = read_json_file(*folder / (GetParam() + ".json"));
    golden_ = std::make_unique<GoldenCase>(*golden_folder(GetParam()));
    const std::vector<Tokens> ids = rows("input_ids"), mask = rows("attention_mask");
    for (size_t row = 0; row < ids.size(); ++row) {
      prompts_.emplace_back();
      for (size_t i = 0; i < ids[row].size(); ++i)
        if (mask[row][i] != 0) prompts_.back().push_back(ids[row][i]);
    }
    padded_ = ids[0].size();
  }

  std::vector<Tokens> rows(const std::string& name) const {
    const io::TensorView& tensor = file_->at(name);
    std::vector<int64_t> flat(static_cast<size_t>(tensor.elements()));
    io::read_integers(tensor, flat);
    const size_t width = static_cast<size_t>(tensor.shape[1]);
    std::vector<Tokens> result;
    for (auto it = flat.begin(); it != flat.end(); it += static_cast<std::ptrdiff_t>(width))
      result.emplace_back(it, it + static_cast<std::ptrdiff_t>(width));
    return result;
  }

  std::vector<float> floats(const std::string& name) const {
    const io::TensorView& tensor = file_->at(name);
    std::vector<float> values(static_cast<size_t>(tensor.elements()));
    io::read_floats(tensor, values);
    return values;
  }

  // The new tokens of a row of the reference: up to and with the end token.
  Tokens new_tokens(const Tokens& row, const Tokens& eos) const {
    Tokens result;
    for (size_t i = padded_; i < row.size(); ++i) {
      result.push_back(row[i]);
      if (!eos.empty() && row[i] == eos[0]) break;
    }
    return result;
  }

  // A model with its programs; prompts are read in chunks of 3 tokens.
  struct Loaded {
    generate::CacheOptions options;
    std::unique_ptr<runtime::ForwardSession> session;
    std::unique_ptr<generate::CachedModel> model;
  };
  Loaded load(int64_t batch) const {
    Loaded loaded{
        .options = {.batch = batch, .capacity = static_cast<int64_t>(padded_) + kNew, .chunk = 3}};
    loaded.session = std::make_unique<runtime::ForwardSession>(
        generate::generation_graphs(golden_->spec(), loaded.options), 2);
    loaded.session->load(golden_->tensors(), golden_->spec());
    loaded.model = std::make_unique<generate::CachedModel>(
        golden_->spec(), loaded.options,
        generate::GenerationPrograms{loaded.session->programs(), 0, loaded.session->parallel()});
    return loaded;
  }

  // The reference models have none: one of as many tokens, the end token and characters from '!'
  // on.
  std::unique_ptr<const text::Tokenizer> tokenizer_of_model() const {
    std::string characters;
    for (int64_t i = 1; i < golden_->spec().vocab_size; ++i) {
      const int64_t code = '!' + i;  // two bytes of UTF-8 from 128 on
      if (code >= 128) characters += static_cast<char>(0xC0 | code >> 6);
      characters += static_cast<char>(code >= 128 ? 0x80 | (code & 0x3F) : code);
    }
    const std::string_view corpus = characters;
    return text::make_chars_tokenizer({&corpus, 1});
  }

  Tokens eos_of(const std::string& run) const {
    const auto& eos = facts_.at("runs").at(run).at("eos_token_id");
    return eos.is_null() ? Tokens() : Tokens{eos.get<int32_t>()};
  }

  double score_tolerance(const std::string& run) const {
    return facts_.at("recommended_tolerance").at(run + ".scores").at("atol").get<double>();
  }

  // What generate_beams does, but with all beams and their scores.
  static std::vector<Hypothesis> all_beams(generate::CachedModel& model, const Tokens& prompt,
                                           const generate::BeamOptions& options) {
    model.reset();
    bool first = true;
    const generate::BeamStep step = [&](const std::vector<Tokens>& sequences,
                                        const std::vector<int32_t>& parents) {
      if (!first) model.reorder(parents);
      std::vector<Tokens> next;
      for (const Tokens& sequence : sequences)
        next.push_back(first ? sequence : Tokens{sequence.back()});
      first = false;
      return model.append(next);
    };
    return generate::beam_search(generate::BeamSearch(prompt, options), step, options.num_beams);
  }

  void check_beams(const std::string& run) const {
    const auto& facts = facts_.at("runs").at(run);
    const generate::BeamOptions options{.num_beams = facts.at("num_beams").get<int64_t>(),
                                        .max_new_tokens = facts.at("max_new_tokens").get<int64_t>(),
                                        .length_penalty = facts.at("length_penalty").get<double>(),
                                        .early_stopping = facts.at("early_stopping").get<bool>()
                                                              ? generate::EarlyStopping::kFirst
                                                              : generate::EarlyStopping::kHeuristic,
                                        .eos_tokens = eos_of(run)};
    const std::vector<Tokens> want = rows(run + ".sequences");
    const std::vector<float> scores = floats(run + ".scores");
    const Loaded loaded = load(options.num_beams);
    for (size_t row = 0; row < prompts_.size(); ++row) {
      const std::vector<Hypothesis> best = all_beams(*loaded.model, prompts_[row], options);
      ASSERT_EQ(best.size(), static_cast<size_t>(options.num_beams)) << run;
      for (size_t beam = 0; beam < best.size(); ++beam) {
        const size_t at = row * best.size() + beam;
        EXPECT_EQ(best[beam].tokens, new_tokens(want[at], options.eos_tokens)) << run << " " << at;
        EXPECT_LE(std::abs(best[beam].score - static_cast<double>(scores[at])),
                  score_tolerance(run))
            << run << " " << at;
      }
      EXPECT_EQ(
          generate::generate_beams(*loaded.model, *tokenizer_of_model(), prompts_[row], options)
              .tokens,
          best[0].tokens);
    }
  }

  std::unique_ptr<io::SafetensorsFile> file_;
  nlohmann::json facts_;
  std::unique_ptr<GoldenCase> golden_;
  std::vector<Tokens> prompts_;
  size_t padded_ = 0;
};

TEST_P(GenerationGolden, GreedyTokensAndLogits) {
  const std::vector<float> expected = floats("greedy.logits");
  const std::vector<Tokens> want = rows("greedy.sequences");
  const double limit =
      facts_.at("recommended_tolerance").at("greedy.logits").at("atol").get<double>();
  const Loaded loaded = load(2);
  std::vector<Tokens> next = prompts_;
  const size_t V = static_cast<size_t>(golden_->spec().vocab_size);
  for (size_t i = 0; i < kNew; ++i) {
    const std::span<const float> logits = loaded.model->append(next);
    for (size_t row = 0; row < 2; ++row) {
      for (size_t v = 0; v < V; ++v)
        ASSERT_LE(std::abs(static_cast<double>(logits[row * V + v]) -
                           static_cast<double>(expected[(row * kNew + i) * V + v])),
                  limit)
            << "row " << row << ", token " << i << ", logit " << v;
      next[row] = {generate::greedy_token(logits.subspan(row * V, V))};
      ASSERT_EQ(next[row][0], want[row][padded_ + i]);
    }
  }
}

TEST_P(GenerationGolden, GreedyTextsEndAtTheEndToken) {
  const auto tokenizer = tokenizer_of_model();
  for (const std::string run : {"greedy", "greedy_eos"}) {
    const Loaded loaded = load(2);
    const std::vector<generate::Generated> texts = generate::generate(
        *loaded.model, *tokenizer, {.ids = prompts_},
        {.sampling = {.temperature = 0}, .max_new_tokens = kNew, .eos_tokens = eos_of(run)});
    const std::vector<Tokens> want = rows(run + ".sequences");
    ASSERT_EQ(texts.size(), 2u);
    for (size_t row = 0; row < 2; ++row)
      EXPECT_EQ(texts[row].tokens, new_tokens(want[row], eos_of(run))) << run << " " << row;
  }
}

TEST_P(GenerationGolden, Beams) {
  for (const char* run :
       {"beam", "beam_eos_lp1.0", "beam_eos_lp0.6", "beam_eos_lp2.0", "beam_eos_lp1.0_early"})
    check_beams(run);
}

INSTANTIATE_TEST_SUITE_P(Models, GenerationGolden, testing::Values("gpt2", "llama3"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace weft::test
