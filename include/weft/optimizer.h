// Which optimizer trains a model, and how: the options that configs and programs share.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weft {

enum class OptimizerKind : uint8_t { kAdamW, kSgd, kLion, kMuon, kAdafactor };
constexpr std::string_view name_of(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::kAdamW: return "adamw";
    case OptimizerKind::kSgd: return "sgd";
    case OptimizerKind::kLion: return "lion";
    case OptimizerKind::kMuon: return "muon";
    case OptimizerKind::kAdafactor: return "adafactor";
  }
  return "?";
}
constexpr auto values_of(OptimizerKind) {
  return std::array{OptimizerKind::kAdamW, OptimizerKind::kSgd, OptimizerKind::kLion,
                    OptimizerKind::kMuon, OptimizerKind::kAdafactor};
}

// Parameters with two or more dimensions decay, the others do not. Muon trains the matrices inside
// layers and AdamW the rest (embeddings, head, norms). Adafactor keeps no first moment, and of a
// matrix's second moments one number a row and a column.
struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdamW;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  std::optional<double> momentum;  // SGD (unset: none) and Muon (unset: 0.95)
  bool nesterov = false;           // SGD and Muon; configs set it for Muon
  double weight_decay = 0.1;
  double max_grad_norm = 1.0;  // 0: no clipping
};

}  // namespace weft
