// Logits and loss of one given batch, from file to file: how anyone compares Weft with another
// framework from outside.
#pragma once

#include <optional>

#include "io/tensor_set.h"
#include "nn/decoder_spec.h"
#include "runtime/compute_device.h"

namespace weft::train {

struct BatchEvaluation {
  Path input;   // input_ids [B, T]; attention_mask [B, T], 1 = token; labels [B, T], -100 ignored
  Path output;  // logits f32 [B, T, V]; loss f32 [1], the mean over all labels that count
  DType compute = DType::kF32;
  int threads = 1;
  runtime::DeviceChoice device = {};
};

// attention_mask and labels may be missing: everything is a token, and there is no loss. Labels are
// those of the tokens themselves; they are shifted here. Padding may stand on either side. Returns
// the loss, if there is one. Throws Error for a batch that the model cannot read; `output` is then
// as it was.
std::optional<double> evaluate_batch(const nn::DecoderSpec& spec, const io::TensorSet& tensors,
                                     const BatchEvaluation& batch);

}  // namespace weft::train
