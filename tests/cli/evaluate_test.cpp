// `weft evaluate`, `weft import` and `weft export` against what others made: reference values of
// PyTorch, and the known text of a trained model.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "chain_model.h"
#include "cli_test.h"
#include "io/safetensors.h"

namespace weft::test {
namespace {

std::vector<float> floats_of(const io::SafetensorsFile& file, const std::string& name) {
  const io::TensorView& tensor = file.at(name);
  std::vector<float> values(static_cast<size_t>(tensor.elements()));
  io::read_floats(tensor, values);
  return values;
}

std::vector<int64_t> integers_of(const io::SafetensorsFile& file, const std::string& name) {
  const io::TensorView& tensor = file.at(name);
  std::vector<int64_t> values(static_cast<size_t>(tensor.elements()));
  io::read_integers(tensor, values);
  return values;
}

class EvaluateBatch : public CliTest, public testing::WithParamInterface<const char*> {};

// Tolerances of the reference values for fp32: 5e-5 for logits, 1e-5 for the loss.
TEST_P(EvaluateBatch, GivesTheLogitsAndTheLossOfPyTorch) {
  const auto golden = folder_of("WEFT_GOLDEN");
  // The values are made with transformers and kept apart from the project.
  if (!golden) GTEST_SKIP() << "WEFT_GOLDEN names no folder of reference values";
  const fs::path model = *golden / "models" / GetParam(), batch = model / "golden.safetensors";
  const Outcome outcome = must(
      {"evaluate", "--model", model, "--batch", batch, "--output", "out.safetensors", "--json"});
  EXPECT_EQ(outcome.err, "") << "a folder that transformers wrote needs no remarks";
  const io::SafetensorsFile expected(batch), found(folder_ / "out.safetensors");
  ASSERT_EQ(found.at("logits").to_string(), expected.at("logits").to_string());
  const auto wanted = floats_of(expected, "logits"), logits = floats_of(found, "logits");
  const auto mask = integers_of(expected, "attention_mask");
  const size_t vocabulary = wanted.size() / mask.size();
  double error = 0;
  for (size_t i = 0; i < wanted.size(); ++i)
    if (mask[i / vocabulary] == 1)
      error = std::fmax(error, std::fabs(static_cast<double>(wanted[i] - logits[i])));
  EXPECT_LE(error, 5e-5);
  const double loss = static_cast<double>(floats_of(expected, "loss")[0]);
  EXPECT_NEAR(static_cast<double>(floats_of(found, "loss")[0]), loss, 1e-5);
  EXPECT_NEAR(nlohmann::json::parse(outcome.out)["loss"].get<double>(), loss, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Models, EvaluateBatch,
                         testing::Values("gpt2", "gpt2-untied", "llama", "llama-tied", "llama3",
                                         "qwen2", "qwen3", "mistral"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::erase(name, '-');
                           return name;
                         });

class Evaluate : public CliTest {
 protected:
  Evaluate() { write_chain_model(folder_ / "model"); }

  nlohmann::json evaluate(Arguments more) const {
    Arguments arguments = {"evaluate", "--model", "model", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return nlohmann::json::parse(must(arguments).out);
  }
};

TEST_F(Evaluate, ALossThatIsNoNumberIsNotHidden) {
  std::string weights = text_of("model/model.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, weights.data(), sizeof header);
  std::fill(weights.begin() + static_cast<ptrdiff_t>(8 + header), weights.end(), '\xff');  // NaN
  write("model/model.safetensors", weights);
  write("text.txt", sample_text(3));
  const Outcome outcome = run({"evaluate", "--model", "model", "--text", "text.txt", "--json"});
  EXPECT_EQ(outcome.code, 5) << outcome.all();
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["loss"], "NaN");
  EXPECT_THAT(outcome.err, HasSubstr("the loss is not finite"));
}

TEST_F(Evaluate, TextAndItsShardsAgree) {
  write("in/a.txt", sample_text(40));
  write("in/b.jsonl", "{\"text\": \"one\"}\n{\"text\": \"<|endoftext|>\"}\n");
  must({"prepare", "in", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "none"});
  const auto text = evaluate({"--text", "in"});
  EXPECT_EQ(text, evaluate({"--shards", "tokens", "--split", "train"}));
  EXPECT_EQ(evaluate({"--text", "in", "--cross-documents"}),
            evaluate({"--shards", "tokens", "--split", "train", "--cross-documents"}));
  EXPECT_EQ(text["tokens"], sample_text(40).size() + 3 + 13 + 3 - 1) << "with three ends";
  const double loss = text["loss"];
  EXPECT_NEAR(text["perplexity"].get<double>(), std::exp(loss), 1e-9 * std::exp(loss));
  const double bytes = static_cast<double>(sample_text(40).size() + 3 + 13);
  EXPECT_NEAR(text["bits_per_byte"].get<double>(),
              loss * text["tokens"].get<double>() / std::log(2.0) / bytes, 1e-9);
  EXPECT_NE(text["loss"], evaluate({"--text", "in", "--sequence-len", "7"})["tokens"]);
  write("in/c.bin", "x");
  EXPECT_THAT(must({"evaluate", "--model", "model", "--text", "in"}).err,
              HasSubstr("left out: 1 x file with another extension (for example in/c.bin)"));
}

TEST_F(Evaluate, GivesTheLossThatTrainingLogged) {
  for (size_t i = 0; i < 12; ++i)
    write("in/" + std::to_string(i) + ".txt", sample_text(3 + static_cast<int>(i)).substr(7 * i));
  must({"prepare", "in", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "tail:0.4"});
  write("tiny.yaml", tiny_config() + "eval_steps: 2\n");
  must({"pretrain", "tiny.yaml"});
  must({"export", "run", "-o", "exported"});
  std::istringstream log(text_of("run/log.jsonl"));
  double logged = 0;
  for (std::string line; std::getline(log, line);) {
    const auto entry = nlohmann::json::parse(line);
    if (entry.contains("eval_loss")) logged = entry["eval_loss"];
  }
  const auto loss = [&](Arguments more) {
    Arguments arguments = {"evaluate", "--model",        "exported", "--shards",
                           "tokens",   "--sequence-len", "16",       "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return nlohmann::json::parse(must(arguments).out)["loss"].get<double>();
  };
  EXPECT_NEAR(loss({}), logged, 1e-6 * logged);
  EXPECT_GT(std::fabs(loss({"--cross-documents"}) - logged), 1e-6 * logged);
}

TEST_F(Evaluate, TheChainIsForetoldAlmostSurely) {
  std::string text;
  for (int i = 0; i < 9; ++i) text += kChainText;
  write("chain.txt", text.substr(0, text.size() - 1));
  EXPECT_LE(evaluate({"--text", "chain.txt"})["loss"].get<double>(), 0.3);
  write("other.txt", "bbbbbbbbbbbbbbb");
  EXPECT_GE(evaluate({"--text", "other.txt"})["loss"].get<double>(), 5.0);
}

TEST_F(Evaluate, BaselinesComeFromTheTrainingSplit) {
  write("text.txt", sample_text(300));
  must({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "tail:0.1"});
  const auto result = evaluate({"--shards", "tokens", "--baselines"});
  EXPECT_LT(result["bigram_loss"].get<double>(), result["unigram_loss"].get<double>());
  EXPECT_LT(result["unigram_loss"].get<double>(), std::log(257.0));
}

TEST_F(Evaluate, TellsOfShardsThatAnotherTokenizerMade) {
  write("text.txt", sample_text(300));
  for (const std::string tokenizer : {"bytes", "chars"})
    must({"prepare", "text.txt", "-o", tokenizer, "--tokenizer", tokenizer});
  const auto told = [&](const std::string& shards) {
    return must({"evaluate", "--model", "model", "--shards", shards}).err;
  };
  EXPECT_EQ(told("bytes"), "");
  EXPECT_THAT(told("chars"), HasSubstr("validation split of 'chars' was made with another "
                                       "tokenizer file than the model's in 'model'"));
}

TEST_F(Evaluate, SaysWhatIsMissing) {
  write("text.txt", sample_text(30));
  must({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "none"});
  const auto refused = [&](Arguments more, const std::vector<std::string>& parts) {
    Arguments arguments = {"evaluate", "--model", "model"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_error(arguments, parts);
  };
  refused({}, {"--text FILE, --shards DIR, --batch FILE"});
  refused({"--shards", "tokens"}, {"validation split of 'tokens' is empty", "--split train"});
  refused({"--shards", "nowhere"}, {"'nowhere'", "`weft prepare"});
  refused({"--batch", "x"}, {"--output"});
  refused({"--batch", "nowhere", "--output", "o"}, {"nowhere", "no such file"});
  refused({"--batch", "text.txt", "--output", "o"}, {"text.txt", "no safetensors file"});
  refused({"--batch", "model/model.safetensors", "--output", "o"}, {"input_ids"});
  refused({"--text", "text.txt", "--baselines"}, {"--baselines needs --shards"});
  refused({"--text", "text.txt", "--split", "train"}, {"--split", "--shards"});
  const Arguments batch = {"--batch", "model/model.safetensors", "--output", "o"};
  for (const Arguments& more : {Arguments{"--split", "train"}, Arguments{"--sequence-len", "8"},
                                Arguments{"--batch-size", "2"}, Arguments{"--cross-documents"}}) {
    Arguments arguments = batch;
    arguments.insert(arguments.end(), more.begin(), more.end());
    refused(arguments, {more[0]});
  }
  refused({"--text", "text.txt", "--sequence-len", "97"}, {"97", "96"});
}

class ExchangedFolders : public CliTest {
 protected:
  // Tensors by name: type, shape, bytes.
  static std::map<std::string, std::string> tensors_of(const fs::path& file) {
    std::map<std::string, std::string> result;
    const io::SafetensorsFile tensors(file);
    for (const io::TensorView& tensor : tensors.tensors())
      result[std::string(tensor.name)] =
          tensor.to_string() +
          std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    return result;
  }
};

TEST_F(ExchangedFolders, TheStoryModelTellsItsStory) {
  const auto data = folder_of("WEFT_DATA");
  // Public models, which do not belong to the project.
  if (!data) GTEST_SKIP() << "WEFT_DATA names no folder of public data";
  const fs::path story = *data / "stories260k";
  must({"import", story, "-o", "folder"});
  must({"import", story / "checkpoint_legacy.bin", "--tokenizer", story / "tokenizer.bin", "-o",
        "file"});
  EXPECT_EQ(text_of("folder/model.safetensors"), text_of("file/model.safetensors"));
  const Outcome outcome =
      must({"generate", "--model", "file", "--temperature", "0", "--max-new-tokens", "200"});
  EXPECT_EQ(outcome.out, read_file(story / "expected_greedy_200.txt") + "\n");
  EXPECT_EQ(outcome.err, "");
  const Outcome started = must({"generate", "--model", "file", "--temperature", "0", "--prompt",
                                "Once upon a", "--max-new-tokens", "2"});
  EXPECT_EQ(started.out, "Once upon a time,\n") << "the space belongs to the text";
}

TEST_F(ExchangedFolders, ExportsKeepTheTensorsByteForByte) {
  write_chain_model(folder_ / "model");
  must({"export", "model", "-o", "copy"});
  EXPECT_EQ(tensors_of(folder_ / "copy/model.safetensors"),
            tensors_of(folder_ / "model/model.safetensors"));
  EXPECT_EQ(text_of("copy/tokenizer.json"), text_of("model/tokenizer.json"));
  EXPECT_EQ(must({"export", "copy", "-o", "again"}).err, "") << "no remarks about our own keys";
  EXPECT_EQ(text_of("again/config.json"), text_of("copy/config.json"));
  for (const char* dtype : {"bf16", "fp16"}) {
    const std::string half = std::string("half-") + dtype, twice = half + "-again";
    must({"export", "model", "-o", half, "--dtype", dtype});
    must({"export", half, "-o", twice});
    EXPECT_EQ(tensors_of(folder_ / half / "model.safetensors"),
              tensors_of(folder_ / twice / "model.safetensors"));
    EXPECT_LT(fs::file_size(folder_ / half / "model.safetensors"),
              fs::file_size(folder_ / "model/model.safetensors") * 6 / 10);
    EXPECT_EQ(must({"generate", "--model", twice, "--prompt", "a", "--temperature", "0",
                    "--max-new-tokens", "2"})
                  .out,
              "a\u00e9\n");
  }
}

TEST_F(ExchangedFolders, FoldersOfTransformersComeBackAsTheyWere) {
  const auto golden = folder_of("WEFT_GOLDEN");
  // The values are made with transformers and kept apart from the project.
  if (!golden) GTEST_SKIP() << "WEFT_GOLDEN names no folder of reference values";
  for (const char* name : {"gpt2", "llama3", "qwen3", "mistral"}) {
    const fs::path model = *golden / "models" / name;
    EXPECT_EQ(must({"export", model, "-o", name}).err, "");
    EXPECT_EQ(tensors_of(folder_ / name / "model.safetensors"),
              tensors_of(model / "model.safetensors"))
        << name;
  }
}

class OtherTokenizers : public CliTest {};

// What the verbs do is the same, whichever of its files describes the tokenizer.
TEST_F(OtherTokenizers, VocabAndMergesWorkAsTokenizerJsonDoes) {
  write_chain_model(folder_ / "model");
  std::ofstream(folder_ / "text.txt") << "abab aq z";
  const Arguments evaluate = {"evaluate", "--model", "model", "--text", "text.txt", "--json"};
  const Arguments generate = {"generate", "--model",          "model", "--prompt",
                              "a",        "--max-new-tokens", "8",     "--temperature=0"};
  const std::string loss = must(evaluate).out, text = must(generate).out;
  nlohmann::json file;
  std::ifstream(folder_ / "model/tokenizer.json") >> file;
  nlohmann::json vocab = file["model"]["vocab"];
  vocab["<|endoftext|>"] = kEndOfText;
  std::ofstream(folder_ / "model/vocab.json") << vocab;
  std::ofstream(folder_ / "model/merges.txt") << "#version: 0.2\n";
  fs::remove(folder_ / "model/tokenizer.json");
  EXPECT_EQ(must(evaluate).out, loss);
  EXPECT_EQ(must(generate).out, text);
}

}  // namespace
}  // namespace weft::test
