// `weft export` and `weft import`: models to and from the formats of others.
#include <iostream>
#include <memory>

#include "cli/inference.h"
#include "cli/verb.h"
#include "io/hf_folder.h"
#include "io/llama2c.h"
#include "train/model_folder.h"

namespace weft::cli {
namespace {

struct ExportOptions {
  std::string run;
  std::string output;
  std::string dtype;
  bool overwrite = false;
};

io::StoredType stored_type(const std::string& word, io::StoredType otherwise) {
  if (word.empty()) return otherwise;
  if (word == "fp32" || word == "float32") return io::StoredType::kF32;
  if (word == "bf16" || word == "bfloat16") return io::StoredType::kBF16;
  if (word == "fp16" || word == "float16") return io::StoredType::kF16;
  throw Error("--dtype: '" + word + "' is not known; allowed: fp32, bf16, fp16");
}

// The parameters of an opened folder in memory, as the writer of folders takes them.
class LoadedParameters {
 public:
  explicit LoadedParameters(const ModelFolder& model) {
    for (const nn::TensorName& name : nn::tensor_names(model.spec)) {
      auto& values = memory_[name.parameter];
      values.resize(
          std::max(values.size(), static_cast<size_t>(name.offset + name.shape.elements())));
    }
    runtime::load_weights(model.tensors, model.spec, [&](const std::string& name) {
      return runtime::ParameterMemory{.master = memory_.at(name).data()};
    });
  }

  std::vector<runtime::NamedTensor> tensors() {
    std::vector<runtime::NamedTensor> result;
    for (auto& [name, values] : memory_)
      result.push_back(
          {name, {values.data(), {DType::kF32, {static_cast<int64_t>(values.size())}}}});
    return result;
  }

 private:
  std::map<std::string, std::vector<float>> memory_;
};

void run_export(const ExportOptions& options) {
  const ModelFolder model = open_model({.model = options.run}, false);
  const io::StoredType type = stored_type(options.dtype, model.tensors.tensors().front().type);
  LoadedParameters parameters(model);
  io::write_model_folder(
      real_file_system(), options.output,
      train::model_folder(
          {.config = model.config, .spec = model.spec, .tokenizer = model.tokenizer.get()},
          parameters.tensors(), type),
      options.overwrite ? io::Overwrite::kAny : io::Overwrite::kOurs);
  std::cout << "written to '" << options.output << "' from '" << model.path.string() << "'\n";
}

}  // namespace

void add_export(CLI::App& app) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* verb = app.add_subcommand("export", "Write a run's model as a Hugging Face folder");
  verb->footer("Example:\n  weft export runs/demo -o runs/demo/export --dtype bf16");
  verb->add_option("run", options->run, "a run, a checkpoint or a Hugging Face folder")->required();
  verb->add_option("-o,--output", options->output, "the folder to write")->required();
  verb->add_option("--dtype", options->dtype, "fp32, bf16 or fp16; by default as it is");
  verb->add_flag("--overwrite", options->overwrite,
                 "replace a folder even if something else than an export is in it");
  verb->callback([options] { run_export(*options); });
}

namespace {

struct ImportOptions {
  std::string model;
  std::string tokenizer;
  std::string output;
};

// llama2.c's legacy checkpoint, with its tokenizer.bin.
void run_import(const ImportOptions& options) {
  const io::Llama2cFile file(options.model);
  io::ModelFolder folder{.config = file.config().to_json(), .tensors = file.tensors()};
  std::unique_ptr<const text::Tokenizer> tokenizer;
  if (!options.tokenizer.empty()) {
    std::vector<text::ScoredPiece> pieces;
    for (const auto& piece :
         io::read_llama2c_tokenizer(options.tokenizer, file.config().vocab_size).pieces)
      pieces.push_back({piece.text, piece.score});
    tokenizer = text::make_llama2_tokenizer(pieces);
    for (const text::TokenizerFile& content : tokenizer->files())
      folder.more_files.push_back(io::text_to_write(content.name, content.content));
  }
  io::write_model_folder(real_file_system(), options.output, folder, io::Overwrite::kOurs);
  std::cout << "written to '" << options.output << "'\n";
}

}  // namespace

void add_import(CLI::App& app) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* verb = app.add_subcommand("import", "Read a model of llama2.c's legacy format");
  verb->footer("Example:\n  weft import stories260K.bin --tokenizer tok512.bin -o stories");
  verb->add_option("model", options->model, "the checkpoint .bin")->required();
  verb->add_option("--tokenizer", options->tokenizer, "its tokenizer.bin");
  verb->add_option("-o,--output", options->output, "the Hugging Face folder to write")->required();
  verb->callback([options] { run_import(*options); });
}

}  // namespace weft::cli
