#include "train/feed.h"

#include "nn/decoder.h"
#include "runtime/forward_set.h"
#include "train/text_evaluation.h"

namespace weft::train {

void feed(const graph::Program& program, const data::Batch& batch, const MicroBatchPlace& place) {
  copy_inputs(batch, program);
  if (program.graph().find(nn::kRng) == graph::kNoValue) return;
  int64_t* rng = runtime::find_input(program, nn::kRng, DType::kI64).as<int64_t>();
  rng[0] = static_cast<int64_t>(place.seed);
  rng[1] = place.step;
  rng[2] = (place.step * place.micro_batches + place.micro_batch) * batch.rows;
}

}  // namespace weft::train
