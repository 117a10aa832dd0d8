// A reference case: a model's folder, a batch, and what PyTorch made of them in float64. Read from
// WEFT_GOLDEN, which the build's test settings point to.
#pragma once

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/strict_json.h"
#include "io/safetensors.h"
#include "io/tensor_set.h"
#include "nn/decoder.h"
#include "nn/model_config_file.h"

namespace weft::test {

// The folder of a case; nothing where the reference values are not on this machine.
inline std::optional<Path> golden_folder(const std::string& name) {
  const char* root = std::getenv("WEFT_GOLDEN");
  if (root == nullptr) return std::nullopt;
  const Path folder = Path(root) / "models" / name;
  if (real_file_system().status(folder).kind != FileKind::kFolder) return std::nullopt;
  return folder;
}

struct Allowed {
  double absolute = 0, relative = 0;  // the second is a part of the tensor's largest value
};

class GoldenCase {
 public:
  explicit GoldenCase(const Path& folder)
      : tensors_(io::TensorSet::from_folder(folder)),
        golden_(folder / "golden.safetensors"),
        facts_(read_json_file(folder / "golden.json")) {
    std::vector<std::string> notes;
    spec_ = nn::decoder_spec(nn::read_hugging_face_config(folder, notes));
    ids_ = integers("input_ids");
    mask_ = integers("attention_mask");
    labels_ = integers("labels");
  }

  const nn::DecoderSpec& spec() const { return spec_; }
  const io::TensorSet& tensors() const { return tensors_; }
  int64_t batch() const { return golden_.at("input_ids").shape[0]; }
  int64_t time() const { return golden_.at("input_ids").shape[1]; }

  std::vector<float> floats(const std::string& name) const {
    const io::TensorView& tensor = golden_.at(name);
    std::vector<float> values(static_cast<size_t>(tensor.elements()));
    io::read_floats(tensor, values);
    return values;
  }
  std::vector<int64_t> integers(const std::string& name) const {
    const io::TensorView& tensor = golden_.at(name);
    std::vector<int64_t> values(static_cast<size_t>(tensor.elements()));
    io::read_integers(tensor, values);
    return values;
  }

  bool is_token(size_t i) const { return mask_[i] != 0; }

  // The batch as a program's inputs: labels shifted, the last of a row ignored.
  struct Inputs {
    std::vector<int32_t> ids, positions, labels, key_range;
    int64_t count = 0;  // of labels that count
  };
  Inputs inputs() const {
    Inputs in;
    const size_t T = static_cast<size_t>(time());
    for (size_t i = 0; i < ids_.size(); ++i) {
      const int32_t t = static_cast<int32_t>(i % T);
      const bool last = i % T + 1 == T;
      in.ids.push_back(static_cast<int32_t>(ids_[i]));
      in.positions.push_back(is_token(i) ? t : 0);
      in.labels.push_back(last ? -100 : static_cast<int32_t>(labels_[i + 1]));
      in.key_range.push_back(0);
      in.key_range.push_back(is_token(i) ? t + 1 : 0);
      in.count += in.labels.back() != -100 ? 1 : 0;
    }
    return in;
  }

  Allowed allowed(const std::string& what) const {
    const auto& entry = facts_.at("recommended_tolerance").at(what);
    return {entry.at("atol").get<double>(), entry.at("rtol_to_tensor_max").get<double>()};
  }
  double after_allowed() const {
    return facts_.at("recommended_tolerance").at("after").at("atol").get<double>();
  }

 private:
  io::TensorSet tensors_;
  io::SafetensorsFile golden_;
  nlohmann::json facts_;
  nn::DecoderSpec spec_;
  std::vector<int64_t> ids_, mask_, labels_;
};

}  // namespace weft::test
