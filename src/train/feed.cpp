#include "train/feed.h"

#include "nn/decoder.h"
#include "train/text_evaluation.h"

namespace weft::train {

void feed(const runtime::HostInputs& inputs, const data::Batch& batch,
          const MicroBatchPlace& place) {
  copy_inputs(batch, inputs);
  if (!inputs.has(nn::kRng)) return;
  int64_t* rng = inputs.find(nn::kRng, DType::kI64).as<int64_t>();
  rng[0] = static_cast<int64_t>(place.seed);
  rng[1] = place.step;
  rng[2] = (place.step * place.micro_batches + place.micro_batch) * batch.rows;
}

}  // namespace weft::train
