// `weft bench CONFIG --operators`: which operators and shapes it times, what it counts of them, and
// what it says where there is no GPU. How fast they are is for scripts/gpu.
#include <nlohmann/json.hpp>

#include "cli_test.h"

namespace weft::test {
namespace {

class BenchOperators : public CliTest {
 protected:
  void SetUp() override {
    write("tiny.yaml",
          "model: {model_type: llama, vocab_size: 260, hidden_size: 16, intermediate_size: 24,\n"
          "  num_hidden_layers: 2, num_attention_heads: 1, max_position_embeddings: 64}\n"
          "datasets: [{path: none}]\n"
          "sequence_len: 8\nmicro_batch_size: 2\nmax_steps: 1\nlearning_rate: 1e-3\n"
          "threads: 1\noutput_dir: run\n");
  }

  Outcome bench(const std::string& device, Arguments more = {}, const std::string& fault = "") {
    RunOptions options;
    options.environment = {{"WEFT_TEST_DEVICE", "emulated"}, {"WEFT_EMULATED_FAULT", fault}};
    Arguments arguments = {"bench", "tiny.yaml", "device=" + device, "--operators", "--steps", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(std::move(arguments), std::move(options));
  }
  nlohmann::json figures(const std::string& device) {
    const Outcome outcome = bench(device, {"--json"});
    EXPECT_EQ(outcome.code, kDone) << outcome.all();
    return nlohmann::json::parse(outcome.out);
  }
};

nlohmann::json row_of(const nlohmann::json& figures, const std::string& name,
                      const std::string& weight) {
  for (const nlohmann::json& row : figures.at("operators"))
    if (row.at("operator") == name && row.at("inputs").at(1) == weight) return row;
  ADD_FAILURE() << name << " with " << weight << " is not in " << figures.dump(1);
  return {};
}

// 16 rows: the product with the queries', keys' and values' weight is 2 x 16 x 48 x 16 operations
// and reads 16 x 16 and 48 x 16 numbers to write 16 x 48, of 4 bytes each; both layers have it.
TEST_F(BenchOperators, CountsWhatIsKnownOfAProduct) {
  for (const char* device : {"cpu", "cuda"}) {
    const nlohmann::json found = figures(device);
    EXPECT_EQ(found.at("device"), device);
    EXPECT_EQ(found.at("tokens"), 16);
    const nlohmann::json row = row_of(found, "linear", "f32[48, 16]");
    EXPECT_EQ(row.at("phase"), "forward");
    EXPECT_EQ(row.at("parameters"), "layout=out_in");
    EXPECT_EQ(row.at("inputs").at(0), "f32[2, 8, 16]");
    EXPECT_EQ(row.at("outputs"), nlohmann::json::array({"f32[2, 8, 48]"}));
    EXPECT_EQ(row.at("calls"), 2);
    EXPECT_EQ(row.at("flops"), 2 * 16 * 48 * 16);
    EXPECT_EQ(row.at("bytes"), 4 * (16 * 16 + 48 * 16 + 16 * 48));
    EXPECT_GT(row.at("seconds"), 0);
    EXPECT_GT(row.at("share_of_roof"), 0);
    EXPECT_EQ(found.at("roof").at("source"), "measured");
  }
}

// Every family of kernels that a step has, the same on either device, and none twice.
TEST_F(BenchOperators, TimesEachKindOnce) {
  const nlohmann::json cpu = figures("cpu"), cuda = figures("cuda");
  std::vector<std::string> kinds[2];
  for (const auto* each : {&cpu, &cuda})
    for (const nlohmann::json& row : each->at("operators")) {
      std::string kind = row.at("operator");
      for (const char* key : {"parameters", "inputs", "outputs", "calls", "flops", "bytes"})
        kind += " " + row.at(key).dump();
      auto& list = kinds[each == &cpu ? 0 : 1];
      EXPECT_EQ(std::find(list.begin(), list.end(), kind), list.end()) << kind;
      list.push_back(kind);
    }
  EXPECT_EQ(kinds[0], kinds[1]);
  for (const char* name :
       {"linear", "linear_activation", "linear_weight_gradient", "attention", "attention_backward",
        "rms_norm", "add_rms_norm", "rms_norm_backward", "embedding", "embedding_backward",
        "rotary", "linear_cross_entropy_backward", "gradient_norm", "adamw"})
    EXPECT_TRUE(cuda.at("share_of_roof").contains(name)) << name;
}

TEST_F(BenchOperators, PrintsATable) {
  const Outcome table = bench("cuda");
  EXPECT_EQ(table.code, kDone) << table.all();
  for (const char* part : {"device: emulated:0", "roof: measured", "linear 2x8x16 48x16",
                           "attention_backward 2x8x48", "of roof", "total"})
    EXPECT_THAT(table.out, HasSubstr(part));
}

TEST_F(BenchOperators, SaysWhereThereIsNoGpu) {
  const Outcome outcome = bench("cuda", {}, "no-driver");
  EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
  EXPECT_THAT(outcome.err, HasSubstr("device cuda cannot be used: no NVIDIA driver is loaded"));
  expect_error({"bench", "--operators"}, {"--operators needs a config"});
}

}  // namespace
}  // namespace weft::test
