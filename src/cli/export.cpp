// `weft export` and `weft import`: models to and from the formats of others.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "cli/inference.h"
#include "cli/verb.h"
#include "core/quote.h"
#include "io/hf_folder.h"
#include "io/llama2c.h"
#include "runtime/model_files.h"
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

// Replacing the folder that holds what is read would lose it.
void check_output(const Path& output, const Path& source) {
  std::error_code error;
  const Path to = std::filesystem::weakly_canonical(output, error);
  const Path from = std::filesystem::weakly_canonical(source, error);
  const auto [at, end] = std::mismatch(to.begin(), to.end(), from.begin(), from.end());
  if (at == to.end())
    throw Error("-o " + quote_path(output) + " would replace the model that is read, " +
                quote_path(source) + "; give another folder");
}

// The model's writer looks before each tensor whether someone has asked to stop, and removes what
// it has written: a model is large, and nobody would look for it under the hidden name it has so
// far.
io::ModelFolder that_can_be_stopped(io::ModelFolder model) {
  for (io::TensorToWrite& tensor : model.tensors)
    tensor.content = [content = std::move(tensor.content)](WritableFile& out) {
      if (interrupts().load() > 0)
        throw Error("interrupted; nothing was written", ExitCode::kInterrupted);
      content(out);
    };
  return model;
}

void run_export(const ExportOptions& options) {
  const ModelFolder model = open_model({.model = options.run}, false);
  check_output(options.output, model.path);
  const io::StoredType type =
      stored_type(options.dtype, runtime::weights_type(model.tensors, model.spec));
  LoadedParameters parameters(model);
  io::write_model_folder(
      real_file_system(), options.output,
      that_can_be_stopped(train::model_folder(
          {.config = model.config, .spec = model.spec, .tokenizer = model.tokenizer.get()},
          parameters.tensors(), type)),
      options.overwrite ? io::Overwrite::kAny : io::Overwrite::kOurs);
  std::cout << "written to " << quote_path(options.output) << " from " << quote_path(model.path)
            << "\n";
}

}  // namespace

void add_export(Verb& app) {
  auto options = std::make_shared<ExportOptions>();
  Verb verb = app.add_verb("export", "Write a run's model as a Hugging Face folder");
  verb.footer("Example:\n  weft export runs/demo -o runs/demo/export --dtype bf16");
  verb.add_option("run", options->run, "a run, a checkpoint or a Hugging Face folder").required();
  verb.add_option("-o,--output", options->output, "the folder to write").required();
  verb.add_option("--dtype", options->dtype, "fp32, bf16 or fp16; by default as it is");
  verb.add_flag("--overwrite", options->overwrite,
                "replace a folder even if something else than an export is in it");
  verb.callback([options] {
    interrupts();
    run_export(*options);
  });
}

namespace {

struct ImportOptions {
  std::string model;
  std::string tokenizer;
  std::string output;
  bool overwrite = false;
};

constexpr const char* kTokenizerBin = "tokenizer.bin";

bool is_file(const Path& path) {
  return real_file_system().status(path).kind == FileKind::kFile;
}

// The checkpoint itself, or the only .bin of a folder that is no tokenizer.
Path checkpoint_of(const Path& given) {
  FileSystem& files = real_file_system();
  if (files.status(given).kind != FileKind::kFolder) return given;
  std::vector<std::string> found;
  for (const std::string& name : files.list(given))
    if (name.ends_with(".bin") && !name.starts_with("tok") && is_file(given / name))
      found.push_back(name);
  if (found.size() == 1) return given / found.front();
  throw Error("the folder " + quote_path(given) + " holds " + std::to_string(found.size()) +
              " checkpoints of llama2.c (.bin files); give the path of the one to import");
}

// The tokenizer that was named, else the one that lies beside the checkpoint.
Path tokenizer_of(const ImportOptions& options, const Path& checkpoint) {
  if (!options.tokenizer.empty()) return options.tokenizer;
  const Path beside = parent_folder(checkpoint) / kTokenizerBin;
  if (is_file(beside)) return beside;
  std::cerr << "weft: no tokenizer: there is no " << quote_path(beside)
            << ", and --tokenizer names none; the folder will be without\n";
  return {};
}

std::string llama2c_generation_config() {
  return R"({"bos_token_id": 1, "eos_token_id": 2})";
}

// llama2.c's legacy checkpoint, with its tokenizer.bin.
void run_import(const ImportOptions& options) {
  const Path checkpoint = checkpoint_of(options.model);
  const io::Llama2cFile file(checkpoint);
  io::ModelFolder folder{.config = file.config().to_json(),
                         .generation_config = llama2c_generation_config(),
                         .tensors = file.tensors()};
  const Path tokenizer_bin = tokenizer_of(options, checkpoint);
  if (!tokenizer_bin.empty()) {
    std::vector<text::ScoredPiece> pieces;
    for (const auto& piece :
         io::read_llama2c_tokenizer(tokenizer_bin, file.config().vocab_size).pieces)
      pieces.push_back({piece.text, piece.score});
    const auto tokenizer = text::make_llama2_tokenizer(pieces);
    for (const text::TokenizerFile& content : tokenizer->files())
      folder.more_files.push_back(io::text_to_write(content.name, content.content));
  }
  io::write_model_folder(real_file_system(), options.output, that_can_be_stopped(std::move(folder)),
                         options.overwrite ? io::Overwrite::kAny : io::Overwrite::kOurs);
  std::cout << "written to " << quote_path(options.output) << " from " << quote_path(checkpoint)
            << (tokenizer_bin.empty() ? "" : " and " + quote_path(tokenizer_bin)) << "\n";
}

}  // namespace

void add_import(Verb& app) {
  auto options = std::make_shared<ImportOptions>();
  Verb verb = app.add_verb("import", "Read a model of llama2.c's legacy format");
  verb.footer("Example:\n  weft import stories260K.bin --tokenizer tok512.bin -o stories");
  verb.add_option("model", options->model, "the checkpoint .bin, or its folder").required();
  verb.add_option("--tokenizer", options->tokenizer,
                  "its tokenizer; without it the tokenizer.bin beside it");
  verb.add_option("-o,--output", options->output, "the Hugging Face folder to write").required();
  verb.add_flag("--overwrite", options->overwrite,
                "replace a folder even if something else than a model of ours is in it");
  verb.callback([options] {
    interrupts();
    run_import(*options);
  });
}

}  // namespace weft::cli
