#include "cli/inference.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "generate/generation_config.h"
#include "io/checkpoint_store.h"
#include "io/hf_folder.h"
#include "nn/model_config_file.h"
#include "runtime/model_files.h"
#include "train/resume.h"
#include "weft/kernel_choice.h"

namespace weft::cli {

void add_inference_options(Verb& verb, InferenceOptions& options) {
  verb.add_option("--model", options.model, "a Hugging Face folder, or a run of ours").required();
  verb.add_option("--precision", options.precision,
                  "what to compute in; auto: bf16 where the model is stored so, else fp32")
      .among(kPrecisions)
      .shows_default();
  verb.add_option("--threads", options.threads, "0: as many as the process may use")
      .between(0, 4096)
      .shows_default();
  verb.add_option("--device", options.device,
                  "where to compute; auto: on the GPU where one can be used")
      .among({"auto", "cpu", "cuda", "gpu"})
      .shows_default();
  add_kernels_option(verb, options.kernels);
}

DType compute_type(const std::string& precision, const ModelFolder& model) {
  if (precision != "auto") return precision == "bf16" ? DType::kBF16 : DType::kF32;
  const io::StoredType stored = runtime::weights_type(model.tensors, model.spec);
  return stored == io::StoredType::kBF16 ? DType::kBF16 : DType::kF32;
}

runtime::DeviceChoice device_of(const InferenceOptions& options) {
  runtime::DeviceChoice choice = runtime::choose_device(options.device, kernel_choice());
  choice.tell = [](const std::string& notice) {
    std::cerr << "weft: " << printable_lines(notice) << "\n";
  };
  if (choice.on_gpu()) std::cerr << "weft: device cuda (" << choice.reason << ")\n";
  return choice;
}

Path model_folder_of(const Path& folder) {
  FileSystem& files = real_file_system();
  if (files.status(folder).kind == FileKind::kMissing)
    throw Error("there is no folder " + quote_path(folder));
  if (files.status(folder / "config.json").kind == FileKind::kFile) return folder;
  const io::FoundCheckpoint found = train::model_checkpoint(files, folder);
  for (const io::SkippedCheckpoint& skipped : found.skipped)
    std::cerr << "weft: skipped the damaged checkpoint " << quote_path(skipped.folder) << ": "
              << printable(skipped.reason) << "\n";
  if (found.checkpoint) return found.checkpoint->folder;
  throw Error(
      quote_path(folder) +
      " has neither a config.json nor a checkpoint; give the folder of a model or of a run");
}

ModelFolder open_model(const InferenceOptions& options, bool needs_tokenizer) {
  choose_kernels_by(options.kernels);
  const Path path = model_folder_of(options.model);
  std::vector<std::string> notes;
  nn::ModelConfig config = nn::read_hugging_face_config(path, notes);
  for (const std::string& note : notes) std::cerr << "weft: " << printable_lines(note) << "\n";
  const bool has_tokenizer = text::has_tokenizer(path.string());
  if (needs_tokenizer && !has_tokenizer)
    throw Error(quote_path(path) +
                " has no tokenizer.json, tokenizer.model, vocab.json or vocab.txt, so text cannot "
                "be read or written");
  const nn::DecoderSpec spec = nn::decoder_spec(config);
  auto tokenizer = has_tokenizer ? text::load_tokenizer(path.string()) : nullptr;
  if (tokenizer != nullptr && tokenizer->vocab_size() > spec.vocab_size)
    throw Error("the tokenizer of " + quote_path(path) + " has " +
                std::to_string(tokenizer->vocab_size()) + " tokens, the model only " +
                std::to_string(spec.vocab_size) +
                "; put the tokenizer beside it that the model was trained with");
  io::TensorSet tensors = io::TensorSet::from_folder(path);
  // Before programs are planned by what the config claims.
  const std::vector<std::string> problems = runtime::weight_problems(tensors, spec);
  if (!problems.empty()) throw Error(problems.front());
  return {path, std::move(config), spec, std::move(tokenizer), std::move(tensors)};
}

std::vector<int32_t> end_tokens(const ModelFolder& folder) {
  std::vector<int32_t> result;
  const char* const kName = "generation_config.json";
  const std::string source = quote_path(folder.path / kName);
  const generate::GenerationConfig generation =
      generate::parse_generation_config(io::read_optional_json(folder.path, kName), source);
  for (const int64_t id : generation.eos_token_id) {
    if (id >= 0 && id < folder.spec.vocab_size) result.push_back(static_cast<int32_t>(id));
    else
      std::cerr << "weft: " << source << ": eos_token_id " << id
                << " ends no text, the model has the ids 0 to " << folder.spec.vocab_size - 1
                << "\n";
  }
  if (!result.empty()) return result;
  for (const int64_t id : folder.config.eos_token_id) result.push_back(static_cast<int32_t>(id));
  if (result.empty() && folder.tokenizer != nullptr && folder.tokenizer->special_ids().eos)
    result.push_back(*folder.tokenizer->special_ids().eos);
  return result;
}

}  // namespace weft::cli
