// Verbs that measure or foretell: plan, graph, bench, profile. Their figures must fit each other.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <regex>

#include "cli_test.h"

namespace weft::test {
namespace {

using Json = nlohmann::json;

class Measure : public CliTest {
 protected:
  Measure() { write("tiny.yaml", tiny_config()); }

  Json json(Arguments arguments) const {
    arguments.push_back("--json");
    return Json::parse(must(arguments).out);
  }
};

TEST_F(Measure, ThePlanAddsUp) {
  const Json plan = json({"plan", "tiny.yaml"});
  EXPECT_EQ(plan["version"], 1);
  // 2 embeddings of 264 x 16; for each layer 4 x 16 x 16, 3 x 16 x 32 and 2 norms; a norm.
  EXPECT_EQ(plan["parameter_count"], 2 * 264 * 16 + 2 * (1024 + 1536 + 32) + 16);
  const Json& bytes = plan["bytes"];
  EXPECT_GE(bytes["parameters"].get<int64_t>(), 4 * plan["parameter_count"].get<int64_t>());
  EXPECT_EQ(bytes["gradients"], bytes["parameters"]);
  EXPECT_EQ(bytes["optimizer_state"].get<int64_t>(), 2 * bytes["parameters"].get<int64_t>());
  EXPECT_EQ(bytes["total"].get<int64_t>(),
            bytes["persistent"].get<int64_t>() + bytes["transient"].get<int64_t>());
  EXPECT_GE(bytes["transient"], bytes["transient_lower_bound"]);
  int64_t activations = 0;
  for (const Json& layer : plan["activations_by_layer"]) {
    EXPECT_NE(layer["layer"], "");
    activations += layer["bytes"].get<int64_t>();
  }
  EXPECT_EQ(activations, bytes["activations"].get<int64_t>());
  EXPECT_GT(plan["micro_batch"]["flops"].get<double>(), 6.0 * 32 * 9400) << "6 N T at least";
  EXPECT_THAT(must({"plan", "tiny.yaml"}).out, HasSubstr("activations of layers.1"));
}

// The last part of each key's path, as the table of docs/formats.md writes it.
void expect_documented(const Json& value, const std::string& key, const std::string& document) {
  if (!value.is_structured()) {
    const bool known = document.find("`" + key + "`") != std::string::npos ||
                       document.find("." + key + "`") != std::string::npos;
    EXPECT_TRUE(known) << key;
    return;
  }
  for (const auto& [name, part] : value.items())
    expect_documented(part, value.is_array() ? key : name, document);
}

TEST_F(Measure, EveryKeyOfThePlanIsDocumented) {
  const auto source = folder_of("WEFT_SOURCE");
  if (!source) GTEST_SKIP() << "WEFT_SOURCE names no checkout";
  const std::string page = read_file(*source / "docs/formats.md");
  const size_t begin = page.find("### weft plan CONFIG --json");
  ASSERT_NE(begin, page.npos);
  const std::string table = page.substr(begin, page.find("\n### ", begin) - begin);
  const Arguments plan = {"plan",         "tiny.yaml",   "precision=bf16",
                          "save_steps=1", "--memory",    "1GiB",
                          "--json",       "device=cuda", "save_in_background=true"};
  expect_documented(Json::parse(must(plan).out), "", table);
  const Json bytes =
      json({"plan", "tiny.yaml", "device=cpu", "save_steps=1", "save_in_background=true"});
  expect_documented(bytes, "", table);
  ASSERT_TRUE(bytes.contains("snapshot"));
  EXPECT_GT(bytes["snapshot"], 0);
  int64_t parts = bytes["snapshot"];
  for (const char* part : {"parameters", "compute_copies", "gradients", "optimizer_state",
                           "constants", "inputs_and_scalars", "forward_programs"})
    parts += bytes["bytes"][part].get<int64_t>();
  EXPECT_EQ(parts, bytes["bytes"]["persistent"]);
}

TEST_F(Measure, APlanThatDoesNotFitEndsWith3) {
  const Outcome outcome = run({"plan", "tiny.yaml", "--memory", "100kB"});
  EXPECT_EQ(outcome.code, kDoesNotFit) << outcome.all();
  EXPECT_THAT(outcome.out, HasSubstr("does not fit"));
  const int64_t total = json({"plan", "tiny.yaml", "micro_batch_size=5"})["bytes"]["total"];
  const Json fits = json({"plan", "tiny.yaml", "--memory", std::to_string(total)});
  EXPECT_EQ(fits["largest_micro_batch"], 5);
  EXPECT_EQ(fits["fits"], true);
  const Json less = json({"plan", "tiny.yaml", "--memory", std::to_string(total - 1)});
  EXPECT_EQ(less["largest_micro_batch"], 4);
  EXPECT_THAT(must({"plan", "tiny.yaml", "--memory", "900GiB"}).out, HasSubstr("at least 65536"));
  expect_error({"plan", "tiny.yaml", "--memory", "lots"}, {"--memory: 'lots'", "such as 16GiB"});
}

TEST_F(Measure, TheGraphIsShownAfterEachPass) {
  const Outcome all = must({"graph", "tiny.yaml", "precision=bf16"});
  for (const char* pass : {"build", "precision", "differentiate", "recompute", "fuse", "update"}) {
    EXPECT_THAT(all.out, HasSubstr("== after " + std::string(pass)));
    const Outcome dot = must({"graph", "tiny.yaml", "--pass", pass, "--dot"});
    EXPECT_THAT(dot.out, testing::StartsWith("digraph \"" + std::string(pass) + "\""));
    EXPECT_EQ(std::count(dot.out.begin(), dot.out.end(), '{'),
              std::count(dot.out.begin(), dot.out.end(), '}'));
    EXPECT_THAT(dot.out, HasSubstr(" -> "));
  }
  EXPECT_THAT(must({"graph", "tiny.yaml", "--pass", "update"}).out, HasSubstr("adamw("));
  expect_error(
      {"graph", "tiny.yaml", "--pass", "fusion"},
      {"--pass: 'fusion'", "allowed: build, precision, differentiate, recompute, fuse, update"});
}

TEST_F(Measure, TheRoofOfTheMachineIsMeasured) {
  const Json roof = json({"bench"});
  for (const char* key : {"gemm_gflops_f32", "gemm_gflops_bf16", "memory_gb_per_second"})
    EXPECT_GT(roof[key].get<double>(), 0.1) << key;
  EXPECT_GE(roof["threads"], 1);
}

TEST_F(Measure, TrainingIsTimedOnSyntheticData) {
  const Json bench = json({"bench", "tiny.yaml", "precision=bf16", "--steps", "3"});
  const auto seconds = bench["step_seconds"].get<std::vector<double>>();
  ASSERT_EQ(seconds.size(), 3u);
  const double least = *std::min_element(seconds.begin(), seconds.end());
  const double most = *std::max_element(seconds.begin(), seconds.end());
  const double rate = bench["tokens_per_second"];
  EXPECT_GE(rate, 32 / most * 0.999);
  EXPECT_LE(rate, 32 / least * 1.001);
  EXPECT_EQ(bench["peak_bytes"], json({"plan", "tiny.yaml", "precision=bf16"})["bytes"]["total"]);
  EXPECT_GT(bench["resident_bytes"].get<int64_t>(), bench["peak_bytes"].get<int64_t>());
  expect_error({"bench", "tiny.yaml", "--steps", "0"}, {"--steps"});
  expect_error({"bench", "missing.yaml"}, {"missing.yaml"});
}

TEST_F(Measure, GenerationIsTimedOnSyntheticWeights) {
  const Json bench = json({"bench", "tiny.yaml", "precision=bf16", "--generate", "--prompt-tokens",
                           "5", "--new-tokens", "7", "--steps", "3"});
  for (const char* key : {"tokens_per_second", "prompt_tokens_per_second", "new_tokens_per_second",
                          "read_gb_per_second", "memory_share"})
    EXPECT_GT(bench[key].get<double>(), 0) << key;
  // In bf16 4 x 16 x 16 and 3 x 16 x 32 for each of 2 layers and a head of 264 x 16; 5 norms in
  // fp32; not the embedding, of which a row is read. Keys and values of 6 to 11 tokens.
  const double weights = 2 * (2 * (1024 + 1536) + 264 * 16) + 4 * 5 * 16;
  EXPECT_EQ(bench["bytes_per_token"], weights + 2 * 2 * 2 * 16 * 8.5);
  EXPECT_NEAR(bench["read_gb_per_second"].get<double>() * 1e9,
              bench["new_tokens_per_second"].get<double>() * bench["bytes_per_token"].get<double>(),
              1.0);
  const Json one = json({"bench", "tiny.yaml", "--generate", "--new-tokens", "1", "--steps", "1"});
  EXPECT_GT(one["tokens_per_second"].get<double>(), 0);
  EXPECT_FALSE(one.contains("new_tokens_per_second")) << "there is none after the prompt's";
}

TEST_F(Measure, GenerationIsTimedWithAModelAndSeveralSequences) {
  write_chain_model(folder_ / "model", {.with_tokenizer = false});
  const Json one = json({"bench", "--generate", "--model", "model", "--steps", "1",
                         "--prompt-tokens", "70", "--new-tokens", "9"});
  const Json three = json({"bench", "--generate", "--model", "model", "--precision", "bf16",
                           "--prompt-tokens", "70", "--new-tokens", "9", "--sequences", "3"});
  EXPECT_GT(one["bytes_per_token"].get<double>(), three["bytes_per_token"].get<double>() * 0.9);
  EXPECT_GT(three["tokens_per_second"].get<double>(), 0);
}

TEST_F(Measure, GenerationComputesInWhatTheModelIsStoredIn) {
  write_chain_model(folder_ / "model", {.with_tokenizer = false});
  must({"export", "model", "-o", "half", "--dtype", "bf16"});
  const auto bytes = [&](const std::string& model, const std::string& precision) {
    return json({"bench", "--generate", "--model", model, "--steps", "1", "--precision", precision,
                 "--prompt-tokens", "3", "--new-tokens", "3"})["bytes_per_token"]
        .get<double>();
  };
  EXPECT_EQ(bytes("half", "auto"), bytes("half", "bf16"));
  EXPECT_EQ(bytes("model", "auto"), bytes("model", "fp32"));
  EXPECT_LT(bytes("half", "auto"), bytes("model", "auto"));
}

TEST_F(Measure, GenerationThatCannotBeTimedIsRefused) {
  write_chain_model(folder_ / "model");
  expect_error({"bench", "--generate"}, {"--generate needs a model", "--model"});
  expect_error({"bench", "tiny.yaml", "--generate", "--model", "model"}, {"either a config"});
  expect_error({"bench", "tiny.yaml", "--generate", "--prompt-tokens", "0"}, {"--prompt-tokens"});
  expect_error({"bench", "tiny.yaml", "--generate", "--prompt-tokens", "60", "--new-tokens", "5"},
               {"made for 64 tokens", "65"});
  expect_error({"bench", "tiny.yaml", "--new-tokens", "5"}, {"--new-tokens", "--generate"});
  expect_error({"bench", "--generate", "--model", "model", "--precision", "fp8"}, {"fp8", "bf16"});
}

TEST_F(Measure, AProfileSharesOutTheTimeOfAStep) {
  const Outcome outcome = must({"profile", "tiny.yaml", "--trace", "trace.json"});
  double shares = 0;
  std::istringstream lines(outcome.out);
  const std::regex row(R"(^(\S+) +([0-9,]+) .*? ([0-9.]+)% .*)");
  std::string total;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    if (match[1] == "total") total = match[3];
    else shares += std::stod(match[3]);
  }
  EXPECT_EQ(total, "100.0") << outcome.out;
  EXPECT_NEAR(shares, 100.0, 1.5) << "each is rounded to a tenth\n" << outcome.out;
  const Json trace = Json::parse(text_of("trace.json"));
  std::set<std::string> names;
  double end = 0;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    names.insert(event["name"]);
    EXPECT_GE(event["ts"].get<double>(), end - 0.01) << "one after the other";
    end = event["ts"].get<double>() + event["dur"].get<double>();
  }
  for (const char* name : {"embedding", "attention", "attention_backward", "linear", "adamw"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST_F(Measure, TokenizersAreTimedOnTextsThatAreCountedRight) {
  write("text.txt", "two\nlines\n");
  const Json bench =
      json({"tokenizer", "bench", "--tokenizer", "bytes", "text.txt", "--runs", "1"});
  EXPECT_EQ(bench["bytes"], 10);
  EXPECT_EQ(bench["ids"], 10);
  EXPECT_EQ(bench["ids_of_lines"], 8) << "no line end";
  for (const char* rate : {"mb_per_second", "mb_per_second_of_lines", "all_threads_mb_per_second",
                           "all_threads_mb_per_second_of_lines"})
    EXPECT_GT(bench[rate].get<double>(), 0.0) << rate;
  write("empty.txt", "");
  expect_error({"tokenizer", "bench", "--tokenizer", "bytes", "empty.txt"},
               {"'empty.txt' is empty"});
}

}  // namespace
}  // namespace weft::test
