// cross_entropy: the sum over rows of -log softmax(logits)[label].
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct CrossEntropyParams {
  double label_smoothing = 0.0;  // e: (1 - e) nll + e / V sum_k -log p[k]
  double z_loss = 0.0;           // z: + z logsumexp^2
  int64_t ignore_index = -100;   // rows with this label do not count

  void visit(auto&& v) {
    v("label_smoothing", label_smoothing, {.min = 0, .max = 1});
    v("z_loss", z_loss, {.min = 0});
    v("ignore_index", ignore_index);
  }
};

// logits [..., V], labels i32 of the leading sizes. The result is f32[1]: a sum, to be divided by
// the number of labels that count.
Value cross_entropy(Value logits, Value labels, const CrossEntropyParams& params = {});

}  // namespace weft::ops
