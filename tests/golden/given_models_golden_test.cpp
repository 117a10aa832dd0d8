// Hugging Face folders that others made, opened as they are: logits of those of supported kinds,
// and a clear refusal of 4-bit weights.
#include <gtest/gtest.h>

#include <cmath>

#include "golden_case.h"
#include "runtime/forward_session.h"

namespace weft::test {
namespace {

// A folder of WEFT_DATA/tiny-models; nothing where it is not on this machine.
std::optional<Path> given_folder(const std::string& name) {
  const char* root = std::getenv("WEFT_DATA");
  if (root == nullptr) return std::nullopt;
  const Path folder = Path(root) / "tiny-models" / name;
  if (real_file_system().status(folder).kind != FileKind::kFolder) return std::nullopt;
  return folder;
}

class GivenModel : public testing::TestWithParam<std::string> {};

TEST_P(GivenModel, HasTheLogitsOfTransformers) {
  const auto golden = golden_folder("existing-tiny-models"), folder = given_folder(GetParam());
  // Neither belongs to the project: the values are made with transformers, the models are public.
  if (!golden || !folder) GTEST_SKIP() << "no models or values: set WEFT_DATA and WEFT_GOLDEN";
  const io::SafetensorsFile file(*golden / (GetParam() + ".safetensors"));
  const double limit = read_json_file(*golden / (GetParam() + ".json"))
                           .at("recommended_tolerance")
                           .at("logits")
                           .at("atol")
                           .get<double>();
  std::vector<std::string> notes;
  const nn::DecoderSpec spec = nn::decoder_spec(nn::read_hugging_face_config(*folder, notes));
  const io::TensorView& ids = file.at("input_ids");
  const int64_t B = ids.shape[0], T = ids.shape[1];
  Graph graph;
  const Value logits = nn::build_logits(graph, spec, {.batch = B, .time = T});
  std::vector<runtime::ForwardGraph> graphs;
  graphs.push_back(runtime::build_forward_graph("logits", graph.data(), {logits}, DType::kF32));
  runtime::ForwardSession session(std::move(graphs), 2);
  session.load(io::TensorSet::from_folder(*folder), spec);
  std::vector<int64_t> tokens(static_cast<size_t>(B * T));
  io::read_integers(ids, tokens);
  const graph::Program& program = session.programs()[0];
  int32_t* input = runtime::find_input(program, nn::kInputIds, DType::kI32).as<int32_t>();
  int32_t* positions = runtime::find_input(program, nn::kPositions, DType::kI32).as<int32_t>();
  for (int64_t i = 0; i < B * T; ++i) {
    input[i] = static_cast<int32_t>(tokens[static_cast<size_t>(i)]);
    positions[i] = static_cast<int32_t>(i % T);
  }
  session.run(0);
  const io::TensorView& view = file.at("logits");
  std::vector<float> expected(static_cast<size_t>(view.elements()));
  io::read_floats(view, expected);
  const float* actual = session.programs().output(0, 0).as<float>();
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_LE(std::abs(static_cast<double>(expected[i]) - static_cast<double>(actual[i])), limit)
        << "logit " << i;
}

INSTANTIATE_TEST_SUITE_P(Decoders, GivenModel,
                         testing::Values("tiny_llama3", "tiny_mistral", "tiny_qwen3"),
                         [](const auto& test) { return test.param; });

class GivenQuantizedModel : public testing::TestWithParam<std::string> {};

TEST_P(GivenQuantizedModel, IsRefused) {
  const auto folder = given_folder(GetParam());
  // Public models, which do not belong to the project.
  if (!folder) GTEST_SKIP() << "no models: set WEFT_DATA";
  std::vector<std::string> notes;
  try {
    nn::read_hugging_face_config(*folder, notes);
    FAIL() << "opened";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("the weights are quantized; Weft reads float32, bfloat16 and"),
              std::string::npos)
        << message;
    EXPECT_NE(message.find("config.json:"), std::string::npos) << message;
  }
}

INSTANTIATE_TEST_SUITE_P(FourBits, GivenQuantizedModel,
                         testing::Values("tiny_llama3_tied", "tiny_qwen3_sharded"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace weft::test
