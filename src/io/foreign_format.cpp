#include "io/foreign_format.h"

#include <algorithm>
#include <array>

#include "core/quote.h"

namespace weft::io {

std::string pickle_advice(std::string_view folder) {
  return "; Weft never reads pickle, for a pickle can run any program. Convert it once, where you "
         "trust it: python -c \"from transformers import AutoModelForCausalLM as M; "
         "M.from_pretrained(" +
         quote_path(folder) + ").save_pretrained('NEW', safe_serialization=True)\"";
}

bool is_pickle_name(std::string_view file_name) {
  constexpr std::array<std::string_view, 6> kEndings = {".bin",  ".pt",  ".pth",
                                                        ".ckpt", ".pkl", ".pickle"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return file_name.ends_with(ending); });
}

std::string foreign_format(std::string_view head) {
  if (head.starts_with("PK\x03\x04")) return "a zip archive as PyTorch writes it" + pickle_advice();
  const bool is_pickle = head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5;
  if (is_pickle) return "a Python pickle" + pickle_advice();
  if (head.starts_with("GGUF"))
    return "a GGUF file, not a safetensors file; give the safetensors files that it was made "
           "from";
  if (head.starts_with("\x89HDF\r\n\x1a\n"))
    return "an HDF5 file as Keras writes it, which Weft does not read; save the model as "
           "safetensors";
  if (head.starts_with("\x93NUMPY"))
    return "a NumPy array, which Weft writes beside tokens and never reads; numpy.load() does";
  if (head.starts_with("version https://git-lfs"))
    return "a Git LFS pointer, not the file itself; run: git lfs pull";
  return "";
}

}  // namespace weft::io
