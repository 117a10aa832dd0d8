// --kernels=reference: the same log and the same weights, bit for bit, whatever the processor has
// and whichever of its variants the C library takes; and nearly those of the fast kernels.
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli_test.h"

namespace weft::test {
namespace {

using Json = nlohmann::json;

struct Trained {
  std::string log;      // without what the clock says
  std::string weights;  // the file's bytes
  std::vector<double> losses;
};

class Kernels : public CliTest {
 protected:
  Kernels() { prepare_run("warmup_steps: 1\neval_steps: 2\n"); }

  Trained train(const std::string& name, Arguments more,
                std::map<std::string, std::string> environment = {}) const {
    Arguments arguments = {"pretrain", "tiny.yaml", "max_steps=4", "learning_rate=1e-2",
                           "output_dir=" + name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run(arguments, {.environment = std::move(environment)});
    EXPECT_EQ(outcome.code, kDone) << outcome.all();
    Trained result;
    std::istringstream lines(text_of(name + "/log.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      Json record = Json::parse(line);
      for (const char* key : {"tokens_per_second", "peak_share", "data_wait", "memory_bytes",
                              "eta_seconds", "wall_time"})
        record.erase(key);
      if (record.contains("loss")) result.losses.push_back(record["loss"]);
      result.log += record.dump() + "\n";
    }
    result.weights = text_of(name + "/checkpoint-4/model.safetensors");
    return result;
  }

  void expect_the_same_everywhere(const Arguments& model, double tolerance) const {
    Arguments reference = model;
    reference.push_back("--kernels=reference");
    const Trained expected = train("reference", reference);
    ASSERT_EQ(expected.losses.size(), 4u) << expected.log;
    std::vector<std::pair<std::string, std::string>> machines = {
        // What glibc's functions look at.
        {"GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX,-SSE4_1"}};
    for (const char* level : {"baseline", "avx2", "avx512", "avx512_bf16", "amx"})
      machines.push_back({"WEFT_MAX_ISA", level});
    for (const auto& [variable, value] : machines) {
      const Trained got = train("on-" + value, reference, {{variable, value}});
      EXPECT_EQ(got.log, expected.log) << variable << "=" << value;
      EXPECT_TRUE(got.weights == expected.weights) << variable << "=" << value;
    }
    const Trained fast = train("auto", model);
    ASSERT_EQ(fast.losses.size(), expected.losses.size());
    for (size_t i = 0; i < fast.losses.size(); ++i)
      EXPECT_LE(std::abs(fast.losses[i] - expected.losses[i]), tolerance);
  }
};

// Sums of at most 32 products of numbers around 1, some hundred of them one after the other.
TEST_F(Kernels, ReferenceIsTheSameOnEveryProcessor) {
  expect_the_same_everywhere({}, 1e-4);
}

TEST_F(Kernels, ReferenceIsTheSameInBfloat16WithDropout) {
  expect_the_same_everywhere({"precision=bf16", "model.attention_dropout=0.1"}, 2e-2);
}

TEST_F(Kernels, AreNamedByWhatRunsAndMeasures) {
  const Outcome pretrained = must({"pretrain", "tiny.yaml", "kernels=reference"});
  EXPECT_THAT(pretrained.err, HasSubstr("kernels reference"));
  EXPECT_THAT(text_of("run/run_config.yaml"), HasSubstr("kernels: reference"));
  EXPECT_THAT(text_of("run/report.html"), HasSubstr("reference"));
  EXPECT_THAT(must({"profile", "tiny.yaml", "--kernels=reference"}).out,
              HasSubstr("kernels: reference"));
  EXPECT_THAT(must({"profile", "tiny.yaml"}).out, HasSubstr("kernels: auto ("));
  EXPECT_EQ(
      Json::parse(must({"bench", "tiny.yaml", "--json", "--kernels", "reference"}).out)["kernels"],
      "reference");
  expect_error({"bench", "tiny.yaml", "--kernels", "fast"}, {"--kernels", "fast"});
  expect_error({"profile", "tiny.yaml", "kernels=fast"}, {"kernels", "auto", "reference"});
}

// By the reference kernels, too, which need no instruction set.
TEST_F(Kernels, AnUnknownInstructionSetIsToldByAll) {
  for (const char* kernels : {"auto", "reference"}) {
    const Outcome outcome = run({"pretrain", "tiny.yaml", std::string("kernels=") + kernels},
                                {.environment = {{"WEFT_MAX_ISA", "avx3"}}});
    EXPECT_EQ(outcome.code, kBadInput) << kernels << outcome.all();
    EXPECT_THAT(outcome.err, HasSubstr("WEFT_MAX_ISA is 'avx3'; allowed are baseline")) << kernels;
  }
}

TEST_F(Kernels, AreChosenWhereModelsAreUsed) {
  must({"pretrain", "tiny.yaml"});
  const auto loss = [&](const char* kernels) {
    const Outcome outcome = must({"evaluate", "--model", "run", "--shards", "tokens",
                                  "--sequence-len", "16", "--json", "--kernels", kernels});
    return Json::parse(outcome.out)["loss"].get<double>();
  };
  EXPECT_NEAR(loss("auto"), loss("reference"), 1e-5);
  const auto text = [&](const char* kernels) {
    return must({"generate", "--model", "run", "--prompt", "Line", "--temperature", "0",
                 "--max-new-tokens", "8", "--kernels", kernels})
        .out;
  };
  EXPECT_EQ(text("auto"), text("reference"));
}

}  // namespace
}  // namespace weft::test
